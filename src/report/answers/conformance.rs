//! The part of `paring probe` about patterns that quantization writes: what the engine makes of each.

use crate::report::terminal::TerminalLayout;
use crate::report::terminal::layout::text_table::{TextColumn, cell, fitted};
use paring_core::schema::{EngineConformance, PatternConformance, PatternExecution};
use std::path::Path;

/// A table for a person; `path` is the file that keeps it.
pub(super) fn conformance_text(
    table: &EngineConformance,
    path: &Path,
    layout: TerminalLayout,
) -> String {
    let title = format!("\npatterns that quantization writes, by {}", table.engine);
    let reasons = table.patterns.iter().filter_map(|one| match &one.ran {
        PatternExecution::Rejected { reason } | PatternExecution::Wrong { reason } => {
            Some(format!("{}, {}, {}: {reason}", one.operator, one.precision, one.size))
        }
        PatternExecution::Integer | PatternExecution::Float => None,
    });
    let kept = format!(
        "kept in {}; a model with a pattern that is wrong or rejected is not deployed",
        path.display()
    );
    let below = reasons.chain([kept]);
    format!(
        "{}\n{}{}",
        layout.prose(&title),
        fitted(columns(&table.patterns), layout),
        layout.lines(below)
    )
}

fn columns(patterns: &[PatternConformance]) -> Vec<TextColumn> {
    let text = |heading: &str, rank: u8, of: &dyn Fn(&PatternConformance) -> String| {
        TextColumn::text(heading, rank, patterns.iter().map(|one| cell(of(one))))
    };
    let speed = |heading: &str, rank: u8, of: fn(&PatternConformance) -> Option<f64>| {
        let cells = patterns.iter().map(|one| of(one).map_or(String::new(), |v| format!("{v:.2}")));
        TextColumn::figures(heading, rank, cells.map(cell))
    };
    vec![
        text("operator", 0, &|one| one.operator.clone()),
        text("precision", 0, &|one| one.precision.clone()),
        text("size", 1, &|one| one.size.clone()),
        text("runs", 0, &|one| outcome(&one.ran).into()),
        speed("x f32", 0, |one| one.speed),
        speed("with Q/DQ", 3, |one| one.speed_converted),
        text("differs from ONNX", 2, &deviation),
        text("kernels", 4, &|one| one.kernels.join(", ")),
    ]
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

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn a_line_a_pattern_and_its_reason() {
        let pattern = |ran, differing| PatternConformance {
            operator: "MatMul".into(),
            precision: "int8 dynamic per channel".into(),
            size: "small".into(),
            shape: vec![8, 8],
            ran,
            kernels: vec!["avx512vnni_mmm_i32_8x8".into()],
            differing,
            outputs: 64,
            largest: 1.0,
            in_steps: true,
            speed: Some(1.85),
            speed_converted: Some(1.5),
        };
        let wrong = PatternExecution::Wrong { reason: "64 of 64 outputs differ by 3 steps".into() };
        let table = EngineConformance {
            schema: 1,
            target: "host".into(),
            engine: "tract 0.23.9".into(),
            cpu: None,
            patterns: vec![pattern(PatternExecution::Integer, 0), pattern(wrong, 64)],
        };
        let path = Path::new("/data/engines/host.json");
        assert_snapshot!(conformance_text(&table, path, TerminalLayout::default()), @"
        patterns that quantization writes, by tract 0.23.9
        ────────────────────────────────────────────────────────────────────────────
        operator  precision                 size   runs     x f32  differs from ONNX
        ────────────────────────────────────────────────────────────────────────────
        MatMul    int8 dynamic per channel  small  integer   1.85  nowhere
        MatMul    int8 dynamic per channel  small  WRONG     1.85  64 of 64, by 1
        ────────────────────────────────────────────────────────────────────────────
        --wide adds: with Q/DQ; kernels
        MatMul, int8 dynamic per channel, small: 64 of 64 outputs differ by 3 steps
        kept in /data/engines/host.json; a model with a pattern that is wrong or rejected is not deployed
        ");
    }
}
