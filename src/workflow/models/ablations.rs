//! Measured removals of single components, with the criteria of importance held against them.

use super::ModelSamples;
use crate::evaluate::EvaluationTask;
use crate::pipeline::{
    AblationSetup, ComponentAblation, EvaluationSetup, ablate, compare_criteria,
};
use crate::report::{AblationAnswer, GradientComparison, LabelOrigin, RankedComponent};
use crate::workflow::{Progress, ProgressEvent, ProgressStage, WorkflowError};
use paring_compress::catalog::{self, Calibration, Coupling, Criterion, WeightGradients};
use paring_compress::masked_graph;
use paring_core::schema::TaskKind;
use paring_onnx::graph::{Graph, TensorFacts};
use std::collections::{BTreeMap, BTreeSet};

/// Seeds the choice of components and the draws of intervals.
const SEED: u64 = 0;

/// Removes up to `count` components, each alone, on the samples that no criterion looked at.
///
/// # Errors
/// [`WorkflowError`] where the data have no classes, the output with the scores cannot be told, or a
/// model cannot be asked.
pub(super) fn measured_ablations(
    (graph, facts, samples): (&Graph, &TensorFacts, &ModelSamples),
    (couplings, ranked, gradients): (
        &[Coupling],
        &[Vec<RankedComponent>],
        Option<&WeightGradients>,
    ),
    criteria: &[Criterion],
    count: usize,
    progress: &Progress,
) -> Result<AblationAnswer, WorkflowError> {
    let ModelSamples { dims, batch, calibration, trial } = samples;
    let refused = |why: &str| WorkflowError::Option(format!("--ablations {count}: {why}"));
    let (data, trial) = trial.as_ref().ok_or_else(|| refused("there are no samples"))?;
    if data.targets.is_some() {
        return Err(refused("the data's labels are no classes"));
    }
    let rule = calibration.as_ref().and_then(|samples| samples.rule);
    let rule = rule.ok_or_else(|| refused("the output with the scores cannot be told"))?;
    let task = EvaluationTask::new(TaskKind::Classification, rule.scores);
    let subject = EvaluationSetup {
        data,
        samples: trial,
        groups: None,
        fixed_class_shares: false,
        slices: &[],
        batch: *batch,
        dims,
        output: rule.output,
        task: &task,
    };
    let macs = graph.cost(&facts.shapes).macs.unwrap_or(0) / (*batch).max(1) as u64;
    let setup =
        AblationSetup { graph, facts, couplings, subject: &subject, macs, count, seed: SEED };
    let components: usize = couplings.iter().map(|coupling| coupling.components.len()).sum();
    let stage = ProgressStage::Ablate;
    progress(ProgressEvent::StageLength { stage, total: count.min(components) });
    let ablations = ablate(&setup, &mut |done| {
        progress(ProgressEvent::StageDone { stage, done });
    });
    progress(ProgressEvent::StageEnd(stage));
    let ablations = ablations?;
    let scores: BTreeMap<String, BTreeMap<String, f64>> = ranked
        .iter()
        .flatten()
        .map(|component| (component.id.clone(), component.scores.clone()))
        .collect();
    let criteria: Vec<String> = criteria.iter().map(Criterion::to_string).collect();
    let comparison = compare_criteria(&ablations, &scores, &criteria, SEED);
    let labels = if data.labelled { LabelOrigin::Data } else { LabelOrigin::Predictions };
    let gradient_changes = match (gradients, calibration) {
        (Some(whole), Some(calibration)) => {
            let model = (graph, facts, calibration);
            observed_gradients(model, couplings, &ablations, whole)?
        }
        _ => BTreeMap::new(),
    };
    Ok(AblationAnswer { labels, seed: SEED, ablations, gradient_changes, comparison })
}

/// Changes of the gradients around each removed component, on the samples that gradients are known of.
fn observed_gradients(
    (graph, facts, calibration): (&Graph, &TensorFacts, &Calibration),
    couplings: &[Coupling],
    ablations: &[ComponentAblation],
    whole: &WeightGradients,
) -> Result<BTreeMap<String, GradientComparison>, WorkflowError> {
    let removed: BTreeSet<&String> = ablations.iter().map(|own| &own.component).collect();
    let mut found = BTreeMap::new();
    for coupling in couplings {
        for component in &coupling.components {
            let id = coupling.component_id(component);
            if !removed.contains(&id) {
                continue;
            }
            let masked = masked_graph(graph, facts, &component.activations);
            let masked_facts = masked.facts(&calibration.dims, calibration.batch)?;
            let purpose = "observing gradients";
            let without = catalog::weight_gradients(
                &masked,
                &masked_facts,
                &[coupling],
                calibration,
                purpose,
            )?;
            let (expected, observed) =
                (whole.expected(component), whole.observed(component, &without));
            found.insert(id, GradientComparison { expected, observed });
        }
    }
    Ok(found)
}
