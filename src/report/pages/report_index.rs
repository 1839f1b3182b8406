//! An index of runs: one line each with its recommended variant, and a link to its own report.

use crate::report::html::RunReport;
use crate::report::html::numbers::{metric_change_interval, ratio};
use crate::report::html::page::{PageFact, PageSection, PageTable, PageTableCell, ReportPage};
use crate::report::html::verdict::{change, recommended};
use std::fmt::Write;
use std::path::{Component, PathBuf};

/// A run of an index.
pub struct IndexedRun<'a> {
    /// Its records.
    pub report: RunReport<'a>,
    /// Its report.html, from the index's folder.
    pub address: PathBuf,
}

/// Renders the page.
///
/// # Errors
/// [`askama::Error`] of the template.
pub fn report_index_html(runs: &[IndexedRun]) -> Result<String, askama::Error> {
    let footer = format!(
        "Written by paring {} from the runs' records. Each report is a file of its own; `paring compare --html` shows the same study over time.",
        env!("CARGO_PKG_VERSION")
    );
    let facts = vec![PageFact::new("runs", runs.len().to_string())];
    let lead =
        "One line a run: the variant that its report recommends, and what it gains and costs.";
    let mut page = ReportPage::new("Compression reports".into(), lead.into(), facts, footer);
    let mut section = PageSection::new("summary", "Runs");
    section.table(table(runs));
    page.push(section);
    page.html()
}

fn table(runs: &[IndexedRun]) -> PageTable {
    let header = [
        "report",
        "run",
        "started",
        "variants",
        "targets",
        "recommended",
        "speed-up (99 % CI)",
        "change of quality",
    ];
    let mut table = PageTable::new("Runs in the order given", &header);
    for run in runs {
        table.row("", cells(run));
    }
    table
}

fn cells(run: &IndexedRun) -> Vec<PageTableCell> {
    let report = &run.report;
    let started = report.rows.iter().filter_map(|row| row.measurement.started_at.as_deref()).min();
    let mut cells = vec![
        PageTableCell::link(report.facts.study.clone(), address(&run.address)),
        PageTableCell::text(&report.facts.run_id),
        PageTableCell::text(started.unwrap_or("not measured")),
        PageTableCell::number(report.variants().len().to_string()),
        PageTableCell::text(report.targets().join(", ")),
    ];
    let Some(row) = recommended(report) else {
        let why = if report.facts.quick { "none: the quick protocol" } else { "none" };
        cells.extend([PageTableCell::text(why), PageTableCell::text(""), PageTableCell::text("")]);
        return cells;
    };
    let speedup = row.measurement.speed.as_ref().map_or_else(
        |why| why.0.clone(),
        |speed| {
            let found = speed.speedup;
            let [value, low, high] = [found.value, found.low, found.high].map(ratio);
            format!("{value} ({low} to {high})")
        },
    );
    let quality = row.evaluation.as_ref().zip(change(row));
    let quality = quality.map_or_else(
        || "not evaluated".to_string(),
        |(found, change)| {
            format!("{} {}", found.primary, metric_change_interval(found.primary, change))
        },
    );
    cells.extend([
        PageTableCell::text(format!("{} on {}", row.label(), row.target)),
        PageTableCell::number(speedup),
        PageTableCell::text(quality),
    ]);
    cells
}

/// A path as an address relative to the page: no letter of it is taken for a scheme, a query or a
/// fragment.
fn address(path: &std::path::Path) -> String {
    let mut out = String::from(".");
    for part in path.components() {
        match part {
            Component::ParentDir => out += "/..",
            Component::Normal(name) => {
                out.push('/');
                for byte in name.to_string_lossy().bytes() {
                    match byte {
                        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                            out.push(char::from(byte));
                        }
                        _ => {
                            let _ = write!(out, "%{byte:02X}");
                        }
                    }
                }
            }
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_to_files_whatever_these_are_called() {
        let of = |path: &str| address(std::path::Path::new(path));
        assert_eq!(of("runs/a/report.html"), "./runs/a/report.html");
        assert_eq!(of("../x y/report.html"), "./../x%20y/report.html");
        assert_eq!(of("javascript:alert(1)/#?"), "./javascript%3Aalert%281%29/%23%3F");
    }
}
