//! Evidence: the ledger with the hash of every entry, the protocol's hashes, and how to derive every
//! number again.

use super::RunReport;
use super::page::{PageBlock, PageSection, PageTable, PageTableCell};
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
        hashes.row("", vec![PageTableCell::text(what), PageTableCell::text(hash)]);
    }
    section.table(hashes);
    section.head("How to derive the numbers again");
    section.blocks.push(PageBlock::Code(commands(run)));
    section.table(ledger_table(run));
    if run.ledger.len() > MOST_ENTRIES {
        section.say(format!(
            "The first {MOST_ENTRIES} of {} entries; all are in ledger.jsonl.",
            run.ledger.len()
        ));
    }
    section
}

fn commands(run: &RunReport) -> String {
    let directory = run.directory;
    [
        format!("paring verify {directory}            # every hash, every row of results.csv from raw samples"),
        format!("paring explain {directory}           # effects, by the same seeds"),
        format!("paring restore {directory} --variant NAME --all   # the baseline, bit for bit"),
    ]
    .join("\n")
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
                PageTableCell::text(body),
                PageTableCell::text(entry.entry_id.as_str()),
                PageTableCell::text(entry.prev_sha256.as_str()),
            ],
        );
    }
    table
}
