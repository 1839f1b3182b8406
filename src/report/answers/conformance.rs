//! The part of `paring probe` about patterns that quantization writes: what the engine makes of each.

use paring_core::schema::{EngineConformance, PatternConformance, PatternExecution};
use std::path::Path;

/// A table for a person; `path` is the file that keeps it.
pub(super) fn conformance_lines(table: &EngineConformance, path: &Path) -> Vec<String> {
    let mut lines = vec![format!("\npatterns that quantization writes, by {}", table.engine)];
    lines.push(format!(
        "  {:<22} {:<26} {:<7} {:<9} {:>8} {:>11}  {:<22} kernels",
        "operator", "precision", "size", "runs", "x f32", "with Q/DQ", "differs from ONNX"
    ));
    for one in &table.patterns {
        let speed = |value: Option<f64>| value.map_or(String::new(), |v| format!("{v:.2}"));
        lines.push(format!(
            "  {:<22} {:<26} {:<7} {:<9} {:>8} {:>11}  {:<22} {}",
            one.operator,
            one.precision,
            one.size,
            outcome(&one.ran),
            speed(one.speed),
            speed(one.speed_converted),
            deviation(one),
            one.kernels.join(", ")
        ));
    }
    for one in &table.patterns {
        if let PatternExecution::Rejected { reason } | PatternExecution::Wrong { reason } = &one.ran
        {
            lines.push(format!("  {}, {}, {}: {reason}", one.operator, one.precision, one.size));
        }
    }
    lines.push(format!(
        "  kept in {}; a model with a pattern that is wrong or rejected is not deployed",
        path.display()
    ));
    lines
}

fn outcome(ran: &PatternExecution) -> &'static str {
    match ran {
        PatternExecution::Integer => "integer",
        PatternExecution::Float => "float",
        PatternExecution::Rejected { .. } => "REJECTED",
        PatternExecution::Wrong { .. } => "WRONG",
    }
}

fn deviation(one: &PatternConformance) -> String {
    match (one.in_steps, one.differing) {
        (_, 0) => "nowhere".into(),
        (true, some) => format!("{some} of {}, by {:.0}", one.outputs, one.largest),
        (false, some) => format!("{some} of {}, {:.0e}", one.outputs, one.largest),
    }
}
