//! `paring diff`: what differs between two models, also where other tools made the second.

use super::samples::Samples;
use super::{Coded, ExitCode, Global};
use clap::Args;
use paring_agent::engine::DimensionBindings;
use paring_compress::{
    self, CouplingDifference, DifferenceVerdict, ModelDifference, TensorDifference,
};
use paring_onnx::graph::Graph;
use serde_json::json;
use std::path::PathBuf;

/// Say what differs between two models, whoever made them.
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
        let bindings = DimensionBindings { batch: sampled.batch, dims: &sampled.dims };
        let found =
            paring_compress::compare(&base, &variant, bindings, sampled.calibration.as_ref())
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

/// The conclusion, then what carries it.
fn print(found: &ModelDifference) {
    found.conclusion.iter().for_each(|line| say!("{line}"));
    if found.verdict == DifferenceVerdict::Identical {
        return;
    }
    if !found.rewrites.is_empty() {
        say!("rewrites undone before comparing:");
        found.rewrites.iter().for_each(|rewrite| say!("  {rewrite}"));
    }
    if found.verdict == DifferenceVerdict::SameFunction {
        let nodes = [
            ("only in the baseline", &found.operators_removed),
            ("only in the variant", &found.operators_added),
        ];
        for (where_from, names) in nodes.into_iter().filter(|(_, names)| !names.is_empty()) {
            say!("operators {where_from}: {}", names.join(", "));
        }
        return;
    }
    let cut: Vec<&CouplingDifference> =
        found.couplings.iter().filter(|c| !c.removed.is_empty()).collect();
    if !cut.is_empty() {
        say!("removed components:");
        cut.into_iter().for_each(|coupling| say!("  {}", removed(coupling)));
    }
    let weights: Vec<&TensorDifference> = found
        .tensors
        .iter()
        .filter(|t| t.what != "the same" || t.precision != t.precision_there)
        .collect();
    let same = found.tensors.len() - weights.len();
    if !weights.is_empty() {
        say!("weights ({same} layers the same):");
        weights.into_iter().for_each(|tensor| say!("  {}", line(tensor)));
    }
    say!("activations: {}", found.activations);
}

fn removed(coupling: &CouplingDifference) -> String {
    let sure = |c: &f64| if *c < 0.995 { format!(" ({:.0} %)", 100.0 * c) } else { String::new() };
    let each = coupling.removed.iter().zip(&coupling.confidence);
    let each: Vec<String> = each.map(|(index, c)| format!("{index}{}", sure(c))).collect();
    let (left, width) = (coupling.kept.len(), coupling.width);
    format!("{}: {left} of {width} left, gone are {}", coupling.coupling, each.join(", "))
}

fn line(tensor: &TensorDifference) -> String {
    let precision = match tensor.precision == tensor.precision_there {
        true => tensor.precision.clone(),
        false => format!("{} to {}", tensor.precision, tensor.precision_there),
    };
    let mut line = format!("{:<20} {precision}, {}", tensor.layer, tensor.what);
    if let Some(change) = tensor.change.filter(|c| *c > 0.0) {
        line += &format!(", relative L2 {:.2} %", 100.0 * change);
    }
    if tensor.sparsity_there > tensor.sparsity + 0.001 {
        let (was, is) = (100.0 * tensor.sparsity, 100.0 * tensor.sparsity_there);
        line += &format!(", zeros {was:.1} to {is:.1} %");
    }
    line
}
