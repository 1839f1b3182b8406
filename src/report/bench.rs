//! The table of a bench: models side by side, timed and nothing else.

use super::notes::notes;
use super::results::Row;
use super::terminal::{RULED, invalid, latency, speed};
use crate::record::Missing;
use crate::units::Bytes;
use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table};
use std::path::PathBuf;

/// A model, and what was measured of it or why not.
#[derive(Clone, Debug)]
pub struct Timed {
    /// What it is called.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// What was measured, or why it could not even be tried.
    pub row: Result<Row, Missing>,
}

impl Timed {
    /// Why there is no latency, where there is none.
    pub fn unmeasured(&self) -> Option<&Missing> {
        match &self.row {
            Ok(row) => row.measurement.latency.as_ref().err(),
            Err(missing) => Some(missing),
        }
    }
}

const HEADER: [&str; 7] =
    ["model", "p50 latency", "speed-up", "quiet", "peak memory", "file", "valid"];

/// One row a model, the first without a speed-up; below, why figures should not be trusted.
pub fn bench_table(rows: &[Timed], color: bool) -> String {
    let mut table = Table::new();
    table.load_style(RULED).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(HEADER.map(|name| Cell::new(name).add_attribute(Attribute::Bold)));
    for timed in rows {
        table.add_row(cells(timed));
    }
    for index in 1..HEADER.len() {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    if color {
        table.enforce_styling()
    } else {
        table.force_no_tty()
    };
    let mut text = table.to_string();
    let measured: Vec<Row> = rows.iter().filter_map(|r| r.row.clone().ok()).collect();
    text.extend(invalid(&measured).iter().map(|line| format!("\n{line}")));
    text.extend(notes(&measured).iter().map(|line| format!("\n{line}")));
    for timed in rows {
        if let Err(Missing(why)) = &timed.row {
            text += &format!("\nnot measured: {}: {why}", timed.name);
        }
    }
    text
}

fn cells(timed: &Timed) -> Vec<Cell> {
    let dash = || Cell::new("—");
    let no = || Cell::new("no").fg(Color::Red);
    let Ok(row) = &timed.row else {
        return vec![Cell::new(&timed.name), dash(), dash(), dash(), dash(), dash(), no()];
    };
    let found = row.measurement.latency.as_ref().ok();
    let memory = found.and_then(|s| s.peak_rss_bytes);
    vec![
        Cell::new(&timed.name),
        Cell::new(latency(row)),
        speed(row),
        found.map_or_else(dash, |s| Cell::new(format!("{:.0} %", 100.0 * s.quiet_share))),
        memory.map_or_else(dash, Cell::new),
        Cell::new(Bytes(row.variant.file_bytes)),
        if row.measurement.invalid_reasons.is_empty() { Cell::new("yes") } else { no() },
    ]
}
