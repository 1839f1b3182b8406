//! The explanation of one variant: results of its experiments, its boards, its layers and its files, put
//! together.

use super::boards::emulated_targets;
use super::explanation_inputs::{AnswerPair, ExplanationInputs};
use super::files::{notes, write_instances};
use super::machine_findings::MachineFindings;
use crate::attribution::{
    AblationOptions, AblationStudy, DisturbedEffects, correct_multiple_tests, outcomes,
};
use crate::evaluate::RobustnessTest;
use crate::pipeline::{BASELINE, EvaluationSetup, variant_record};
use crate::report::seconds;
use crate::workflow::evaluate::{InsightSubject, ModelInsight};
use crate::workflow::{ProgressEvent, WorkflowError};
use paring_core::schema::{
    DecisionGroup, Effect, Explanation, FlipCounts, ForecastOutcome, VariantRecord,
};
use paring_onnx::graph::Graph;
use std::time::Duration;

/// Components are restored one by one where an experiment takes less than this.
const CHEAP: Duration = Duration::from_secs(2);
/// Components that may be restored one by one.
const MOST_SINGLE: u32 = 96;

/// Everything that the experiments say, and a few more that they ask for.
///
/// # Errors
/// [`WorkflowError`] where an experiment fails, or a file of the run cannot be read or written.
pub(super) fn explanation(
    inputs: &ExplanationInputs,
    variant: &VariantRecord,
    case: &mut AblationStudy,
    manner: &AblationOptions,
) -> Result<Explanation, WorkflowError> {
    let (folders, samples) = (&inputs.run.directory.folders, inputs.samples);
    let setup = samples.setup;
    let first = variant_record(folders, BASELINE)?;
    let pair = AnswerPair {
        baseline: setup.answers(folders, &first)?,
        variant: setup.answers(folders, variant)?,
    };
    let singly = inputs.may_restore_singly(variant, case);
    let accused = case.attribute_flips(setup.samples, singly)?;
    let baseline = Graph::load(&folders.variants().join(&first.file))?;
    let machines = match samples.regime {
        Some(_) => MachineFindings::default(),
        None => {
            let before = (&first, &baseline);
            MachineFindings::of(inputs, before, (variant, &pair.variant), case, manner)?
        }
    };
    let links = case.links(&machines.boards.there)?;
    let mut base = case.account(&variant.name, &variant.variant_id);
    let replay = case.replay(&folders.variants().join(&variant.file), &variant.file_sha256)?;
    (base.experiments.replay_identical, base.experiments.replay_differs) = replay;
    let disturbed = disturbed(inputs, variant, case)?;
    let MachineFindings { boards, times, effects: measured, totals: measured_totals, layers } =
        machines;
    let mut effects = [base.effects, disturbed.effects, times.effects, measured].concat();
    correct_multiple_tests(&mut effects, &mut base.interactions, &base.main.metric);
    let totals = [base.totals, disturbed.totals, measured_totals].concat();
    let insight = insight(inputs, &first, variant, &pair)?;
    write_instances(inputs, variant, &pair, &insight)?;
    let reported = (effects.as_slice(), base.experiments.samples);
    let forecasts = forecast_outcomes(inputs, &baseline, &variant.name, &base.groups, reported);
    Ok(Explanation {
        regime: samples.regime.clone(),
        forecasts,
        effects,
        totals: totals.into_iter().chain(times.total).collect(),
        quiet_share: (!times.layers.is_empty()).then_some(times.quiet_share),
        layers: [times.layers, layers].concat(),
        flip_counts: FlipCounts::of(&accused.flips),
        flips: accused.flips,
        blame: accused.groups,
        components: accused.components,
        links,
        unreached: boards.unreached,
        emulated: emulated_targets(inputs, boards.emulated),
        flow: insight.flow,
        hits: insight.hits,
        notes: notes(inputs.run, &variant.name)?,
        ..base
    })
}

/// Outcomes of the forecasts, which were stated for the report split.
fn forecast_outcomes(
    inputs: &ExplanationInputs,
    baseline: &Graph,
    variant: &str,
    groups: &[DecisionGroup],
    reported: (&[Effect], usize),
) -> Vec<ForecastOutcome> {
    match inputs.samples.regime {
        Some(_) => vec![],
        None => {
            let run_id = &inputs.run.directory.protocol.run_id;
            outcomes(run_id, baseline, variant, groups, reported)
        }
    }
}

impl ExplanationInputs<'_> {
    /// True where components behind flips are restored one by one: experiments are short, and there is
    /// time.
    fn may_restore_singly(&self, variant: &VariantRecord, case: &AblationStudy) -> bool {
        let left_out = || format!("{}: single components behind flips", variant.name);
        case.each < CHEAP && self.budget.allows(case.each * MOST_SINGLE, left_out)
    }

    /// Disturbances of inputs, if there are any and time for them.
    fn affordable_stress(
        &self,
        variant: &VariantRecord,
        case: &mut AblationStudy,
    ) -> Result<Option<&RobustnessTest>, WorkflowError> {
        let Some(stress) = self.stress.as_ref() else { return Ok(None) };
        let time = case.time_of(stress)?;
        let left_out = || {
            let (time, variant) = (seconds(time), &variant.name);
            format!("{variant}: robustness, which takes about {time}")
        };
        Ok(self.budget.allows(time, left_out).then_some(stress))
    }
}

/// Effects on disturbed and attacked inputs; attacks without any are named.
fn disturbed(
    inputs: &ExplanationInputs,
    variant: &VariantRecord,
    case: &mut AblationStudy,
) -> Result<DisturbedEffects, WorkflowError> {
    let stress = inputs.affordable_stress(variant, case)?;
    let Some(stress) = stress else { return Ok(DisturbedEffects::default()) };
    let found = case.disturbed(stress)?;
    for (reason, attacks) in &found.refused {
        let (variant, attacks) = (&variant.name, attacks.join(", "));
        let note = format!("{variant}: no effects on inputs under {attacks}: {reason}");
        (inputs.progress)(ProgressEvent::Note(&note));
    }
    Ok(found)
}

fn insight(
    inputs: &ExplanationInputs,
    baseline: &VariantRecord,
    variant: &VariantRecord,
    pair: &AnswerPair,
) -> Result<ModelInsight, WorkflowError> {
    let folder = inputs.run.directory.folders.variants();
    let EvaluationSetup { data, batch, dims, .. } = inputs.samples.setup;
    let (before, after) = (folder.join(&baseline.file), folder.join(&variant.file));
    let before = InsightSubject { model: &before, answers: &pair.baseline };
    let after = InsightSubject { model: &after, answers: &pair.variant };
    ModelInsight::of(&before, Some(&after), data, batch, dims)
}
