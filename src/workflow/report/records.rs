//! Records of a finished run that its reports show, read from its directory alone.

use super::layers::layer_tables;
use super::network::network;
use crate::ledger::read_ledger;
use crate::pipeline::{Folders, read_json};
use crate::report::html::{ReportNetwork, RunReport};
use crate::report::{ResultRow, RunFacts};
use crate::study::{Protocol, recorded_rows};
use crate::workflow::WorkflowError;
use paring_core::schema::{Explanation, LayerTable, LedgerEntry};
use std::collections::BTreeMap;

/// Records of a run.
pub(super) struct ReportRecords {
    facts: RunFacts,
    owner: String,
    purpose: String,
    pub(super) rows: Vec<ResultRow>,
    layers: Vec<LayerTable>,
    explanations: Vec<Explanation>,
    ledger: Vec<LedgerEntry>,
    network: ReportNetwork,
    directory: String,
}

impl ReportRecords {
    /// Reads them.
    ///
    /// # Errors
    /// [`WorkflowError`] where a record of the run cannot be read.
    pub(super) fn read(
        folders: &Folders,
        protocol: &Protocol,
    ) -> Result<ReportRecords, WorkflowError> {
        let rows = recorded_rows(folders)?;
        let mut study = study_words(folders);
        let mut word = |key: &str| study.remove(key).unwrap_or_default();
        Ok(ReportRecords {
            facts: protocol.facts(),
            owner: word("owner"),
            purpose: word("purpose"),
            layers: layer_tables(folders, &rows),
            explanations: read_json(&folders.explanations()).unwrap_or_default(),
            ledger: read_ledger(&folders.ledger())?,
            network: network(folders, &rows),
            directory: folders.root().display().to_string(),
            rows,
        })
    }

    /// The records as reports take them.
    pub(super) fn report(&self) -> RunReport<'_> {
        RunReport {
            facts: &self.facts,
            owner: &self.owner,
            purpose: &self.purpose,
            rows: &self.rows,
            layers: &self.layers,
            explanations: &self.explanations,
            ledger: &self.ledger,
            network: &self.network,
            directory: &self.directory,
        }
    }
}

/// Texts under `[study]` of the study that the run keeps.
fn study_words(folders: &Folders) -> BTreeMap<String, String> {
    let text = folders.root().join("study.toml").read().unwrap_or_default();
    let table: toml::Table =
        std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok()).unwrap_or_default();
    let words = table.get("study").and_then(toml::Value::as_table).into_iter().flatten();
    words.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_string()))).collect()
}
