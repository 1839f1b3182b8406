//! Decisions that made a variant of the baseline, from the ledger, and sentences about those that cannot
//! be read.

use crate::report::ResultRow;
use crate::report::html::run_report::RunReport;
use paring_core::schema::{Decision, LedgerEntry, LedgerEntryKind};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Entries of the ledger that are decisions, by their hash.
pub(super) fn ledger_decisions<'a>(run: &'a RunReport) -> BTreeMap<&'a str, &'a LedgerEntry> {
    let decisions = run.ledger.iter().filter(|e| e.kind == LedgerEntryKind::Decision);
    decisions.map(|entry| (entry.entry_id.as_str(), entry)).collect()
}

/// A decision and its entry's hash.
pub(super) struct EnteredDecision<'a> {
    pub entry: &'a str,
    pub decision: Decision,
}

/// Decisions that made a variant of the baseline.
#[derive(Default)]
pub(super) struct VariantDecisions<'a> {
    /// In order: those of the variants it was made from first.
    pub read: Vec<EnteredDecision<'a>>,
    /// Hashes that the variant's record names and the ledger lacks.
    absent: Vec<&'a str>,
    /// Hashes of entries that are no decisions, with the cause.
    broken: Vec<(&'a str, String)>,
}

impl<'a> VariantDecisions<'a> {
    pub(super) fn of(
        run: &'a RunReport,
        row: &'a ResultRow,
        entries: &BTreeMap<&'a str, &'a LedgerEntry>,
    ) -> VariantDecisions<'a> {
        let mut found = VariantDecisions::default();
        for id in run.lineage(row).into_iter().flat_map(|row| &row.variant.decisions) {
            let Some(entry) = entries.get(id.as_str()) else {
                found.absent.push(id.as_str());
                continue;
            };
            match Decision::deserialize(&entry.body) {
                Ok(decision) => {
                    found.read.push(EnteredDecision { entry: entry.entry_id.as_str(), decision });
                }
                Err(error) => found.broken.push((id.as_str(), error.to_string())),
            }
        }
        found
    }

    /// Sentences about decisions that cannot be shown.
    pub(super) fn unreadable(&self) -> Vec<String> {
        let absent = self.absent.iter().map(|id| {
            format!("Not shown: decision {} is not in ledger.jsonl; paring verify says what is missing.", short(id))
        });
        let broken = self.broken.iter().map(|(id, why)| {
            format!(
                "Not shown: entry {} of ledger.jsonl cannot be read as a decision: {why}.",
                short(id)
            )
        });
        absent.chain(broken).collect()
    }
}

/// The first letters of a hash.
pub(super) fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}
