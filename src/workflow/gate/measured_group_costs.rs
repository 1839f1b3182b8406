//! Costs of putting groups of decisions back, as the run measured them on a target.

use crate::pipeline::{self, Folders};
use crate::workflow::WorkflowError;
use crate::workflow::open_run::OpenRun;
use paring_core::schema::{
    DecisionGroup, Effect, Explanation, MissingReason, Requirement, VariantRecord,
};
use paring_core::text::shell_word;
use std::collections::BTreeSet;

/// A quantity that groups of decisions save on a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeasuredCost {
    /// Time of an inference.
    Microseconds,
    /// Energy of an inference above idle.
    Millijoules,
}

impl MeasuredCost {
    /// The metric of its effects.
    fn metric(self) -> &'static str {
        match self {
            MeasuredCost::Microseconds => "latency",
            MeasuredCost::Millijoules => "energy_per_inference",
        }
    }

    /// For a person.
    fn quantity(self) -> &'static str {
        match self {
            MeasuredCost::Microseconds => "latency",
            MeasuredCost::Millijoules => "energy",
        }
    }
}

/// The target that costs are of: the one named, the one that requirements name, or the study's only one.
///
/// # Errors
/// [`WorkflowError::Option`] where it is none of the run's, or there are several.
pub(super) fn costed_target(run: &OpenRun, named: Option<&str>) -> Result<String, WorkflowError> {
    let own: Vec<&str> = run.study.targets.iter().map(|target| target.name.as_str()).collect();
    let required: BTreeSet<&str> =
        run.directory.protocol.require.iter().filter_map(required_target).collect();
    let all = || format!("the study's are `{}`", own.join("`, `"));
    match (named, required.first(), &own[..]) {
        (Some(named), ..) if own.contains(&named) => Ok(named.to_string()),
        (Some(named), ..) => Err(WorkflowError::Option(format!(
            "`{named}` is no target of the study: {}",
            if own.is_empty() { "it has none".into() } else { all() }
        ))),
        (None, Some(target), _) if required.len() == 1 => Ok(target.to_string()),
        (None, None, [only]) => Ok(only.to_string()),
        (None, None, []) => Err(WorkflowError::Option(
            "the study has no [[target]] that costs could have been measured on".into(),
        )),
        _ => Err(WorkflowError::Option(format!(
            "costs are those of one target: name it with --target; {}",
            all()
        ))),
    }
}

fn required_target(requirement: &Requirement) -> Option<&str> {
    requirement.target.as_deref()
}

/// Cost of putting each group back, in nanoseconds or microjoules: less than 0 where the variant is
/// better without what the group did.
///
/// # Errors
/// [`WorkflowError::Option`] where the run has not measured that, with the command that does; and where an
/// emulator did.
pub(super) fn measured_group_costs(
    folders: &Folders,
    variant: &VariantRecord,
    groups: &[DecisionGroup],
    cost: MeasuredCost,
    target: &str,
) -> Result<Vec<f64>, WorkflowError> {
    let explanation = explained(folders, variant);
    if explanation.as_ref().is_some_and(|found| found.is_emulated(Some(target))) {
        return Err(WorkflowError::Option(format!(
            "{target} is emulated: its {} is no board's",
            cost.quantity()
        )));
    }
    let effects = explanation.map(|found| found.effects).unwrap_or_default();
    let each = groups.iter().map(|group| {
        let own = |effect: &&Effect| {
            effect.group == group.id
                && effect.metric == cost.metric()
                && effect.of.is_none()
                && effect.target.as_deref() == Some(target)
        };
        let effect = effects.iter().find(own);
        let known = effect.and_then(|effect| effect.leave_one_out);
        // On top of all others the group changes it by so much; without it that is given back.
        known.map(|change| -change.value).ok_or(effect.and_then(|effect| effect.missing.as_ref()))
    });
    let all: Result<Vec<f64>, Option<&MissingReason>> = each.collect();
    all.map_err(|reason| {
        let root = folders.root().to_string_lossy();
        let run = shell_word(&root);
        let (name, target_word) = (shell_word(&variant.name), shell_word(target));
        WorkflowError::Option(format!(
            "the run has no measured {} of each group of `{}` on {target}{}; `paring explain {run} --variant {name} --measure --target {target_word} --groups {}` measures it",
            cost.quantity(),
            variant.name,
            reason.map(|reason| format!(" ({})", reason.0)).unwrap_or_default(),
            groups.len().max(1),
        ))
    })
}

/// Loss of the primary metric that the run's explanation counts to each group, on top of all others, on the
/// report split: the order in which groups are tried, and no reason to keep one.
pub(super) fn explained_losses(
    folders: &Folders,
    variant: &VariantRecord,
    groups: &[DecisionGroup],
) -> Vec<Option<f64>> {
    let explanation = explained(folders, variant);
    let loss = |group: &DecisionGroup| {
        let found = explanation.as_ref()?;
        let own = found.effects.iter().find(|effect| {
            effect.group == group.id && effect.metric == found.main.metric && effect.of.is_none()
        });
        let change = own?.leave_one_out?.value;
        Some(if found.main.higher_is_better { -change } else { change })
    };
    groups.iter().map(loss).collect()
}

fn explained(folders: &Folders, variant: &VariantRecord) -> Option<Explanation> {
    let all: Vec<Explanation> = pipeline::read_json(&folders.explanations())?;
    all.into_iter().find(|found| found.variant_id == variant.variant_id)
}
