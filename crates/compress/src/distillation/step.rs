//! The step as a whole: (graph, teacher, settings, samples) → (graph, decision).

use super::error::DistillationError;
use super::passes::DistillationPasses;
use super::settings::Distillation;
use super::student_parameters::StudentParameters;
use super::trainable::{TrainableTensor, TrainingTargets, trainable_tensors, with_gradients};
use super::training::{TrainedParameters, Training, TrainingListener};
use crate::catalog::Calibration;
use crate::quantize::{QuantizationSimulation, prepare_for_quantization, simulated_quantization};
use crate::rewrite::{equivalent, fold_batch_normalization};
use crate::{CompressError, DecisionDraft, Paring, StepResult};
use paring_core::schema::{OriginalIndices, TensorChange, TrainingEnd, TrainingRecord};
use paring_onnx::graph::{Graph, Weights};
use std::time::Duration;

/// Samples below which training would fit these alone.
const FEWEST_SAMPLES: usize = 32;

/// The teacher, and the samples that a distill step looks at.
#[derive(Clone, Copy, Debug)]
pub struct DistillationInputs<'a> {
    /// The baseline.
    pub teacher: &'a Graph,
    /// Samples to train on.
    pub calibration: Option<&'a Calibration>,
    /// Samples that choose the best state; without them the calibration samples do.
    pub select: Option<&'a Calibration>,
    /// Seeds the order of samples and what is drawn for them.
    pub seed: u64,
}

/// A student that can be trained, and what was done to it for that.
struct TrainableStudent {
    graph: Graph,
    decisions: Vec<DecisionDraft>,
    simulation: Option<QuantizationSimulation>,
    passes: DistillationPasses,
    targets: TrainingTargets,
    /// Ratios of activations' scales.
    ratios: Vec<TrainableTensor>,
}

/// Trains the weights of a graph towards what the teacher answers. Normalisations are folded first.
/// `heard` is told after every epoch.
///
/// # Errors
/// [`CompressError`] where there are too few samples, nothing can be trained, or the outputs are not
/// those of the teacher.
pub fn distill(
    graph: Graph,
    origins: OriginalIndices,
    how: &Distillation,
    inputs: &DistillationInputs,
    heard: &TrainingListener,
) -> Result<StepResult, CompressError> {
    let calibration = enough(how, inputs)?;
    let mut student = TrainableStudent::new(graph, &origins, how, inputs.teacher, calibration)?;
    let training = student.training(how, calibration, inputs);
    let trained = training.run(heard)?;
    let decision = draft(&student, &training, &trained)?;
    if let Some(simulation) = student.simulation.as_ref().filter(|_| trained.epoch > 0) {
        let learned = training.parameters.learned_scales(simulation, &trained.parameters);
        learned.write(&mut student.graph);
    }
    for (tensor, values) in student.targets.tensors.iter().zip(&trained.parameters) {
        if *values != tensor.values {
            student.graph.set_weights(&tensor.name, Weights::f32(&tensor.dims, values));
        }
    }
    student.decisions.push(decision);
    let made = StepResult::new(student.graph, origins, student.decisions);
    Ok(StepResult { refusals: student.targets.refusals, ..made })
}

/// Time that [`distill`] takes on this machine, from a few updates of the teacher itself: what is pruned
/// takes less.
///
/// # Errors
/// Those of [`distill`].
pub fn training_time(
    how: &Distillation,
    inputs: &DistillationInputs,
) -> Result<Duration, CompressError> {
    let calibration = enough(how, inputs)?;
    let (graph, origins) = (inputs.teacher.clone(), OriginalIndices::default());
    let student = TrainableStudent::new(graph, &origins, how, inputs.teacher, calibration)?;
    Ok(student.training(how, calibration, inputs).estimated_time()?)
}

/// Samples to train on, if there are enough and the settings are within their bounds.
fn enough<'a>(
    how: &Distillation,
    inputs: &DistillationInputs<'a>,
) -> Result<&'a Calibration, CompressError> {
    how.check()?;
    let calibration = inputs.calibration.ok_or(CompressError::NoCalibration("distilling"))?;
    match calibration.samples() {
        samples @ 0..FEWEST_SAMPLES => {
            Err(DistillationError::TooFew { least: FEWEST_SAMPLES, samples }.into())
        }
        _ => Ok(calibration),
    }
}

impl TrainableStudent {
    fn new(
        mut graph: Graph,
        origins: &OriginalIndices,
        how: &Distillation,
        teacher: &Graph,
        calibration: &Calibration,
    ) -> Result<TrainableStudent, CompressError> {
        let given = graph.clone();
        let decisions;
        (graph, decisions) = match &how.simulated {
            Some(simulated) => prepare_for_quantization(graph, simulated)?,
            None => {
                let folded = fold_batch_normalization(&mut graph)?;
                (graph, folded)
            }
        };
        equivalent("folding normalisations and equalizing", &given, &graph, calibration)?;
        let targets = trainable_tensors(&graph, how)?;
        let simulation = how.simulated.as_ref();
        let simulation = simulation.map(|how| simulated_quantization(&graph, how, calibration));
        let simulation = simulation.transpose()?;
        let student = simulation.as_ref().map_or(&graph, |simulation| &simulation.graph);
        let models = ((student, origins), teacher);
        let activations = simulation.iter().flat_map(|simulation| &simulation.activations);
        let mut ratios: Vec<TrainableTensor> =
            activations.map(|own| TrainableTensor::ratio(&own.ratio)).collect();
        let all = [targets.tensors.as_slice(), &ratios].concat();
        let passes = DistillationPasses::load(models, &all, how, calibration)?;
        ratios.retain(|own| !passes.refused.contains_key(&own.name));
        let targets = with_gradients(targets, &passes.refused)?;
        Ok(TrainableStudent { graph, decisions, simulation, passes, targets, ratios })
    }

    fn training<'a>(
        &'a self,
        how: &'a Distillation,
        calibration: &'a Calibration,
        inputs: &DistillationInputs<'a>,
    ) -> Training<'a> {
        let (tensors, simulation) = (&self.targets.tensors, self.simulation.as_ref());
        Training {
            passes: &self.passes,
            parameters: StudentParameters::new(tensors, &self.ratios, simulation),
            how,
            calibration,
            select: inputs.select.filter(|select| select.samples() > 0),
            seed: inputs.seed,
        }
    }
}

impl TrainableStudent {
    /// Scales before and behind training, by the tensor that they are of.
    fn scales(
        &self,
        training: &Training,
        trained: &TrainedParameters,
    ) -> Vec<(String, [Vec<f32>; 2])> {
        let Some(simulation) = &self.simulation else { return Vec::new() };
        let mut all = training.parameters.scales(&trained.parameters);
        let learned = training.parameters.learned_scales(simulation, &trained.parameters);
        for own in &simulation.activations {
            for tensor in &own.tensors {
                let Some(scale) = learned.activations.get(tensor) else { continue };
                all.push((tensor.clone(), [vec![own.scale], vec![*scale]]));
            }
        }
        all
    }
}

/// The decision: the tensors and scales as they were, how far each went, and the curve.
fn draft(
    student: &TrainableStudent,
    training: &Training,
    trained: &TrainedParameters,
) -> Result<DecisionDraft, CompressError> {
    let mut paring = Paring::default();
    let mut changes = Vec::new();
    let tensors = &student.targets.tensors;
    for (tensor, values) in tensors.iter().zip(&trained.parameters) {
        if *values != tensor.values {
            paring.0.insert(tensor.name.clone(), student.graph.weights(&tensor.name)?);
        }
        changes.push(change(tensor.name.clone(), [&tensor.values, values]));
    }
    for (of, [before, after]) in student.scales(training, trained) {
        let name = format!("{of}#scales");
        changes.push(change(name.clone(), [&before, &after]));
        if before != after {
            paring.0.insert(name, Weights::f32(&[before.len()], &before));
        }
    }
    let Training { how, calibration, select, seed, .. } = training;
    let record = TrainingRecord {
        seed: *seed,
        epochs: how.epochs(calibration.samples()),
        epochs_done: trained.epochs_done,
        best_epoch: trained.epoch,
        steps: trained.steps,
        end: trained.end,
        limit_s: how.limit_s,
        calibration_samples: calibration.samples(),
        select_samples: select.map_or(0, Calibration::samples),
        select_sha256: select.map(|select| select.sha256.clone()),
        labels_used: how.labels > 0.0,
        curve: trained.curve.clone(),
        changes,
    };
    Ok(DecisionDraft {
        operation: "distill".into(),
        coupling: "all trained layers".into(),
        members: tensors.iter().map(TrainableTensor::member).collect(),
        calibration_sha256: Some(calibration.sha256.clone()),
        reason: reason(&record),
        training: Some(record),
        paring,
        ..DecisionDraft::default()
    })
}

fn change(tensor: String, [before, after]: [&[f32]; 2]) -> TensorChange {
    let square = |v: f32| f64::from(v).powi(2);
    let norm_before = before.iter().map(|v| square(*v)).sum::<f64>().sqrt();
    let pairs = before.iter().zip(after);
    let norm_of_change = pairs.map(|(was, is)| square(is - was)).sum::<f64>().sqrt();
    TensorChange { tensor, norm_before, norm_of_change }
}

/// The training in a sentence.
fn reason(record: &TrainingRecord) -> String {
    let held = |epoch: usize| {
        let found = record.curve.iter().find(|own| own.epoch == epoch);
        found.map_or(f64::NAN, |own| own.held_out)
    };
    let on = match record.select_samples {
        0 => format!("the {} calibration samples", record.calibration_samples),
        select => format!("{select} samples of the select split"),
    };
    let ended = match record.end {
        TrainingEnd::Epochs => "",
        TrainingEnd::TimeLimit => "; ended by the time limit, which depends on the machine",
        TrainingEnd::NotFinite => "; ended because a loss or gradient was NaN or infinite",
    };
    let (done, epochs) = (record.epochs_done, record.epochs);
    match record.best_epoch {
        0 => format!(
            "nothing changed: no state of {done} epochs of {epochs} has a lower loss on {on} than the start, {:.5}{ended}",
            held(0)
        ),
        best => format!(
            "trained towards the baseline's answers on {} calibration samples, without the report split: loss on {on} {:.5} at the start, {:.5} after epoch {best} of {epochs}, which was kept{ended}",
            record.calibration_samples,
            held(0),
            held(best)
        ),
    }
}
