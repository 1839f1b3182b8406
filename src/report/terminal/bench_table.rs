//! The table of a bench: models side by side, timed and nothing else.

use super::layout::text_table::{TextColumn, cell, fitted};
use super::layout::{TerminalLayout, memory_texts, span_texts};
use super::measurement_notes::notes;
use super::results_table::{invalid, speed_columns};
use crate::report::result_row::ResultRow;
use comfy_table::{Cell, Color};
use paring_core::schema::{LatencySummary, MissingReason};
use std::path::PathBuf;

/// A model, and what was measured of it or why not.
#[derive(Clone, Debug)]
pub struct BenchRow {
    /// Its name.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// The measurement, or the reason for which it could not be tried.
    pub row: Result<ResultRow, MissingReason>,
}

impl BenchRow {
    /// The reason for which there is no latency.
    pub fn unmeasured(&self) -> Option<&MissingReason> {
        match &self.row {
            Ok(row) => row.measurement.latency.as_ref().err(),
            Err(missing) => Some(missing),
        }
    }
}

/// One row a model, the first without a speed-up; below, why figures should not be trusted.
pub fn bench_table(rows: &[BenchRow], layout: TerminalLayout) -> String {
    let measured: Vec<ResultRow> = rows.iter().filter_map(|r| r.row.clone().ok()).collect();
    let not_measured = rows.iter().filter_map(|timed| {
        let MissingReason(why) = timed.row.as_ref().err()?;
        Some(format!("not measured: {}: {why}", timed.name))
    });
    let below = invalid(&measured).into_iter().chain(notes(&measured)).chain(not_measured);
    fitted(columns(rows), layout) + &layout.lines(below)
}

fn columns(rows: &[BenchRow]) -> Vec<TextColumn> {
    let latency: Vec<Option<&LatencySummary>> = rows
        .iter()
        .map(|timed| timed.row.as_ref().ok()?.measurement.latency.as_ref().ok())
        .collect();
    let p50: Vec<_> = latency.iter().map(|found| Some(found.as_ref()?.p50_ns)).collect();
    let memory: Vec<_> =
        latency.iter().map(|found| Some(found.as_ref()?.peak_rss_bytes?.0)).collect();
    let quiet = latency.iter().map(|found| match found {
        Some(found) => cell(format!("{:.0}", 100.0 * found.quiet_share)),
        None => cell("—"),
    });
    let file = |timed: &BenchRow| Some(timed.row.as_ref().ok()?.variant.file_bytes);
    let files: Vec<_> = rows.iter().map(file).collect();
    let mut columns = vec![
        TextColumn::text("model", 0, rows.iter().map(|timed| cell(&timed.name))),
        TextColumn::units("p50", 0, span_texts(&p50, true)),
    ];
    let speeds: Vec<_> = rows.iter().map(|timed| timed.row.as_ref().ok()).collect();
    columns.extend(speed_columns(&speeds, true));
    columns.extend([
        TextColumn::figures("quiet, %", 2, quiet),
        TextColumn::units("peak memory", 3, memory_texts(&memory)),
        TextColumn::units("file", 4, memory_texts(&files)),
        TextColumn::text("valid", 1, rows.iter().map(valid)),
    ]);
    columns
}

fn valid(timed: &BenchRow) -> Cell {
    match &timed.row {
        Ok(row) if row.measurement.invalid_reasons.is_empty() => cell("yes"),
        _ => cell("no").fg(Color::Red),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example_rows::example_rows;
    use insta::assert_snapshot;

    #[test]
    fn models_side_by_side() {
        let of = |row: ResultRow| BenchRow {
            name: row.variant.name.clone(),
            path: "model.onnx".into(),
            row: Ok(row),
        };
        let mut rows: Vec<BenchRow> = example_rows().into_iter().take(3).map(of).collect();
        let why = MissingReason("is not an ONNX model".into());
        rows.push(BenchRow { name: "broken".into(), path: "broken.onnx".into(), row: Err(why) });
        assert_snapshot!(bench_table(&rows, TerminalLayout::default()), @"
        ────────────────────────────────────────────────────────────────────
        model           p50, µs           speed-up  verdict  quiet, %  valid
        ────────────────────────────────────────────────────────────────────
        baseline        192 ± 4                                    97  yes
        pruned-0.5      102 ± 2  1.85 [1.84, 1.86]  faster         97  no
        magnitude-0.25  145 ± 3  1.29 [1.28, 1.30]  faster         97  no
        broken                —                  —                  —  no
        ────────────────────────────────────────────────────────────────────
        --wide adds: peak memory, MiB; file, KiB
        not valid: pruned-0.5, magnitude-0.25: only 4 of 10 solo blocks saw a quiet machine
        not valid: magnitude-0.25: outputs differ between blocks
        something else kept the machine busy; measure again with a new --out
        not measured: broken: is not an ONNX model
        ");
    }
}
