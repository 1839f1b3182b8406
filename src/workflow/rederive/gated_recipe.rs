//! The recipe of a variant that `paring gate --restore` put together, from the ledger's entry of its end.

use crate::attribution::{self, GroupCoalition, GroupLevel};
use crate::ledger::Ledger;
use crate::pipeline::{self, BASELINE, PipelineError, Recipe, StepTuning};
use paring_core::schema::VariantRecord;
use serde::Deserialize;
use serde_json::Value;

/// Content of the entry of a search's end, as far as the variant follows from it.
#[derive(Deserialize)]
struct RecordedGating {
    /// Groups of decisions that are left undone, by id.
    group_ids: Vec<String>,
    /// Maximum number of groups that the decisions were put into.
    most_groups: usize,
    /// Settings of quantize steps that differ from the study's.
    tuned: Vec<StepTuning>,
}

/// The recipe, from the baseline on; `of` is the line of the variant that failed, and `body` the entry's.
/// `None` of an entry that does not say enough, as those of earlier versions.
///
/// # Errors
/// [`PipelineError`] where a decision that it goes by cannot be read or replayed.
pub(super) fn gated_recipe(
    name: &str,
    of: &[VariantRecord],
    recipes: &[Recipe],
    ledger: &Ledger,
    body: &Value,
) -> Result<Option<Recipe>, PipelineError> {
    let Ok(gating) = RecordedGating::deserialize(body) else { return Ok(None) };
    let done = pipeline::recorded_steps(of, recipes, ledger)?;
    let groups = attribution::groups(&done, GroupLevel::Layer, gating.most_groups);
    let pieces = attribution::pieces(&groups, &done);
    let mut set = GroupCoalition::full(groups.len());
    for id in &gating.group_ids {
        match groups.iter().position(|group| group.id == *id) {
            Some(group) => set = set.without(group),
            None => return Ok(None),
        }
    }
    let steps = attribution::recipe(&StepTuning::applied(&gating.tuned, &done), &pieces, set)?;
    let options = of.first().map(|variant| variant.options.clone());
    Ok(Some(Recipe { name: name.to_string(), parent: BASELINE.into(), steps, options }))
}
