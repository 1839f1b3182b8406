//! Evidence: the ledger with the hash of every entry, the protocol's hashes, and how to derive every
//! number again.

use crate::report::approval_rows::{APPROVALS, approval_rows};
use crate::report::html::page::{PageSection, PageTable, PageTableCell};
use crate::report::html::run_report::RunReport;
use paring_core::text::shell_word;
use serde_json::Value;

/// Letters of an entry's body that stand in the table; all of it is in ledger.jsonl.
const MOST_LETTERS: usize = 400;
/// Entries that stand in the table.
const MOST_ENTRIES: usize = 2_000;

/// The section.
pub fn section(run: &RunReport) -> PageSection {
    let mut section = PageSection::new("evidence", "Evidence");
    let mut hashes = PageTable::new("Hashes of the protocol", &["what", "SHA-256"]);
    for (what, hash) in [
        ("data, splits and metrics", &run.facts.data_sha256),
        ("rules of timing", &run.facts.measurement_sha256),
    ] {
        hashes.row("", vec![PageTableCell::text(what), PageTableCell::code(hash)]);
    }
    section.table(hashes);
    let approvals = approval_rows(run.ledger);
    if !approvals.is_empty() {
        let mut table = PageTable::new("Approvals, in the ledger's order", &APPROVALS);
        for row in approvals {
            table.row("", row.map(PageTableCell::text).into());
        }
        section.table(table);
    }
    section.head("How to derive the numbers again");
    section.table(derivations(run));
    let summary = format!("Ledger, each entry with its hash: {}", run.ledger.len());
    section.fold(summary, |section| {
        section.table(ledger_table(run));
        if run.ledger.len() > MOST_ENTRIES {
            section.say(format!(
                "The first {MOST_ENTRIES} of {} entries; all are in ledger.jsonl.",
                run.ledger.len()
            ));
        }
    });
    section
}

/// The command that derives each kind of figure again.
fn derivations(run: &RunReport) -> PageTable {
    let directory = shell_word(run.directory);
    let header = ["figures", "records behind them", "command"];
    let mut table = PageTable::new("Figures and the commands that derive them again", &header);
    for (figures, records, command) in [
        (
            "every hash; every row of results.csv from raw samples",
            "manifest, ledger.jsonl, journal/",
            format!("paring verify {directory}"),
        ),
        (
            "this page, report.md, overlays",
            "all files of the run",
            format!("paring report {directory}"),
        ),
        (
            "latency, speed-up, memory, energy",
            "journal/TARGET/blocks.jsonl",
            format!("paring report {directory} --format json"),
        ),
        (
            "blocks and sustained load over time; changed samples",
            "journal/TARGET/blocks.jsonl, predictions/",
            format!("paring report {directory}"),
        ),
        (
            "quality, classes, slices",
            "predictions/",
            format!("paring report {directory} --format json"),
        ),
        (
            "effects, flow, forecasts",
            "explain.json, experiments/",
            format!("paring explain {directory}"),
        ),
        (
            "time by layer, kernels, roofline",
            "journal/TARGET/nodes/, layers.csv",
            format!("paring report {directory} --format parquet --out tables"),
        ),
        (
            "the baseline, bit for bit",
            "parings/",
            format!("paring restore {directory} --variant NAME --all"),
        ),
    ] {
        let records = PageTableCell::text(records);
        let cells = vec![PageTableCell::text(figures), records, PageTableCell::code(command)];
        table.row("", cells);
    }
    table
}

fn ledger_table(run: &RunReport) -> PageTable {
    let header = ["time", "kind", "actor", "body", "entry", "previous"];
    let mut table = PageTable::new("Ledger", &header).searchable();
    for entry in run.ledger.iter().take(MOST_ENTRIES) {
        let kind = serde_json::to_value(entry.kind).ok();
        let kind = kind.as_ref().and_then(Value::as_str).unwrap_or("unknown").to_string();
        let body = entry.body.to_string();
        let body = match body.chars().count() > MOST_LETTERS {
            true => body.chars().take(MOST_LETTERS).chain(['…']).collect(),
            false => body,
        };
        table.row(
            "",
            vec![
                PageTableCell::text(&entry.time),
                PageTableCell::text(kind),
                PageTableCell::text(&entry.actor),
                PageTableCell::code(body),
                PageTableCell::code(entry.entry_id.as_str()),
                PageTableCell::code(entry.prev_sha256.as_str()),
            ],
        );
    }
    table
}
