//! Records of a run that its reports show.

use super::network::ReportNetwork;
use super::records::{ReportSamples, TargetBlocks};
use crate::report::gate::scenario_sentences;
use crate::report::{ResultRow, RunFacts};
use paring_core::schema::{Explanation, LayerTable, LedgerEntry};

/// Records of a run that the report shows.
pub struct RunReport<'a> {
    /// Study, run and hashes.
    pub facts: &'a RunFacts,
    /// Accountable person or team.
    pub owner: &'a str,
    /// Purpose in the study's words; empty where it names none.
    pub purpose: &'a str,
    /// One row per variant, target and setting; the baseline's first.
    pub rows: &'a [ResultRow],
    /// Times layer by layer, where they were measured.
    pub layers: &'a [LayerTable],
    /// Results of `paring explain`; empty before it ran.
    pub explanations: &'a [Explanation],
    /// Entries of the ledger, in order.
    pub ledger: &'a [LedgerEntry],
    /// Layers of the baseline with weights and what flows between them.
    pub network: &'a ReportNetwork,
    /// Blocks of each target, over time.
    pub blocks: &'a [TargetBlocks],
    /// Samples whose class changed, and their inputs.
    pub samples: &'a ReportSamples,
    /// Records that could not be read, a sentence each.
    pub unreadable: &'a [String],
    /// The run directory, as commands name it.
    pub directory: &'a str,
}

#[cfg(test)]
impl<'a> RunReport<'a> {
    /// A report of rows alone, for tests.
    pub(in crate::report) fn of_rows(rows: &'a [ResultRow]) -> RunReport<'a> {
        RunReport {
            facts: Box::leak(Box::new(crate::report::example_rows::example_facts())),
            owner: "@team",
            purpose: "",
            rows,
            layers: &[],
            explanations: &[],
            ledger: &[],
            network: Box::leak(Box::default()),
            blocks: &[],
            samples: Box::leak(Box::default()),
            unreadable: &[],
            directory: "runs/a",
        }
    }
}

impl RunReport<'_> {
    /// Names of all variants, the baseline first, in the study's order.
    pub(in crate::report) fn variants(&self) -> Vec<&str> {
        unique(self.rows.iter().map(|row| row.variant.name.as_str()))
    }

    /// Names of all targets.
    pub(in crate::report) fn targets(&self) -> Vec<&str> {
        unique(self.rows.iter().map(|row| row.target.as_str()))
    }

    /// Rows of variants other than the baseline.
    pub(super) fn variant_rows(&self) -> impl Iterator<Item = &ResultRow> {
        self.rows.iter().filter(|row| row.variant.parent.is_some())
    }

    /// The first row of a variant.
    pub(super) fn row(&self, variant: &str) -> Option<&ResultRow> {
        self.rows.iter().find(|row| row.variant.name == variant)
    }

    /// First rows of the variants that a variant was made from, the baseline's first, its own last.
    pub(super) fn lineage<'a>(&'a self, row: &'a ResultRow) -> Vec<&'a ResultRow> {
        let mut found = vec![row];
        // A record may name itself or a variant made from it; no lineage is longer than the run.
        while let Some(parent) = found.last().and_then(|last| last.variant.parent.as_ref())
            && found.len() < self.rows.len()
            && let Some(before) = self.row(parent)
        {
            found.push(before);
        }
        found.reverse();
        found
    }

    /// Sentences about the protocol's requirements that a variant keeps or breaks, on every target and setting.
    pub(in crate::report) fn scenarios(&self, variant: &str) -> Vec<String> {
        let own = self.rows.iter().filter(|row| row.variant.name == variant);
        let all = own.flat_map(|row| scenario_sentences(self.facts, self.rows, row));
        let mut seen = std::collections::BTreeSet::new();
        all.filter(|sentence| seen.insert(sentence.clone())).collect()
    }

    /// The explanation of a variant.
    pub(super) fn explanation(&self, variant: &str) -> Option<&Explanation> {
        self.explanations.iter().find(|found| found.variant == variant)
    }
}

/// Names in the order in which they first occur.
fn unique<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = std::collections::BTreeSet::new();
    names.filter(|name| seen.insert(*name)).collect()
}
