//! `paring diff`: what was removed or narrowed, also in variants that other tools made.

use super::samples::Samples;
use super::{Coded, ExitCode, Global};
use crate::compress::{self, CouplingDifference, Difference, TensorDifference};
use crate::engine::Bindings;
use crate::graph::Graph;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Say what was removed or narrowed between two models, whoever did it.
#[derive(Debug, Args)]
pub(super) struct Diff {
    /// The ONNX file before
    base: PathBuf,
    /// The ONNX file after
    variant: PathBuf,
    #[command(flatten)]
    samples: Samples,
}

impl Diff {
    pub(super) fn run(self, global: &Global) -> Result<(), Coded> {
        let (base, variant) = (Graph::load(&self.base)?, Graph::load(&self.variant)?);
        let sampled = self.samples.open(&self.base)?;
        let bindings = Bindings { batch: sampled.batch, dims: &sampled.dims };
        let found = compress::compare(&base, &variant, bindings, sampled.calibration.as_ref())
            .map_err(|e| Coded::new(ExitCode::Input, e))?;
        if global.json {
            let mut value = json!(found);
            value["schema"] = json!(1);
            say!("{value:#}");
        } else {
            print(&found);
        }
        Ok(())
    }
}

fn print(found: &Difference) {
    if found.is_none() {
        say!("no difference: the same layers, the same weights");
        return;
    }
    let cut: Vec<&CouplingDifference> =
        found.couplings.iter().filter(|c| !c.removed.is_empty()).collect();
    let gone: usize = cut.iter().map(|c| c.removed.len()).sum();
    match gone {
        0 => say!("removed: nothing, in {} couplings", found.couplings.len()),
        gone => say!("removed: {gone} components of {} couplings", cut.len()),
    }
    for coupling in cut {
        let sure =
            |c: &f64| if *c < 0.995 { format!(" ({:.0} %)", 100.0 * c) } else { String::new() };
        let each = coupling.removed.iter().zip(&coupling.confidence);
        let each: Vec<String> = each.map(|(index, c)| format!("{index}{}", sure(c))).collect();
        let (left, width) = (coupling.kept.len(), coupling.width);
        say!("  {}: {left} of {width} left, gone are {}", coupling.coupling, each.join(", "));
    }
    if found.layers_removed.is_empty() && found.layers_added.is_empty() {
        say!("layers: the same {} in the same places", found.tensors.len());
    }
    let layers = [("removed", &found.layers_removed), ("added", &found.layers_added)];
    for (what, names) in layers.into_iter().filter(|(_, names)| !names.is_empty()) {
        say!("layers {what}: {}", names.join(", "));
    }
    say!("weights:");
    for tensor in &found.tensors {
        say!("  {}", line(tensor));
    }
    for problem in &found.unexplained {
        say!("not explained: {problem}");
    }
    say!("activations: {}", found.activations);
}

fn line(tensor: &TensorDifference) -> String {
    let precision = match tensor.precision == tensor.precision_there {
        true => tensor.precision.clone(),
        false => format!("{} to {}", tensor.precision, tensor.precision_there),
    };
    let mut line = format!("{:<20} {precision}, {}", tensor.layer, tensor.what);
    if let Some(change) = tensor.change.filter(|c| *c > 0.0) {
        line += &format!(", changed by {:.2} % of its norm", 100.0 * change);
    }
    if tensor.sparsity_there > tensor.sparsity + 0.001 {
        let (was, is) = (100.0 * tensor.sparsity, 100.0 * tensor.sparsity_there);
        line += &format!(", zeros {was:.1} to {is:.1} %");
    }
    line
}
