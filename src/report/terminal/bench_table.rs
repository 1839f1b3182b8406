//! The table of a bench: models side by side, timed and nothing else.

use super::measurement_notes::notes;
use super::results_table::{invalid, latency, speed};
use super::text_table::{cell, heading, lines, ruled};
use crate::report::result_row::ResultRow;
use comfy_table::{Cell, Color};
use paring_core::schema::MissingReason;
use paring_core::units::Bytes;
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

const HEADER: [&str; 7] =
    ["model", "p50 latency", "speed-up", "quiet", "peak memory", "file", "valid"];

/// One row a model, the first without a speed-up; below, why figures should not be trusted.
pub fn bench_table(rows: &[BenchRow], color: bool) -> String {
    let header = HEADER.map(heading).to_vec();
    let text = ruled(header, rows.iter().map(cells), 1..HEADER.len(), color);
    let measured: Vec<ResultRow> = rows.iter().filter_map(|r| r.row.clone().ok()).collect();
    let not_measured = rows.iter().filter_map(|timed| {
        let MissingReason(why) = timed.row.as_ref().err()?;
        Some(format!("not measured: {}: {why}", timed.name))
    });
    text + &lines(invalid(&measured).into_iter().chain(notes(&measured)).chain(not_measured))
}

fn cells(timed: &BenchRow) -> Vec<Cell> {
    let dash = || cell("—");
    let no = || cell("no").fg(Color::Red);
    let Ok(row) = &timed.row else {
        return vec![cell(&timed.name), dash(), dash(), dash(), dash(), dash(), no()];
    };
    let found = row.measurement.latency.as_ref().ok();
    let memory = found.and_then(|s| s.peak_rss_bytes);
    vec![
        cell(&timed.name),
        cell(latency(row)),
        speed(row),
        found.map_or_else(dash, |s| cell(format!("{:.0} %", 100.0 * s.quiet_share))),
        memory.map_or_else(dash, cell),
        cell(Bytes(row.variant.file_bytes)),
        if row.measurement.invalid_reasons.is_empty() { cell("yes") } else { no() },
    ]
}
