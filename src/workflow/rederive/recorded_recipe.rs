//! The recipe of a variant that a run has: of its study, or of a restoration in its ledger.

use super::gated_recipe::gated_recipe;
use crate::ledger::{Ledger, LedgerError};
use crate::pipeline::{self, Folders, PipelineError, Recipe, RecordedStep};
use paring_compress::Step;
use paring_core::schema::{LedgerEntryKind, VariantRecord};

/// The recipe of the first of a line of variants; `None` where neither the study nor the ledger has it.
///
/// # Errors
/// [`PipelineError`] where a decision that it goes by cannot be read.
pub(super) fn recorded_recipe(
    folders: &Folders,
    line: &[VariantRecord],
    recipes: &[Recipe],
    ledger: &Ledger,
) -> Result<Option<Recipe>, PipelineError> {
    let Some(name) = line.first().map(|record| record.name.as_str()) else { return Ok(None) };
    if let Some(recipe) = recipes.iter().find(|recipe| recipe.name == name) {
        return Ok(Some(recipe.clone()));
    }
    let restored = ledger
        .entries()
        .iter()
        .rev()
        .find(|entry| entry.kind == LedgerEntryKind::Restore && entry.body["restored"] == name);
    let Some(body) = restored.map(|entry| &entry.body) else { return Ok(None) };
    let Some(variant) = body["variant"].as_str() else { return Ok(None) };
    let of = pipeline::ancestry(folders, variant)?;
    match (body["what"].as_array(), body["what"].as_str()) {
        (Some(ids), _) => {
            let ids = ids.iter().filter_map(|id| id.as_str()).map(str::to_string);
            let ids: Vec<String> = ids.collect();
            pipeline::with_components(name, &of, recipes, ledger, &ids).map(Some)
        }
        (None, Some("gate")) => gated_recipe(name, &of, recipes, ledger, body),
        _ => pipeline::unpruned(name, &of, recipes).map(Some),
    }
}

/// The steps of a recipe with what the ledger says that each decided.
///
/// # Errors
/// [`LedgerError::Lost`] where the record has other steps than the recipe.
pub(super) fn recorded_decisions(
    record: &VariantRecord,
    recipe: &Recipe,
    ledger: &Ledger,
) -> Result<Vec<RecordedStep>, PipelineError> {
    let own = (std::slice::from_ref(record), std::slice::from_ref(recipe));
    let steps = pipeline::recorded_steps(own.0, own.1, ledger)?;
    match steps.len() == record.steps.len() {
        true => Ok(steps),
        false => {
            let (path, variant) = (ledger.path().into(), record.name.clone());
            Err(LedgerError::Lost { path, variant }.into())
        }
    }
}

/// The recipe as it can be repeated without calibration samples.
///
/// # Errors
/// [`PipelineError::Step`] where a decision names a precision that no step gives.
pub(super) fn without_samples(
    recipe: &Recipe,
    recorded: &[RecordedStep],
) -> Result<Recipe, PipelineError> {
    let steps = recipe.steps.iter().zip(recorded).map(|(step, recorded)| {
        let made: Vec<_> = recorded.decisions.iter().filter_map(|(_, d)| d.piece()).collect();
        step.without_samples(&made).map_err(|source| PipelineError::Step {
            variant: recipe.name.clone(),
            step: step.to_string(),
            source: Box::new(source),
        })
    });
    Ok(Recipe { steps: steps.collect::<Result<Vec<Step>, _>>()?, ..recipe.clone() })
}
