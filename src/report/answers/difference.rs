//! The answer of `paring diff`: differences between two models.

use paring_compress::{CouplingDifference, DifferenceVerdict, ModelDifference, TensorDifference};
use paring_core::number_format::counted;
use serde_json::{Value, json};

/// A difference for a machine.
pub fn difference_json(difference: &ModelDifference) -> Value {
    let mut value = json!(difference);
    value["schema"] = json!(1);
    value
}

/// A difference for a person: the conclusion, then its evidence.
pub fn difference_text(difference: &ModelDifference) -> String {
    difference_lines(difference).join("\n")
}

fn difference_lines(difference: &ModelDifference) -> Vec<String> {
    let mut lines = difference.conclusion.clone();
    if difference.verdict == DifferenceVerdict::Identical {
        return lines;
    }
    if !difference.rewrites.is_empty() {
        lines.push("rewrites undone before comparing:".into());
        difference.rewrites.iter().for_each(|rewrite| lines.push(format!("  {rewrite}")));
    }
    if difference.verdict == DifferenceVerdict::SameFunction {
        let nodes = [
            ("only in the baseline", &difference.operators_removed),
            ("only in the variant", &difference.operators_added),
        ];
        for (where_from, names) in nodes.into_iter().filter(|(_, names)| !names.is_empty()) {
            lines.push(format!("operators {where_from}: {}", names.join(", ")));
        }
        return lines;
    }
    let cut: Vec<&CouplingDifference> =
        difference.couplings.iter().filter(|c| !c.removed.is_empty()).collect();
    if !cut.is_empty() {
        lines.push("removed components:".into());
        cut.into_iter().for_each(|coupling| lines.push(format!("  {}", removed(coupling))));
    }
    let weights: Vec<&TensorDifference> = difference
        .tensors
        .iter()
        .filter(|t| t.what != "the same" || t.precision != t.precision_there)
        .collect();
    let same = difference.tensors.len() - weights.len();
    if !weights.is_empty() {
        lines.push(format!("weights ({} the same):", counted(same as u64, "layer")));
        weights.into_iter().for_each(|tensor| lines.push(format!("  {}", line(tensor))));
    }
    lines.push(format!("activations: {}", difference.activations));
    lines
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
