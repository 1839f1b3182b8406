//! Student and teacher as the engine runs them: the loss and its gradients on a few samples at once.

use super::compared_tensors::{
    ComparedTensor, DistillationTerm, EntryVariance, ModelFacts, TermTarget, compared_features,
    compared_outputs,
};
use super::error::DistillationError;
use super::settings::Distillation;
use super::trainable::TrainableTensor;
use crate::CompressError;
use crate::calibration_plan::tensors_plan;
use crate::catalog::Calibration;
use crate::gradient::{
    BackwardGraph, BackwardPass, BackwardRequest, GradientTarget, LossInput, RoundingGradient,
    backward_graph, training_options,
};
use ndarray::{ArrayD, IxDyn};
use paring_agent::arrays::Array;
use paring_agent::engine::InferencePlan;
use paring_core::schema::OriginalIndices;
use paring_onnx::graph::{Graph, TensorFacts};
use std::collections::BTreeMap;

/// Bytes that a node of a pass may read and write where the model takes any number of samples: half of
/// what the second cache of a core holds as a rule, so that a node finds what the one before it left.
const WORKING_SET: usize = 512 << 10;
/// Passes of an update at least, so that they fill cores; no more samples than that make a pass.
const PASSES: usize = 4;

/// Samples with the teacher's answers to them, as one pass reads them.
pub(super) type PassArrays = BTreeMap<String, Array>;

/// Student and teacher at the same batch.
pub(super) struct DistillationPasses {
    /// Samples of one pass.
    pub(super) samples: usize,
    teacher: InferencePlan,
    /// The compared tensors, in the order of the teacher's outputs.
    compared: Vec<ComparedTensor>,
    backward: BackwardPass,
    /// The loss alone.
    forward: BackwardPass,
    terms: Vec<DistillationTerm>,
    inputs: Vec<LossInput>,
    dims: Vec<(String, Vec<usize>)>,
    /// Tensors without a gradient, by name, and the node that passes none.
    pub(super) refused: BTreeMap<String, String>,
}

/// Loss and gradients of several samples.
pub(super) struct PassGradients {
    pub(super) loss: f64,
    /// One list a tensor, in the order of the tensors.
    pub(super) gradients: Vec<Vec<f32>>,
}

/// Bytes that the node of a graph with the most reads and writes for one sample, weights apart.
fn working_set(graph: &Graph, facts: &TensorFacts) -> usize {
    let bytes = |name: &String| {
        let stored = graph.element(name).is_some();
        let dims = facts.shapes.get(name).filter(|_| !stored);
        dims.map_or(0, |dims| dims.iter().product::<usize>() * size_of::<f32>())
    };
    let each = graph.nodes().iter();
    each.map(|node| node.input.iter().chain(&node.output).map(bytes).sum()).max().unwrap_or(0)
}

/// Samples of one pass over a model that takes any number: the largest power of two that keeps the reads
/// and writes of a node within half a megabyte, so that a node finds in the cache what the one before it
/// left, and divides an update of `update` samples into four passes at least. `facts` are those of one
/// sample.
pub fn pass_samples(graph: &Graph, facts: &TensorFacts, update: usize) -> usize {
    let bytes = working_set(graph, facts).max(1);
    let most = (WORKING_SET / bytes).min(update / PASSES).max(1);
    1 << most.ilog2()
}

/// Samples of one pass, with the facts of both models.
fn common_batch(
    student: &Graph,
    teacher: &Graph,
    calibration: &Calibration,
    update: usize,
) -> Result<(usize, TensorFacts, TensorFacts), DistillationError> {
    let facts = |graph: &Graph, batch| graph.facts(&calibration.dims, batch);
    let batch = calibration.batch.max(1);
    let (own, theirs) = (facts(student, batch)?, facts(teacher, batch)?);
    if batch > 1 {
        return Ok((batch, own, theirs));
    }
    let each = [(student, &own), (teacher, &theirs)];
    let samples = each.map(|(graph, facts)| pass_samples(graph, facts, update));
    let samples = samples[0].min(samples[1]);
    let wide = |graph: &Graph| {
        let found = facts(graph, samples).ok()?;
        let first = |name: &&str| found.shapes.get(*name).and_then(|dims| dims.first().copied());
        let outputs = graph.outputs();
        let all = outputs.iter().chain(&graph.inputs()).all(|name| first(name) == Some(samples));
        all.then_some(found)
    };
    match (wide(student), wide(teacher)) {
        (Some(own), Some(theirs)) => Ok((samples, own, theirs)),
        _ => Ok((batch, own, theirs)),
    }
}

impl DistillationPasses {
    /// Loads both models.
    ///
    /// # Errors
    /// [`DistillationError`] where their outputs differ, a loss cannot be taken or the engine cannot run
    /// them.
    pub(super) fn load(
        ((student, origins), teacher): ((&Graph, &OriginalIndices), &Graph),
        tensors: &[TrainableTensor],
        how: &Distillation,
        calibration: &Calibration,
    ) -> Result<DistillationPasses, CompressError> {
        let (samples, facts, teacher_facts) =
            common_batch(student, teacher, calibration, how.batch)?;
        let own = ModelFacts { graph: student, facts: &facts };
        let theirs = ModelFacts { graph: teacher, facts: &teacher_facts };
        let mut compared = compared_outputs(own, theirs, calibration)?;
        if how.features > 0.0 {
            let features = compared_features(own, theirs, origins, &compared);
            compared.extend(features);
        }
        let names: Vec<String> = compared.iter().map(|own| own.teacher.clone()).collect();
        let sized = Calibration { batch: samples, ..calibration.clone() };
        let plan = tensors_plan(teacher, &names, &sized, &training_options())
            .map_err(DistillationError::from)?;
        let terms = terms(&compared, &plan, how, &sized)?;
        let loss: Vec<_> = terms.iter().map(|own| own.term.clone()).collect();
        let request = |targets: Vec<GradientTarget>, variables: Vec<String>| BackwardRequest {
            variables,
            rounding: RoundingGradient::StraightThrough,
            ..BackwardRequest::new(loss.clone(), targets)
        };
        let target = |own: &TrainableTensor| GradientTarget::tensor(&own.name);
        let probe =
            backward_graph(student, &facts, &request(tensors.iter().map(target).collect(), vec![]))
                .map_err(DistillationError::from)?;
        let refused = refused(&probe, tensors);
        let trained: Vec<&TrainableTensor> =
            tensors.iter().filter(|own| !refused.contains_key(&own.name)).collect();
        let variables: Vec<String> = trained.iter().map(|own| own.name.clone()).collect();
        let targets = trained.iter().map(|own| target(own)).collect();
        let load = |request| -> Result<(BackwardPass, Vec<LossInput>), DistillationError> {
            let graph = backward_graph(student, &facts, &request)?;
            Ok((BackwardPass::load(&graph)?, graph.inputs))
        };
        let (backward, inputs) = load(request(targets, variables.clone()))?;
        let (forward, _) = load(request(vec![], variables))?;
        let labelled = inputs.iter().zip(&terms).find(|(_, own)| own.reads == TermTarget::Labels);
        if let Some((input, _)) = labelled.filter(|(input, _)| places(input) != samples) {
            return Err(label_places(input, samples).into());
        }
        let dims = trained.iter().map(|own| (own.name.clone(), own.dims.clone())).collect();
        Ok(DistillationPasses {
            samples,
            teacher: plan,
            compared,
            backward,
            forward,
            terms,
            inputs,
            dims,
            refused,
        })
    }

    /// Samples with the teacher's answers and their labels.
    ///
    /// # Errors
    /// [`DistillationError::Teacher`] names a tensor that is not finite.
    pub(super) fn answered(
        &self,
        mut arrays: PassArrays,
        labels: &[i64],
    ) -> Result<PassArrays, DistillationError> {
        let answers = self.teacher.run(&self.teacher.inputs(&arrays)?)?;
        let broken = |values: &ArrayD<f32>| values.iter().any(|value| !value.is_finite());
        let broken = self.compared.iter().zip(&answers).find(|(_, own)| broken(own));
        if let Some((compared, _)) = broken {
            return Err(DistillationError::Teacher(compared.teacher.clone()));
        }
        for (input, own) in self.inputs.iter().zip(&self.terms) {
            let value = match own.reads {
                TermTarget::Teacher(position) => {
                    let pair = self.compared.get(position).zip(answers.get(position));
                    pair.map(|(compared, values)| Array::F32(compared.remaining(values)))
                }
                TermTarget::Labels => {
                    let shaped = ArrayD::from_shape_vec(IxDyn(&input.dims), labels.to_vec());
                    Some(Array::I64(shaped.map_err(|_| label_places(input, labels.len()))?))
                }
            };
            arrays.extend(value.map(|value| (input.name.clone(), value)));
        }
        Ok(arrays)
    }

    /// The weights as inputs of a pass.
    pub(super) fn variables(&self, weights: &[Vec<f32>]) -> PassArrays {
        let each = self.dims.iter().zip(weights).filter_map(|((name, dims), values)| {
            let array = ArrayD::from_shape_vec(IxDyn(dims), values.clone()).ok()?;
            Some((name.clone(), Array::F32(array)))
        });
        each.collect()
    }

    /// Loss and gradients.
    ///
    /// # Errors
    /// [`crate::gradient::GradientError::NotFinite`] where a number is none; the engine's.
    pub(super) fn gradients(
        &self,
        mut arrays: PassArrays,
        variables: &PassArrays,
    ) -> Result<PassGradients, DistillationError> {
        arrays.extend(variables.iter().map(|(name, array)| (name.clone(), array.clone())));
        let found = self.backward.run(&arrays)?;
        let flat = |gradient: ArrayD<f32>| gradient.iter().copied().collect();
        Ok(PassGradients {
            loss: found.loss,
            gradients: found.gradients.into_iter().map(flat).collect(),
        })
    }

    /// The loss alone.
    ///
    /// # Errors
    /// As for [`DistillationPasses::gradients`].
    pub(super) fn loss(
        &self,
        arrays: &PassArrays,
        variables: &PassArrays,
    ) -> Result<f64, DistillationError> {
        let mut arrays = arrays.clone();
        arrays.extend(variables.iter().map(|(name, array)| (name.clone(), array.clone())));
        Ok(self.forward.run(&arrays)?.loss)
    }
}

/// The terms of the loss; their scales are those of the teacher's answers.
fn terms(
    compared: &[ComparedTensor],
    teacher: &InferencePlan,
    how: &Distillation,
    calibration: &Calibration,
) -> Result<Vec<DistillationTerm>, DistillationError> {
    let mut variances = vec![EntryVariance::default(); compared.len()];
    for batch in 0..calibration.batches() {
        let found = teacher.run(&teacher.inputs(&calibration.arrays(batch))?)?;
        let each = variances.iter_mut().zip(compared).zip(&found);
        each.for_each(|((variance, own), values)| variance.add(&own.remaining(values)));
    }
    let each = compared.iter().zip(&variances).enumerate();
    let mut terms: Vec<DistillationTerm> = each
        .flat_map(|(position, (own, variance))| own.terms(how, variance.value(), position))
        .collect();
    if how.labels > 0.0 {
        let labelled = calibration.labels.len() == calibration.samples();
        let term = compared.iter().find_map(|own| own.label_term(how.labels));
        terms.push(term.filter(|_| labelled).ok_or(DistillationError::NoLabels)?);
    }
    Ok(terms)
}

/// Classes that a loss of labels asks for in one pass.
fn places(input: &LossInput) -> usize {
    input.dims.iter().product()
}

fn label_places(input: &LossInput, labels: usize) -> DistillationError {
    DistillationError::LabelPlaces { tensor: input.tensor.clone(), places: places(input), labels }
}

/// Tensors without a gradient, and the reason.
fn refused(backward: &BackwardGraph, tensors: &[TrainableTensor]) -> BTreeMap<String, String> {
    let pairs = tensors.iter().zip(&backward.gradients);
    let each = pairs.filter_map(|(tensor, own)| {
        let refusal = own.output.as_ref().err()?;
        Some((tensor.name.clone(), format!("{refusal}, because {}", refusal.obstacle)))
    });
    each.collect()
}
