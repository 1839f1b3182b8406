//! summary.md: what came of a run on one screen, beside its tables.

use super::markdown_text::{code, table, text};
use super::results_rows::{VERDICTS, verdict_cells};
use crate::report::engines::{EngineSpeedup, engine_speedups};
use crate::report::gate::gate_sentence;
use crate::report::{ResultRow, RunFacts};
use paring_core::text::printable_lines;

/// Columns of the rows of other engines.
const ENGINES: [&str; 5] = [
    "variant",
    "engine",
    "speed-up over tract's baseline (99 % CI)",
    "over its own baseline",
    "flips",
];

/// The rows of tract with their verdicts, those of other engines, requirements, and rows that are not to
/// be trusted.
pub fn summary_md(facts: &RunFacts, rows: &[ResultRow], engine_rows: &[ResultRow]) -> String {
    let mut out = format!("# {}, run {}\n\n", code(&facts.study), code(&facts.run_id));
    if facts.quick {
        out += "Quick protocol: no verdicts, not for decisions.\n\n";
    }
    if let Some(sentence) = facts.gate(rows).as_ref().and_then(gate_sentence) {
        out += &format!("{}\n\n", text(&sentence));
    }
    let cells: Vec<Vec<String>> = rows.iter().map(verdict_cells).collect();
    out += &table(&VERDICTS, &cells);
    if !engine_rows.is_empty() {
        let found = engine_speedups(rows, engine_rows);
        let cells: Vec<Vec<String>> = found.iter().map(engine_cells).collect();
        out += &format!("\n{}", table(&ENGINES, &cells));
        let causes = found.iter().filter_map(EngineSpeedup::cause);
        out.extend(causes.map(|cause| format!("\n- {}", text(&cause))));
        out += "\n";
    }
    let invalid = rows.iter().chain(engine_rows).filter_map(|row| {
        let reasons = row.measurement.invalid_reasons.join("; ");
        let name = format!("{} on {}", row.label(), row.target);
        (!reasons.is_empty()).then(|| format!("- not valid: {}: {}\n", text(&name), text(&reasons)))
    });
    let invalid: String = invalid.collect();
    if !invalid.is_empty() {
        out += &format!("\n{invalid}");
    }
    out += "\nIntervals: quality 95 %, timing 99 %. All figures: results.csv, by layer layers.csv; \
            drawn: report.html; for a pull request: report.md.\n";
    printable_lines(&out).into_owned()
}

fn engine_cells(found: &EngineSpeedup) -> Vec<String> {
    let row = found.row;
    let engine = row.engine.as_ref();
    let interval = |found: paring_core::schema::ConfidenceInterval| {
        format!("{:.2} ({:.2} to {:.2})", found.value, found.low, found.high)
    };
    let speedup = match &row.measurement.speed {
        Ok(speed) => interval(speed.speedup),
        Err(missing) => text(&missing.0),
    };
    let agreement = engine.and_then(|e| e.found.as_ref()?.agreement.as_ref()?.as_ref().ok());
    let flips = agreement.and_then(|a| Some(format!("{} of {}", a.flips?, a.samples)));
    vec![
        code(&row.variant.name),
        text(&engine.map(|engine| engine.label()).unwrap_or_default()),
        speedup,
        found.over_own_baseline.map(interval).unwrap_or_default(),
        flips.unwrap_or_default(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example_rows::timed_row;

    #[test]
    fn a_run_on_one_screen() {
        let facts = RunFacts {
            study: "digits".into(),
            run_id: "0123456789ab".into(),
            data_sha256: String::new(),
            measurement_sha256: String::new(),
            quick: false,
            requirements: vec![],
        };
        let mut rows = vec![
            timed_row("baseline", "host", 200_000.0, None, 0.0),
            timed_row("int8|x", "host", 400_000.0, Some(0.5), -0.02),
        ];
        rows[1].measurement.invalid_reasons = vec!["3 solo blocks, a verdict needs 9".into()];
        let own = timed_row("any", "host", 50_000.0, Some(4.0), 0.0).measurement;
        let other = rows[0].clone().in_engine("ort 1.23.2", own);
        let text = summary_md(&facts, &rows, &[other]);
        for line in [
            "# `digits`, run `0123456789ab`",
            "| `baseline` |",
            "**slower**",
            "ort 1.23.2",
            "4.00 (3.99 to 4.01)",
            "not valid: int8",
            "3 solo blocks, a verdict needs 9",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert!(!text.contains("int8|x` | host"), "a bar in a name ends no cell: {text}");
    }
}
