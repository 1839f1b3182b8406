//! The explanation of one variant: results of its experiments, its boards, its layers and its files, put
//! together.

use super::boards::{BoardFindings, ask_boards, emulated_targets};
use super::explanation_inputs::{AnswerPair, ExplanationInputs};
use super::files::{notes, write_instances};
use super::measured::measured_effects;
use crate::attribution::{
    AblationOptions, AblationStudy, DisturbedEffects, correct_multiple_tests, outcomes,
};
use crate::evaluate::RobustnessTest;
use crate::pipeline::{self, BASELINE, variant_record};
use crate::report::seconds;
use crate::workflow::evaluate::{InsightSubject, ModelInsight};
use crate::workflow::open_run::OpenRun;
use crate::workflow::{ProgressEvent, WorkflowError};
use paring_core::schema::{
    Effect, Explanation, FlipCounts, LayerChange, MetricTotal, VariantRecord,
};
use paring_onnx::graph::Graph;
use std::time::Duration;

/// Components are restored one by one where an experiment takes less than this.
const CHEAP: Duration = Duration::from_secs(2);
/// Components that may be restored one by one.
const MOST_SINGLE: u32 = 96;
/// Time for timing experiments side by side, each of two passes.
const TIMING: Duration = Duration::from_secs(5);

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
    let OpenRun { directory, loaded, .. } = inputs.run;
    let folders = &directory.folders;
    let setup = inputs.run.evaluation_setup();
    let first = variant_record(folders, BASELINE)?;
    let pair = AnswerPair {
        baseline: setup.answers(folders, &first)?,
        variant: setup.answers(folders, variant)?,
    };
    let singly = inputs.may_restore_singly(variant, case);
    let accused = case.attribute_flips(&loaded.splits.report, singly)?;
    let BoardFindings { there, unreached, emulated } = ask_boards(inputs, variant, &pair.variant)?;
    let links = case.links(&there)?;
    let times = case.times(manner.time.min(TIMING).min(inputs.budget.left()))?;
    let mut base = case.account(&variant.name, &variant.variant_id);
    let replay = case.replay(&folders.variants().join(&variant.file), &variant.file_sha256)?;
    (base.experiments.replay_identical, base.experiments.replay_differs) = replay;
    let disturbed = disturbed(inputs, variant, case)?;
    let (measured, measured_totals) = target_effects(inputs, variant, case)?;
    let mut effects = [base.effects, disturbed.effects, times.effects, measured].concat();
    correct_multiple_tests(&mut effects, &mut base.interactions, &base.main.metric);
    let totals = [base.totals, disturbed.totals, measured_totals].concat();
    let baseline = Graph::load(&folders.variants().join(&first.file))?;
    let insight = insight(inputs.run, &first, variant, &pair)?;
    write_instances(inputs, variant, &pair, &insight)?;
    Ok(Explanation {
        forecasts: outcomes(
            &directory.protocol.run_id,
            &baseline,
            &variant.name,
            &base.groups,
            (&effects, base.experiments.samples),
        ),
        effects,
        totals: totals.into_iter().chain(times.total).collect(),
        quiet_share: (!times.layers.is_empty()).then_some(times.quiet_share),
        layers: [times.layers, layers_on_targets(inputs.run, (&first, &baseline), variant, case)?]
            .concat(),
        flip_counts: FlipCounts::of(&accused.flips),
        flips: accused.flips,
        blame: accused.groups,
        components: accused.components,
        links,
        unreached,
        emulated: emulated_targets(inputs, emulated),
        flow: insight.flow,
        hits: insight.hits,
        notes: notes(inputs.run, &variant.name)?,
        ..base
    })
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

/// Times of layers on the study's targets before and after, where the run timed them.
fn layers_on_targets(
    run: &OpenRun,
    (first, before): (&VariantRecord, &Graph),
    variant: &VariantRecord,
    case: &AblationStudy,
) -> Result<Vec<LayerChange>, WorkflowError> {
    let folders = &run.directory.folders;
    let after = Graph::load(&folders.variants().join(&variant.file))?;
    let mut changes = Vec::new();
    for target in &run.study.targets {
        let batch = run.study.settings(target).first().map_or(1, |setting| setting.batch);
        let nodes =
            |record| pipeline::recorded_nodes(folders, &target.name, record, batch).ok().flatten();
        if let (Some(nodes_before), Some(nodes_after)) = (nodes(first), nodes(variant)) {
            changes.extend(case.layers_on(
                &target.name,
                (before, &nodes_before),
                (&after, &nodes_after),
            ));
        }
    }
    Ok(changes)
}

/// Effects and totals that were measured on the targets, or the reason why nothing was.
fn target_effects(
    inputs: &ExplanationInputs,
    variant: &VariantRecord,
    case: &AblationStudy,
) -> Result<(Vec<Effect>, Vec<MetricTotal>), WorkflowError> {
    if inputs.measure {
        return measured_effects(inputs, case, variant);
    }
    let why = "not measured; `paring explain --measure` does";
    let each = inputs.targets.iter().map(|target| case.unmeasured(&target.name, why));
    Ok((each.collect::<Vec<_>>().concat(), vec![]))
}

fn insight(
    run: &OpenRun,
    baseline: &VariantRecord,
    variant: &VariantRecord,
    pair: &AnswerPair,
) -> Result<ModelInsight, WorkflowError> {
    let OpenRun { directory, loaded, .. } = run;
    let folder = directory.folders.variants();
    let (before, after) = (folder.join(&baseline.file), folder.join(&variant.file));
    let before = InsightSubject { model: &before, answers: &pair.baseline };
    let after = InsightSubject { model: &after, answers: &pair.variant };
    ModelInsight::of(&before, Some(&after), &loaded.data, loaded.batch, &loaded.dims)
}
