//! Records that a card of a variant is made of.

use crate::report::{ResultRow, RunFacts};
use paring_core::schema::{Decision, Evaluation, Sha256Hex, VariantRecord};
use std::collections::BTreeMap;

/// Records of a variant that its card shows.
#[derive(Clone, Copy, Debug)]
pub struct CardRecords<'a> {
    /// Study, run and hashes.
    pub facts: &'a RunFacts,
    /// Accountable person or team.
    pub owner: &'a str,
    /// A person's words about the study, by key.
    pub words: &'a BTreeMap<String, String>,
    /// The variant and those that it was made from, the baseline last.
    pub line: &'a [VariantRecord],
    /// Rows of the variant, by target and setting; none where it was not measured.
    pub rows: &'a [ResultRow],
    /// Its quality on the report split, where it was evaluated.
    pub evaluation: Option<&'a Evaluation>,
    /// Decisions that led to it from the baseline, with their ledger entries.
    pub decisions: &'a [(Sha256Hex, Decision)],
    /// Those who approve it now, and what is lacking.
    pub approval: Option<&'a CardApproval>,
    /// Version of paring.
    pub version: &'a str,
}

/// Approval of a variant, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CardApproval {
    /// A person, and the moment from which the approval no longer counts.
    pub people: Vec<(String, Option<String>)>,
    /// The reason why it is not approved; `None` of an approved variant.
    pub lacking: Option<String>,
}

/// Said where nobody stated something.
pub(super) const NOT_STATED: &str = "not stated";

impl CardRecords<'_> {
    /// The variant.
    pub(super) fn variant(&self) -> Option<&VariantRecord> {
        self.line.first()
    }

    /// A person's words, if there are any.
    pub(super) fn word(&self, key: &str) -> Option<&str> {
        self.words.get(key).map(String::as_str).filter(|text| !text.trim().is_empty())
    }

    /// Number of decisions by operation, in the order in which they first occur.
    pub(super) fn operations(&self) -> Vec<(&str, usize)> {
        let mut found: Vec<(&str, usize)> = Vec::new();
        for (_, decision) in self.decisions {
            match found.iter_mut().find(|(operation, _)| *operation == decision.operation) {
                Some((_, count)) => *count += 1,
                None => found.push((&decision.operation, 1)),
            }
        }
        found
    }
}
