//! Putting back: a variant's steps undone with its parings, or its recipe replayed with less removed.

use super::{BASELINE, Folders, PipelineError, Recipe, read_json};
use crate::compress::{self, Step};
use crate::graph::Graph;
use crate::ledger::{Ledger, read_paring};
use crate::record::{Decision, EntryKind, Piece, Sha256Hex, VariantRecord};
use std::collections::{BTreeMap, BTreeSet};

/// The record of a variant of a run.
///
/// # Errors
/// [`PipelineError::NoVariant`] names those that there are.
pub fn variant_record(folders: &Folders, name: &str) -> Result<VariantRecord, PipelineError> {
    read_json(&folders.variants().join(format!("{name}.json"))).ok_or_else(|| {
        let entries = std::fs::read_dir(folders.variants()).into_iter().flatten().flatten();
        let files = entries.map(|e| e.file_name().to_string_lossy().to_string());
        let known: BTreeSet<String> =
            files.filter_map(|f| f.strip_suffix(".json").map(str::to_string)).collect();
        let known = known.into_iter().collect::<Vec<_>>().join("`, `");
        PipelineError::NoVariant { name: name.to_string(), known }
    })
}

/// A variant and those that it was made from, the baseline last.
///
/// # Errors
/// [`PipelineError::NoVariant`] where a record is missing.
pub fn ancestry(folders: &Folders, name: &str) -> Result<Vec<VariantRecord>, PipelineError> {
    let mut line = vec![variant_record(folders, name)?];
    while let Some(parent) = line.last().and_then(|record| record.parent.clone()) {
        line.push(variant_record(folders, &parent)?);
    }
    Ok(line)
}

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
    let mut graph = Graph::load(&folders.variants().join(&variant.file)).map_err(failed)?;
    for record in line {
        for step in record.steps.iter().rev() {
            let rest = read_paring(&folders.parings(), &step.rest)?;
            let parings = step.parings.iter().map(|sha256| read_paring(&folders.parings(), sha256));
            let parings = parings.collect::<Result<Vec<_>, _>>()?;
            graph = compress::undo(&graph, &rest, &parings)
                .map_err(|source| PipelineError::Undo { variant: record.name.clone(), source })?;
        }
    }
    graph.rejoin_vectors();
    Ok(graph)
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

/// What another tool did cannot be done again without it.
pub(super) fn replayable(line: &[VariantRecord], recipes: &[Recipe]) -> Result<(), PipelineError> {
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
    let steps = undertaken(line, recipes, ledger)?.into_iter().filter_map(|undertaken| {
        let made: Vec<Piece> = undertaken.decisions.iter().filter_map(|(_, d)| d.piece()).collect();
        let left = |piece: &Piece| {
            let mut piece = piece.clone();
            piece.components.retain(|c| !ids.contains(&c.id));
            piece
        };
        let kept = made.iter().map(left).filter(|piece| !piece.components.is_empty());
        match undertaken.step.removes() {
            true => undertaken.step.with_only(&made, &kept.collect::<Vec<_>>()),
            false => Some(undertaken.step),
        }
    });
    Ok(replay(name, line, steps.collect()))
}

/// A step of a variant's recipe, and what it decided.
#[derive(Clone, Debug)]
pub struct Undertaken {
    /// The step.
    pub step: Step,
    /// The ledger's entries and their content, in order.
    pub decisions: Vec<(Sha256Hex, Decision)>,
}

/// All steps of a variant from the baseline on.
///
/// # Errors
/// [`PipelineError::Decision`] where the ledger holds a decision that cannot be read.
pub fn undertaken(
    line: &[VariantRecord],
    recipes: &[Recipe],
    ledger: &Ledger,
) -> Result<Vec<Undertaken>, PipelineError> {
    let all = steps(line, recipes).into_iter().map(|(record, position, step)| {
        let decisions = decisions(record, position, ledger)?;
        Ok(Undertaken { step, decisions })
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
    let before: usize = record.steps[..position].iter().map(|step| step.parings.len()).sum();
    let own = record.steps.get(position).map_or(0, |step| step.parings.len());
    let entries = ledger.entries().iter().filter(|e| e.kind == EntryKind::Decision);
    let by_id: BTreeMap<_, _> = entries.map(|e| (&e.entry_id, &e.body)).collect();
    let ids = record.decisions.iter().skip(before).take(own);
    let found = ids.filter_map(|id| Some((id, *by_id.get(id)?)));
    let read = |(id, body): (&Sha256Hex, &serde_json::Value)| {
        let failed = |source| PipelineError::Decision { entry: id.clone(), source };
        Ok((id.clone(), serde_json::from_value(body.clone()).map_err(failed)?))
    };
    found.map(read).collect()
}

/// A decision as it stands in the ledger, if it can be read back: JSON has no word for what is no
/// number, and a decision that nobody can read is lost to every replay.
pub(super) fn readable(decision: &Decision) -> Result<serde_json::Value, PipelineError> {
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
    use crate::record::{Component, Inputs};

    #[test]
    fn a_decision_that_cannot_be_read_back_is_not_recorded() {
        let decision = |score: f64| Decision {
            parent_id: Sha256Hex::zeros(),
            variant_id: Sha256Hex::zeros(),
            step: String::new(),
            operation: "prune channels".into(),
            coupling: "conv1".into(),
            components: vec![Component { id: "conv1:0".into(), original_index: 0, score, rank: 0 }],
            members: vec![],
            precision: None,
            criterion: None,
            threshold: None,
            alternatives_rejected: vec![],
            inputs: Inputs::default(),
            parings: vec![],
            expected: vec![],
            owner: String::new(),
            reason: String::new(),
        };
        assert!(readable(&decision(0.5)).is_ok());
        let refused = readable(&decision(f64::NAN)).unwrap_err().to_string();
        assert!(refused.contains("`conv1`") && refused.contains("no number"), "{refused}");
    }
}
