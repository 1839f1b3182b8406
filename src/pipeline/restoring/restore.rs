//! Putting back: a variant's steps undone with its parings, or its recipe replayed with less removed.

use crate::ledger::{Ledger, LedgerError, read_paring};
use crate::pipeline::{BASELINE, Folders, PipelineError, Recipe};
use paring_compress::{self, Step};
use paring_core::files::ConfinedPath;
use paring_core::schema::{
    Decision, LedgerEntry, LedgerEntryKind, ReplayedDecision, Sha256Hex, VariantRecord,
};
use paring_onnx::graph::Graph;
use std::collections::{BTreeMap, BTreeSet};

/// The baseline again, from a variant's file and the parings of all steps that led to it. The
/// baseline's own file is not looked at.
///
/// # Errors
/// [`PipelineError`] where a paring is missing or was changed.
pub fn undone(folders: &Folders, line: &[VariantRecord]) -> Result<Graph, PipelineError> {
    let Some(variant) = line.first() else {
        return Err(PipelineError::NoVariant { name: String::new(), known: String::new() });
    };
    let failed = |source| PipelineError::Graph { variant: variant.name.clone(), source };
    let mut graph = Graph::load(&whole_file(folders, variant)?).map_err(failed)?;
    for record in line {
        for step in record.steps.iter().rev() {
            let rest = read_paring(&folders.parings(), &step.rest)?;
            let parings = step.parings.iter().map(|sha256| read_paring(&folders.parings(), sha256));
            let parings = parings.collect::<Result<Vec<_>, _>>()?;
            graph = paring_compress::undo(&graph, &rest, &parings)
                .map_err(|source| PipelineError::Undo { variant: record.name.clone(), source })?;
        }
    }
    graph.rejoin_vectors();
    Ok(graph)
}

/// The ONNX file of a variant, if it is the one of its record.
///
/// # Errors
/// [`PipelineError::Changed`] where its bytes have another hash, or the record names another variant
/// than its file and options make.
pub fn whole_file(
    folders: &Folders,
    record: &VariantRecord,
) -> Result<ConfinedPath, PipelineError> {
    let path = folders.variants().join(&record.file);
    let found = path.sha256().map_err(PipelineError::file("read", &path))?;
    let identity = VariantRecord::identity(&record.file_sha256, &record.options);
    match found == record.file_sha256 && identity == record.variant_id {
        true => Ok(path),
        false => {
            Err(PipelineError::Changed { path: path.to_path_buf(), variant: record.name.clone() })
        }
    }
}

/// Holds every variant of a line against the ledger: each decision that it was made by stands there,
/// and is its own.
///
/// # Errors
/// [`LedgerError::Lost`] where a decision is gone, [`PipelineError::Decision`] where it cannot be read,
/// [`PipelineError::OtherDecision`] where it is another variant's.
pub fn check_decisions(
    folders: &Folders,
    line: &[VariantRecord],
    entries: &[LedgerEntry],
) -> Result<(), PipelineError> {
    let by_id: BTreeMap<_, _> = entries.iter().map(|e| (&e.entry_id, e)).collect();
    for (record, parent) in line.iter().zip(line.iter().skip(1)) {
        for id in &record.decisions {
            let entry = by_id.get(id).filter(|entry| entry.kind == LedgerEntryKind::Decision);
            let body = entry.map(|entry| &entry.body).ok_or_else(|| LedgerError::Lost {
                path: folders.ledger().to_path_buf(),
                variant: record.name.clone(),
            })?;
            let failed = |source| PipelineError::Decision { entry: id.clone(), source };
            let decision: Decision = serde_json::from_value(body.clone()).map_err(failed)?;
            let own = decision.variant_id == record.variant_id;
            if !own || decision.parent_id != parent.variant_id {
                let (entry, variant) = (id.clone(), record.name.clone());
                return Err(PipelineError::OtherDecision { entry, variant });
            }
        }
    }
    Ok(())
}

/// The recipe of a variant from the baseline on, without the steps that take something out.
///
/// # Errors
/// [`PipelineError::Foreign`] where another tool took something out.
pub fn unpruned(
    name: &str,
    line: &[VariantRecord],
    recipes: &[Recipe],
) -> Result<Recipe, PipelineError> {
    replayable(line, recipes)?;
    let steps = steps(line, recipes).into_iter().map(|(_, _, step)| step);
    let steps = steps.filter(|step| !step.removes()).collect();
    Ok(replay(name, line, steps))
}

/// Refuses to replay the steps of another tool.
pub(in crate::pipeline) fn replayable(
    line: &[VariantRecord],
    recipes: &[Recipe],
) -> Result<(), PipelineError> {
    let steps = steps(line, recipes);
    match steps.into_iter().find(|(_, _, step)| matches!(step, Step::Import { .. })) {
        Some((record, _, _)) => Err(PipelineError::Foreign(record.name.clone())),
        None => Ok(()),
    }
}

/// The recipe of a variant from the baseline on, in which every prune step removes what it removed
/// but the components of these ids.
///
/// # Errors
/// [`PipelineError::NotRemoved`] names an id that was not removed, [`PipelineError::Foreign`] a variant
/// that another tool made.
pub fn with_components(
    name: &str,
    line: &[VariantRecord],
    recipes: &[Recipe],
    ledger: &Ledger,
    ids: &[String],
) -> Result<Recipe, PipelineError> {
    replayable(line, recipes)?;
    let removed: BTreeSet<&String> =
        line.first().into_iter().flat_map(|v| v.components_removed.values().flatten()).collect();
    if let Some(id) = ids.iter().find(|id| !removed.contains(id)) {
        let variant = line.first().map(|v| v.name.clone()).unwrap_or_default();
        return Err(PipelineError::NotRemoved { id: id.clone(), variant });
    }
    let steps = recorded_steps(line, recipes, ledger)?.into_iter().map(|step| {
        let made: Vec<ReplayedDecision> =
            step.decisions.iter().filter_map(|(_, d)| d.piece()).collect();
        let left = |piece: &ReplayedDecision| {
            let mut piece = piece.clone();
            piece.components.retain(|c| !ids.contains(&c.id));
            piece
        };
        let kept = made.iter().map(left).filter(|piece| !piece.components.is_empty());
        match step.step.removes() {
            true => {
                let words = step.step.to_string();
                let left = step.step.with_only(&made, &kept.collect::<Vec<_>>());
                left.map_err(|source| PipelineError::Step {
                    variant: name.to_string(),
                    step: words,
                    source: Box::new(source),
                })
            }
            false => Ok(Some(step.step)),
        }
    });
    let steps = steps.collect::<Result<Vec<_>, _>>()?;
    Ok(replay(name, line, steps.into_iter().flatten().collect()))
}

/// A step of a variant's recipe, and what it decided.
#[derive(Clone, Debug)]
pub struct RecordedStep {
    /// The step.
    pub step: Step,
    /// The ledger's entries and their content, in order.
    pub decisions: Vec<(Sha256Hex, Decision)>,
}

/// All steps of a variant from the baseline on, as they went: a training that a time limit ended is one of
/// as many epochs.
///
/// # Errors
/// [`PipelineError::Decision`] where the ledger holds a decision that cannot be read,
/// [`LedgerError::Lost`] where it lacks one.
pub fn recorded_steps(
    line: &[VariantRecord],
    recipes: &[Recipe],
    ledger: &Ledger,
) -> Result<Vec<RecordedStep>, PipelineError> {
    let all = steps(line, recipes).into_iter().map(|(record, position, step)| {
        let decisions = decisions(record, position, ledger)?;
        let step = step.as_done(decisions.iter().filter_map(|(_, d)| d.training.as_ref()));
        Ok(RecordedStep { step, decisions })
    });
    all.collect()
}

fn replay(name: &str, line: &[VariantRecord], steps: Vec<Step>) -> Recipe {
    let options = line.first().map(|variant| variant.options.clone());
    Recipe { name: name.to_string(), parent: BASELINE.into(), steps, options }
}

/// All steps from the baseline on, each with the record that did it and its position there.
fn steps<'a>(
    line: &'a [VariantRecord],
    recipes: &[Recipe],
) -> Vec<(&'a VariantRecord, usize, Step)> {
    let mut all = Vec::new();
    for record in line.iter().rev() {
        let recipe = recipes.iter().find(|recipe| recipe.name == record.name);
        for (position, step) in recipe.into_iter().flat_map(|r| r.steps.iter().enumerate()) {
            all.push((record, position, step.clone()));
        }
    }
    all
}

/// The decisions of one step of a variant.
fn decisions(
    record: &VariantRecord,
    position: usize,
    ledger: &Ledger,
) -> Result<Vec<(Sha256Hex, Decision)>, PipelineError> {
    let entries = ledger.entries().iter().filter(|e| e.kind == LedgerEntryKind::Decision);
    let by_id: BTreeMap<_, _> = entries.map(|e| (&e.entry_id, &e.body)).collect();
    let lost = || LedgerError::Lost { path: ledger.path().into(), variant: record.name.clone() };
    let read = |id: &Sha256Hex| {
        let body = *by_id.get(id).ok_or_else(lost)?;
        let failed = |source| PipelineError::Decision { entry: id.clone(), source };
        Ok((id.clone(), serde_json::from_value(body.clone()).map_err(failed)?))
    };
    record.decisions_of(position).ok_or_else(lost)?.iter().map(read).collect()
}

/// A decision as it stands in the ledger, if it can be read back: JSON has no word for what is no
/// number, and a decision that nobody can read is lost to every replay.
pub(in crate::pipeline) fn readable(
    decision: &Decision,
) -> Result<serde_json::Value, PipelineError> {
    let body = serde_json::json!(decision);
    match serde_json::from_value::<Decision>(body.clone()) {
        Ok(_) => Ok(body),
        Err(source) => {
            let coupling = decision.coupling.clone();
            Err(PipelineError::NotANumber { coupling, source })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use paring_core::schema::{DecisionInputs, RemovedComponent};

    #[test]
    fn a_decision_that_cannot_be_read_back_is_not_recorded() {
        let decision = |score: f64| Decision {
            parent_id: Sha256Hex::zeros(),
            variant_id: Sha256Hex::zeros(),
            step: String::new(),
            operation: "prune channels".into(),
            coupling: "conv1".into(),
            components: vec![RemovedComponent {
                id: "conv1:0".into(),
                original_index: 0,
                score,
                rank: 0,
            }],
            members: vec![],
            precision: None,
            criterion: None,
            threshold: None,
            alternatives_rejected: vec![],
            inputs: DecisionInputs::default(),
            parings: vec![],
            expected: vec![],
            training: None,
            owner: String::new(),
            reason: String::new(),
        };
        assert!(readable(&decision(0.5)).is_ok());
        let refused = readable(&decision(f64::NAN)).unwrap_err().to_string();
        assert!(refused.contains("`conv1`") && refused.contains("no number"), "{refused}");
    }
}
