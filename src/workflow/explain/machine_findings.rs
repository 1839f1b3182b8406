//! Findings about machines beside the experiments: answers of boards, times in this process, effects and
//! layers that targets measured.

use super::boards::{BoardFindings, ask_boards};
use super::explanation_inputs::ExplanationInputs;
use super::measured::measured_effects;
use crate::attribution::{AblationOptions, AblationStudy, LatencyEffects};
use crate::evaluate::ModelOutputs;
use crate::pipeline;
use crate::workflow::WorkflowError;
use crate::workflow::open_run::OpenRun;
use paring_core::schema::{Effect, LayerChange, MetricTotal, VariantRecord};
use paring_onnx::graph::Graph;
use std::time::Duration;

/// Time for timing experiments side by side, each of two passes.
const TIMING: Duration = Duration::from_secs(5);

/// Findings about machines; the default is none, of samples that no machine was asked about.
#[derive(Default)]
pub(super) struct MachineFindings {
    pub(super) boards: BoardFindings,
    pub(super) times: LatencyEffects,
    /// Effects that targets measured.
    pub(super) effects: Vec<Effect>,
    /// Totals that they measured.
    pub(super) totals: Vec<MetricTotal>,
    /// Layers on the study's targets.
    pub(super) layers: Vec<LayerChange>,
}

impl MachineFindings {
    /// Those of a variant beside the baseline `before`; `here` are this machine's answers.
    ///
    /// # Errors
    /// [`WorkflowError`] where a board that has to answer does not, or an experiment fails.
    pub(super) fn of(
        inputs: &ExplanationInputs,
        before: (&VariantRecord, &Graph),
        (variant, here): (&VariantRecord, &ModelOutputs),
        case: &mut AblationStudy,
        manner: &AblationOptions,
    ) -> Result<MachineFindings, WorkflowError> {
        let boards = ask_boards(inputs, variant, here)?;
        let times = case.times(manner.time.min(TIMING).min(inputs.budget.left()))?;
        let (effects, totals) = target_effects(inputs, variant, case)?;
        let layers = layers_on_targets(inputs.run, before, variant, case)?;
        Ok(MachineFindings { boards, times, effects, totals, layers })
    }
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
