//! Records of a finished run that its reports show, read from its directory alone; samples are drawn from
//! the data that its study names.

use super::blocks::target_blocks;
use super::layers::layer_tables;
use super::network::network;
use super::privacy::{is_private, is_private_now, kept_study};
use super::samples::report_samples;
use crate::ledger::read_ledger;
use crate::pipeline::{Folders, read_json};
use crate::report::html::{ReportNetwork, ReportSamples, RunReport, TargetBlocks};
use crate::report::{ResultRow, RunFacts};
use crate::study::{Protocol, recorded_rows};
use crate::workflow::WorkflowError;
use paring_core::schema::{Explanation, LayerTable, LedgerEntry};

/// Records of a run.
pub(super) struct ReportRecords {
    facts: RunFacts,
    words: StudyWords,
    pub(super) rows: Vec<ResultRow>,
    layers: Vec<LayerTable>,
    explanations: Vec<Explanation>,
    ledger: Vec<LedgerEntry>,
    network: ReportNetwork,
    blocks: Vec<TargetBlocks>,
    samples: ReportSamples,
    /// Sentences about records that cannot be read.
    pub(super) unreadable: Vec<String>,
    directory: String,
}

impl ReportRecords {
    /// Reads them; with `redact`, or where the study that the run keeps or the one that samples would be
    /// drawn by says that its data are private, nothing of single samples.
    ///
    /// # Errors
    /// [`WorkflowError`] where a record that every report needs cannot be read.
    pub(super) fn read(
        folders: &Folders,
        protocol: &Protocol,
        redact: bool,
    ) -> Result<ReportRecords, WorkflowError> {
        let found = recorded_rows(folders)?;
        let blocks = target_blocks(&found.rows, &found.journals);
        let rows = found.rows;
        let mut unreadable = Vec::new();
        let words = StudyWords::read(folders, &mut unreadable);
        let redacted = redact || words.private || is_private_now(protocol, &mut unreadable);
        let explanations = explanations(folders, &mut unreadable);
        Ok(ReportRecords {
            facts: protocol.facts(),
            layers: layer_tables(folders, &rows, &mut unreadable),
            explanations: match redacted {
                true => explanations.into_iter().map(Explanation::without_samples).collect(),
                false => explanations,
            },
            ledger: read_ledger(&folders.ledger())?,
            network: network(folders, &rows, &mut unreadable),
            blocks,
            samples: report_samples(folders, protocol, &rows, redacted, &mut unreadable),
            directory: folders.root().display().to_string(),
            words,
            rows,
            unreadable,
        })
    }

    /// The ledger, whole.
    pub(super) fn ledger(&self) -> &[LedgerEntry] {
        &self.ledger
    }

    /// The reason why samples could not be drawn, or the first record that cannot be read.
    pub(super) fn undrawn(&self) -> Option<paring_core::schema::MissingReason> {
        let unreadable = self.unreadable.first().cloned().map(paring_core::schema::MissingReason);
        self.samples.drawings.as_ref().err().cloned().or(unreadable)
    }

    /// The records as reports took them in `directory`, when the ledger had `entries` entries.
    pub(super) fn report_at<'a>(&'a self, directory: &'a str, entries: usize) -> RunReport<'a> {
        let ledger = self.ledger.get(..entries).unwrap_or(&self.ledger);
        RunReport { directory, ledger, ..self.report() }
    }

    /// The records as reports take them.
    pub(super) fn report(&self) -> RunReport<'_> {
        RunReport {
            facts: &self.facts,
            owner: &self.words.owner,
            purpose: &self.words.purpose,
            rows: &self.rows,
            layers: &self.layers,
            explanations: &self.explanations,
            ledger: &self.ledger,
            network: &self.network,
            blocks: &self.blocks,
            samples: &self.samples,
            unreadable: &self.unreadable,
            directory: &self.directory,
        }
    }
}

/// Explanations, where `paring explain` wrote any.
fn explanations(folders: &Folders, unreadable: &mut Vec<String>) -> Vec<Explanation> {
    let path = folders.explanations();
    if !path.exists() {
        return vec![];
    }
    read_json(&path).unwrap_or_else(|| {
        unreadable.push(
            "Effects are not shown: explain.json cannot be read; paring explain writes it anew."
                .into(),
        );
        vec![]
    })
}

/// A person's words in the study that the run keeps.
#[derive(Default)]
struct StudyWords {
    owner: String,
    purpose: String,
    /// True where single samples are not to be shown; also where the study cannot be read.
    private: bool,
}

impl StudyWords {
    fn read(folders: &Folders, unreadable: &mut Vec<String>) -> StudyWords {
        let Some(table) = kept_study(folders) else {
            unreadable.push("The study that the run keeps (study.toml) cannot be read: its owner and purpose are not shown, and the report is redacted.".into());
            return StudyWords { private: true, ..StudyWords::default() };
        };
        let value = |section: &str, key: &str| table.get(section)?.as_table()?.get(key);
        let word = |key| value("study", key).and_then(toml::Value::as_str).unwrap_or_default();
        StudyWords {
            owner: word("owner").to_string(),
            purpose: word("purpose").to_string(),
            private: is_private(&table),
        }
    }
}
