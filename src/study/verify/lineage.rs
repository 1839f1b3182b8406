//! Lineages against the ledger: every field of a variant's record that follows from its files, its
//! parent and its decisions.

use super::VerifyError;
use crate::ledger::{paring_path, read_ledger};
use crate::pipeline::{self, Folders, read_json};
use crate::study::Protocol;
use paring_core::schema::{Decision, LedgerEntry, LedgerEntryKind, Sha256Hex, VariantRecord};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Verifies all variants of a run; gives how many there are.
pub(super) fn verify(folders: &Folders) -> Result<usize, VerifyError> {
    let broken = |problem: String| VerifyError::broken("variants", problem);
    let names = pipeline::variant_names(folders).map_err(|e| broken(e.to_string()))?;
    let protocol = protocol(folders)?;
    let entries = read_ledger(&folders.ledger())
        .map_err(|e| VerifyError::broken("ledger.jsonl", e.to_string()))?;
    if let Some(protocol) = &protocol {
        stands_in_the_ledger(protocol, &entries)?;
    }
    for name in &names {
        let file = format!("variants/{name}.json");
        let broken = |problem: String| VerifyError::broken(file.as_str(), problem);
        let line = pipeline::ancestry(folders, name).map_err(|e| broken(e.to_string()))?;
        let parent = line.get(1);
        own_files(folders, &line[0]).map_err(broken)?;
        // A bench measures what other runs made, and has no ledger of its own.
        if protocol.is_some() {
            LineageCheck { record: &line[0], parent, entries: &entries }
                .verify()
                .map_err(broken)?;
            parings(folders, &line[0])?;
        }
    }
    Ok(names.len())
}

fn protocol(folders: &Folders) -> Result<Option<Protocol>, VerifyError> {
    let path = folders.root().join("protocol.json");
    match (path.exists(), read_json::<Protocol>(&path)) {
        (false, _) => Ok(None),
        (true, Some(protocol)) => match protocol.requirements_are_hashed() {
            true => Ok(Some(protocol)),
            false => {
                let problem = "its requirements are not those of its gate_sha256";
                Err(VerifyError::broken("protocol.json", problem))
            }
        },
        (true, None) => Err(VerifyError::broken("protocol.json", "it is no protocol")),
    }
}

fn stands_in_the_ledger(protocol: &Protocol, entries: &[LedgerEntry]) -> Result<(), VerifyError> {
    let same = |entry: &LedgerEntry| {
        entry.body["study"] == json!(protocol.study)
            && entry.body["data_sha256"] == json!(protocol.data_sha256)
            && entry.body["measurement_sha256"] == json!(protocol.measurement_sha256)
            && entry.body["gate_sha256"] == json!(protocol.gate_sha256)
    };
    let mut known =
        entries.iter().filter(|entry| entry.kind == LedgerEntryKind::Protocol).peekable();
    match known.peek().is_none() || known.any(same) {
        true => Ok(()),
        false => Err(VerifyError::broken("protocol.json", "the ledger has another protocol")),
    }
}

fn own_files(folders: &Folders, record: &VariantRecord) -> Result<(), String> {
    let path = folders.variants().join(&record.file);
    let bytes = path.read().map_err(|e| format!("{}: {e}", record.file))?;
    if Sha256Hex::of(&bytes) != record.file_sha256 || bytes.len() as u64 != record.file_bytes {
        return Err(format!("{} is not the file of this hash and size", record.file));
    }
    match record.variant_id == VariantRecord::identity(&record.file_sha256, &record.options) {
        true => Ok(()),
        false => Err("variant_id is not that of its file and options".into()),
    }
}

fn parings(folders: &Folders, record: &VariantRecord) -> Result<(), VerifyError> {
    for paring in &record.parings {
        let path = paring_path(&folders.parings(), paring);
        if path.sha256().ok().as_ref() != Some(paring) {
            let file = format!("parings/{paring}.safetensors");
            let problem = format!("it is not what variant `{}` lost", record.name);
            return Err(VerifyError::broken(file, problem));
        }
    }
    Ok(())
}

/// A record, its parent's, and the ledger.
struct LineageCheck<'a> {
    record: &'a VariantRecord,
    parent: Option<&'a VariantRecord>,
    entries: &'a [LedgerEntry],
}

impl LineageCheck<'_> {
    fn verify(&self) -> Result<(), String> {
        let decisions = self.decisions()?;
        let record = self.record;
        let nothing =
            VariantRecord { recipe: vec![], components_removed: BTreeMap::new(), ..record.clone() };
        let before = self.parent.unwrap_or(&nothing);
        let words = record.steps.iter().map(|step| &step.step);
        let recipe: Vec<&String> = before.recipe.iter().chain(words).collect();
        same("recipe", record.recipe.iter().collect::<Vec<_>>() == recipe)?;
        let each = record.steps.iter().flat_map(|step| step.parings.iter().chain([&step.rest]));
        same("parings", record.parings.iter().eq(each))?;
        let of_steps = (0..record.steps.len()).map(|position| record.decisions_of(position));
        let of_steps: Option<Vec<&[Sha256Hex]>> = of_steps.collect();
        same("decisions", of_steps.is_some_and(|ids| ids.concat() == record.decisions))?;
        let steps = record.steps.iter().flat_map(|step| step.parings.iter());
        same("steps", steps.eq(decisions.iter().flat_map(|decision| &decision.parings)))?;
        let mut removed = before.components_removed.clone();
        for decision in &decisions {
            let ids = decision.components.iter().map(|c| c.id.clone());
            removed.entry(decision.coupling.clone()).or_default().extend(ids);
        }
        removed.retain(|_, ids| !ids.is_empty());
        same("components_removed", record.components_removed == removed)?;
        let refused = |body: &Value| {
            let mut own = self.entries.iter().filter(|e| e.kind == LedgerEntryKind::Refusal);
            own.any(|entry| entry.body == *body)
        };
        same("refusals", record.refusals.iter().all(|refusal| refused(&json!(refusal))))
    }

    /// The decisions that the record names, as the ledger has them.
    fn decisions(&self) -> Result<Vec<Decision>, String> {
        let by_id: BTreeMap<&Sha256Hex, &LedgerEntry> =
            self.entries.iter().map(|entry| (&entry.entry_id, entry)).collect();
        let one = |id: &Sha256Hex| {
            let entry = by_id.get(id).filter(|entry| entry.kind == LedgerEntryKind::Decision);
            let entry = entry.ok_or_else(|| format!("the ledger lacks its decision {id}"))?;
            let decision: Decision = serde_json::from_value(entry.body.clone())
                .map_err(|e| format!("decision {id} of the ledger: {e}"))?;
            let parent = self.parent.map(|parent| &parent.variant_id);
            let own = decision.variant_id == self.record.variant_id;
            match own && Some(&decision.parent_id) == parent {
                true => Ok(decision),
                false => Err(format!("decision {id} of the ledger is another variant's")),
            }
        };
        self.record.decisions.iter().map(one).collect()
    }
}

fn same(field: &str, holds: bool) -> Result<(), String> {
    match holds {
        true => Ok(()),
        false => Err(format!("{field} is not what its parent and the ledger's decisions give")),
    }
}
