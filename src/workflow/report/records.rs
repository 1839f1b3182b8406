//! Records of a finished run that its reports show, read from its directory alone; samples are drawn from
//! the data that its study names.

use super::blocks::target_blocks;
use super::layers::layer_tables;
use super::network::network;
use super::samples::report_samples;
use crate::ledger::read_ledger;
use crate::pipeline::{Folders, read_json};
use crate::report::html::{ReportNetwork, ReportSamples, RunReport, TargetBlocks};
use crate::report::{ResultRow, RunFacts};
use crate::study::{Protocol, recorded_rows};
use crate::workflow::WorkflowError;
use paring_core::schema::{Explanation, LayerTable, LedgerEntry, NarrativeField};

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
    unreadable: Vec<String>,
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
                true => explanations.into_iter().map(without_samples).collect(),
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

/// An explanation without the samples that it names; counts stay.
fn without_samples(found: Explanation) -> Explanation {
    let single = |field: &NarrativeField| {
        field.pointer.starts_with("/hits/") || field.pointer.starts_with("/flips/")
    };
    let narrative = found.narrative.into_iter();
    let narrative = narrative.filter(|sentence| !sentence.fields.iter().any(single)).collect();
    Explanation { narrative, hits: vec![], ..found }
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
        let text = folders.root().join("study.toml").read().ok();
        let text = text.and_then(|text| String::from_utf8(text).ok());
        let Some(table) = text.and_then(|text| text.parse::<toml::Table>().ok()) else {
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

/// True where a study keeps its samples private; also where its key says neither yes nor no.
fn is_private(study: &toml::Table) -> bool {
    let data = study.get("data").and_then(toml::Value::as_table);
    let private = data.and_then(|data| data.get("private"));
    private.is_some_and(|value| value.as_bool() != Some(false))
}

/// True where the study that inputs are drawn by has become private since the run, or cannot be read;
/// one that is gone says nothing.
fn is_private_now(protocol: &Protocol, unreadable: &mut Vec<String>) -> bool {
    let path = &protocol.study_file;
    if !path.exists() {
        return false;
    }
    let text = std::fs::read_to_string(path).ok();
    let table = text.and_then(|text| text.parse::<toml::Table>().ok());
    if table.is_none() {
        unreadable.push(format!(
            "The study {} cannot be read: it may say that its data are private, so the report is redacted.",
            path.display()
        ));
    }
    table.as_ref().is_none_or(is_private)
}
