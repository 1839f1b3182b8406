//! A variant that was made again against the one of the run: files, record, decisions.

use super::RederivationOutcome;
use crate::ledger::Ledger;
use crate::pipeline::{Folders, RecordedStep};
use paring_core::schema::{Decision, Sha256Hex, VariantRecord};
use paring_onnx::graph::Graph;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Both forms of a variant.
pub(super) struct RederivedPair<'a> {
    pub(super) run: &'a Folders,
    pub(super) recorded: &'a VariantRecord,
    pub(super) scratch: &'a Folders,
    pub(super) made: &'a VariantRecord,
}

impl RederivedPair<'_> {
    /// The outcome of comparing both, with the decisions that the run's ledger has, and the ledger that
    /// was written when it was made again.
    pub(super) fn compare(&self, decided: &[RecordedStep], again: &Ledger) -> RederivationOutcome {
        let RederivedPair { recorded, made, .. } = self;
        let differs = |file: String, problem: String, machine_dependent: bool| {
            RederivationOutcome::Differs { file, problem, machine_dependent }
        };
        if recorded.file_sha256 != made.file_sha256 {
            let file = format!("variants/{}", recorded.file);
            return differs(file, self.first_difference(), rests_on_samples(decided));
        }
        let record = format!("variants/{}.json", recorded.name);
        if let Some(field) = other_field(recorded, made) {
            let problem = format!("{field} is not what its steps give when they are done again");
            return differs(record, problem, false);
        }
        let kept = format!("{}.kept.safetensors", recorded.name);
        let bytes = |folders: &Folders| folders.variants().join(&kept).read().ok();
        if bytes(self.run) != bytes(self.scratch) {
            let problem = "it is not what is left when the steps are done again".to_string();
            return differs(format!("variants/{kept}"), problem, false);
        }
        match other_decision(decided, made, again) {
            Some(problem) => differs("ledger.jsonl".into(), problem, rests_on_samples(decided)),
            None => RederivationOutcome::Identical,
        }
    }

    /// The first difference of two models whose bytes differ, for a person.
    fn first_difference(&self) -> String {
        let load = |folders: &Folders, record: &VariantRecord| {
            Graph::load(&folders.variants().join(&record.file)).ok()
        };
        let (Some(run), Some(own)) = (load(self.run, self.recorded), load(self.scratch, self.made))
        else {
            return "its bytes are others than when it is made again".into();
        };
        if run.skeleton().encode() != own.skeleton().encode() {
            return "its graph is another than when it is made again".into();
        }
        let names = run.initializer_names();
        let other = |name: &&&str| run.weights(name).ok() != own.weights(name).ok();
        let differing: Vec<&&str> = names.iter().filter(other).collect();
        match differing.first() {
            Some(first) => format!(
                "{} of its {} initializers are others than when it is made again, `{first}` the first",
                differing.len(),
                names.len()
            ),
            None => {
                "its bytes are others than when it is made again, its initializers the same".into()
            }
        }
    }
}

/// True where samples that were run through the model decided numbers in it.
pub(super) fn rests_on_samples(decided: &[RecordedStep]) -> bool {
    let mut all = decided.iter().flat_map(|step| &step.decisions);
    all.any(|(_, decision)| decision.inputs.calibration_sha256.is_some())
}

/// The first field of a record, of those that follow from the steps, that is another.
fn other_field(recorded: &VariantRecord, made: &VariantRecord) -> Option<&'static str> {
    let fields = |record: &VariantRecord| {
        let VariantRecord { options, components_removed, origins, sparse, parings, .. } = record;
        let VariantRecord { params, weights, macs, sparsity, precision_mix, .. } = record;
        let of_steps = record.steps.iter().map(|step| (&step.rest, &step.parings));
        // By score or by index: the order changes nothing.
        let mut removed = components_removed.clone();
        removed.values_mut().for_each(|ids| ids.sort());
        [
            ("options", json!(options)),
            ("components_removed", json!(removed)),
            ("origins", json!(origins)),
            ("sparse", json!(sparse)),
            ("parings", json!(parings)),
            ("steps", json!(of_steps.collect::<Vec<_>>())),
            ("params", json!(params)),
            ("weights", json!(weights)),
            ("macs", json!(macs)),
            ("sparsity", json!(sparsity)),
            ("precision_mix", json!(precision_mix)),
        ]
    };
    let pairs = fields(recorded).into_iter().zip(fields(made));
    pairs.into_iter().find_map(|((field, run), (_, own))| (run != own).then_some(field))
}

/// The first decision of the run's ledger that did something else than the steps do again.
fn other_decision(
    decided: &[RecordedStep],
    made: &VariantRecord,
    again: &Ledger,
) -> Option<String> {
    let of = |id: &Sha256Hex| again.entries().iter().find(|entry| entry.entry_id == *id);
    let own = made.decisions.iter().map(|id| {
        of(id).and_then(|entry| serde_json::from_value::<Decision>(entry.body.clone()).ok())
    });
    let recorded: Vec<_> = decided.iter().flat_map(|step| &step.decisions).collect();
    if recorded.len() != made.decisions.len() {
        let (found, own) = (recorded.len(), made.decisions.len());
        return Some(format!("it has {found} decisions of the variant, its steps make {own}"));
    }
    recorded.into_iter().zip(own).find_map(|((id, decision), own)| {
        let same = own.is_some_and(|own| deed(&own) == deed(decision));
        (!same).then(|| format!("decision {id} is not what its step decides when it is done again"))
    })
}

/// The part of a decision that changes the model.
fn deed(decision: &Decision) -> Value {
    let ids: BTreeSet<&String> =
        decision.components.iter().map(|component| &component.id).collect();
    let Decision { operation, coupling, members, precision, parings, .. } = decision;
    json!([operation, coupling, members, precision, parings, ids])
}
