//! `report.html`: one self-contained file with everything that a run knows, for an engineer and a
//! reviewer.
//!
//! Each section is a function from records to blocks of a page. Derived from the run directory; it
//! measures and judges nothing of its own.

mod anatomy;
pub(super) mod drawing;
mod effects;
mod evidence;
pub(super) mod findings;
mod hardware;
pub(super) mod numbers;
pub(super) mod page;
mod predictions;
pub(super) mod summary;
mod tradeoff;
pub(super) mod verdict;

pub use anatomy::{ReportLayer, ReportNetwork};
pub use page::ReportFinding;

use super::{ResultRow, RunFacts};
use page::{PageFact, ReportPage};
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
    /// The run directory, as commands name it.
    pub directory: &'a str,
}

/// Renders `report.html`.
///
/// # Errors
/// [`askama::Error`] of the template.
pub fn report_html(run: &RunReport) -> Result<String, askama::Error> {
    let facts = vec![
        PageFact::new("run", run.facts.run_id.as_str()),
        PageFact::new("owner", run.owner),
        PageFact::new("variants", run.variants().len().to_string()),
        PageFact::new("targets", run.targets().join(", ")),
    ];
    let purpose = match run.purpose {
        "" => "The study names no purpose.".to_string(),
        purpose => format!("Purpose: {purpose}"),
    };
    let footer = format!(
        "Written by paring {} from the records in {}; `paring verify` checks them.",
        env!("CARGO_PKG_VERSION"),
        run.directory
    );
    let mut page =
        ReportPage::new(format!("{}: compression report", run.facts.study), purpose, facts, footer);
    page.push(summary::section(run));
    page.push(tradeoff::section(run));
    page.push(anatomy::section(run));
    page.push(effects::section(run));
    page.push(predictions::section(run));
    page.push(hardware::section(run));
    page.push(evidence::section(run));
    page.html()
}

impl RunReport<'_> {
    /// Names of all variants, the baseline first, in the study's order.
    pub(super) fn variants(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for row in self.rows {
            if !names.contains(&row.variant.name.as_str()) {
                names.push(&row.variant.name);
            }
        }
        names
    }

    /// Names of all targets.
    pub(super) fn targets(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for row in self.rows {
            if !names.contains(&row.target.as_str()) {
                names.push(&row.target);
            }
        }
        names
    }

    /// Rows of variants other than the baseline.
    fn variant_rows(&self) -> impl Iterator<Item = &ResultRow> {
        self.rows.iter().filter(|row| row.variant.parent.is_some())
    }

    fn explanation(&self, variant: &str) -> Option<&Explanation> {
        self.explanations.iter().find(|found| found.variant == variant)
    }
}
