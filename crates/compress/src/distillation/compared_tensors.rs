//! The tensors in which a student is compared with its teacher, and the losses of the comparison.

use super::error::DistillationError;
use super::settings::Distillation;
use crate::catalog::Calibration;
use crate::gradient::{LossFunction, LossTerm};
use ndarray::{ArrayD, Axis};
use paring_agent::arrays::Dtype;
use paring_core::schema::{OriginalIndices, ScoreKind, TaskKind};
use paring_onnx::graph::{Graph, GraphIndex, Node, TensorFacts, int};
use paring_onnx::ops::{self, OperatorFamily};

/// A model with the facts of its tensors.
#[derive(Clone, Copy)]
pub(super) struct ModelFacts<'a> {
    pub(super) graph: &'a Graph,
    pub(super) facts: &'a TensorFacts,
}

/// A tensor of the student and the one of the teacher that it is to equal.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ComparedTensor {
    pub(super) student: String,
    pub(super) teacher: String,
    /// The axis of channels and those that the student still has, where it lacks some.
    kept: Option<(usize, Vec<usize>)>,
    comparison: TensorComparison,
}

/// The way in which two tensors are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
enum TensorComparison {
    /// Scores of classes along axis 1: divergence of the softened distributions, and of logits the
    /// squared error too.
    Classes(ScoreKind),
    /// Numbers that are answers: squared error.
    Numbers,
    /// The output of a layer, one of so many: squared error.
    Features(usize),
}

/// A term of the loss, and what fills the input that it reads.
#[derive(Clone, Debug)]
pub(super) struct DistillationTerm {
    pub(super) term: LossTerm,
    pub(super) reads: TermTarget,
}

/// The values that a term of the loss reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TermTarget {
    /// Those of the compared tensor at this position, as the teacher has it.
    Teacher(usize),
    /// The samples' labels.
    Labels,
}

/// The outputs in which student and teacher are compared: all that are made of floats, before a Softmax
/// or Sigmoid that gives them.
///
/// # Errors
/// [`DistillationError::OtherOutputs`] where they differ in number or shape,
/// [`DistillationError::NoOutput`] where none is made of floats.
pub(super) fn compared_outputs(
    student: ModelFacts,
    teacher: ModelFacts,
    calibration: &Calibration,
) -> Result<Vec<ComparedTensor>, DistillationError> {
    let (own, theirs) = (student.graph.outputs(), teacher.graph.outputs());
    let mut compared = Vec::new();
    for (position, output) in own.iter().enumerate() {
        let other = theirs.get(position).copied();
        let shape = student.facts.shapes.get(*output).cloned().unwrap_or_default();
        let teacher_shape = other.and_then(|name| teacher.facts.shapes.get(name)).cloned();
        let teacher_shape = teacher_shape.unwrap_or_default();
        let (Some(other), true) = (other, own.len() == theirs.len() && shape == teacher_shape)
        else {
            let (output, student) = (output.to_string(), shape);
            return Err(DistillationError::OtherOutputs {
                output,
                student,
                teacher: teacher_shape,
            });
        };
        let floats = student.facts.types.get(*output).is_none_or(|dtype| *dtype == Dtype::F32);
        if !floats {
            continue;
        }
        let answer = calibration.rule.filter(|rule| rule.output == position || own.len() == 1);
        let classes = shape.get(1).is_some_and(|classes| *classes > 1);
        let exclusive = answer.filter(|rule| {
            matches!(rule.kind, TaskKind::Classification | TaskKind::Segmentation) && classes
        });
        let operator = if exclusive.is_some() { "Softmax" } else { "Sigmoid" };
        let before = |graph, output| given_by(graph, output, operator);
        let (own, theirs, scores) =
            match (before(student.graph, output), before(teacher.graph, other)) {
                (Some(own), Some(theirs)) => (own, theirs, Some(ScoreKind::Logits)),
                _ => (output.to_string(), other.to_string(), None),
            };
        let comparison = match exclusive {
            Some(rule) => TensorComparison::Classes(scores.unwrap_or(rule.scores)),
            None => TensorComparison::Numbers,
        };
        compared.push(ComparedTensor { student: own, teacher: theirs, kept: None, comparison });
    }
    match compared.is_empty() {
        true => Err(DistillationError::NoOutput),
        false => Ok(compared),
    }
}

/// The input of the node that gives an output, where that is this operator; a Softmax only over the
/// classes.
fn given_by(graph: &Graph, output: &str, operator: &str) -> Option<String> {
    let gives = |node: &&Node| node.output.first().is_some_and(|given| given == output);
    let node = graph.nodes().iter().find(gives)?;
    let classes = int(node, "axis").is_none_or(|axis| axis == -1 || axis == 1);
    let known = node.op_type == operator && node.domain.is_empty();
    let input = node.input.first().cloned();
    input.filter(|_| known && (classes || operator == "Sigmoid"))
}

/// The outputs of layers with weights, behind their activations, that both models have under one name
/// and of which the channels that remain are known. Those that are compared as outputs are left out.
pub(super) fn compared_features(
    student: ModelFacts,
    teacher: ModelFacts,
    origins: &OriginalIndices,
    outputs: &[ComparedTensor],
) -> Vec<ComparedTensor> {
    let index = GraphIndex::new(student.graph);
    let mut found = Vec::new();
    for node in student.graph.nodes().iter().filter(|node| ops::is_float_product(node)) {
        let Some((tensor, axis, kept)) = remaining_output(student, &index, node, origins) else {
            continue;
        };
        let (Some(own), Some(theirs)) =
            (student.facts.shapes.get(&tensor), teacher.facts.shapes.get(&tensor))
        else {
            continue;
        };
        let fits = own.len() == theirs.len()
            && own.iter().zip(theirs).enumerate().all(|(i, (a, b))| a == b || i == axis)
            && kept.last().is_some_and(|last| theirs.get(axis).is_some_and(|width| last < width));
        let known =
            outputs.iter().any(|output| output.student == tensor || output.teacher == tensor);
        if fits && !known {
            let kept = (own != theirs).then_some((axis, kept));
            found.push((tensor, kept));
        }
    }
    let count = found.len();
    let each = found.into_iter().map(|(tensor, kept)| ComparedTensor {
        student: tensor.clone(),
        teacher: tensor,
        kept,
        comparison: TensorComparison::Features(count),
    });
    each.collect()
}

/// The output of a layer behind its activation, its axis of channels, and the original indices of
/// these.
fn remaining_output(
    student: ModelFacts,
    index: &GraphIndex,
    node: &Node,
    origins: &OriginalIndices,
) -> Option<(String, usize, Vec<usize>)> {
    let (slot, weights_axis) = ops::output_axis(node)?;
    let mut tensor = node.output.first()?;
    let shape = student.facts.shapes.get(tensor)?;
    let convolves = ops::family_of(&node.op_type) == Some(OperatorFamily::Convolution);
    let axis = if convolves { 1 } else { shape.len().checked_sub(1)? };
    let weights = node.input.get(slot)?;
    let width = *shape.get(axis)?;
    let kept = (0..width).map(|i| origins.original(weights, weights_axis, i)).collect();
    if let Some((position, 0)) = index.only_consumer(tensor) {
        let next = student.graph.nodes().get(position)?;
        if ops::family_of(&next.op_type) == Some(OperatorFamily::Activation) {
            tensor = next.output.first()?;
        }
    }
    Some((tensor.clone(), axis, kept))
}

impl ComparedTensor {
    /// The teacher's values of what the student still has.
    pub(super) fn remaining(&self, values: &ArrayD<f32>) -> ArrayD<f32> {
        match &self.kept {
            Some((axis, kept)) => values.select(Axis(*axis), kept),
            None => values.clone(),
        }
    }

    /// The terms of the loss; `variance` is that of the teacher's values, `position` the tensor's own.
    pub(super) fn terms(
        &self,
        how: &Distillation,
        variance: f64,
        position: usize,
    ) -> Vec<DistillationTerm> {
        let term = |function, weight: f64| DistillationTerm {
            term: LossTerm { tensor: self.student.clone(), function, weight: weight as f32 },
            reads: TermTarget::Teacher(position),
        };
        // What never varies has nothing to teach, and no scale of its own.
        let relative = if variance > 0.0 { 1.0 / variance } else { 0.0 };
        match self.comparison {
            TensorComparison::Numbers => vec![term(LossFunction::SquaredError, relative)],
            TensorComparison::Features(count) => {
                let weight = how.features * relative / count.max(1) as f64;
                vec![term(LossFunction::SquaredError, weight)]
            }
            TensorComparison::Classes(scores) => {
                let temperature = how.temperature as f32;
                let function = LossFunction::KullbackLeibler { scores, temperature };
                let mut terms = vec![term(function, 1.0)];
                if scores == ScoreKind::Logits && how.scores > 0.0 {
                    terms.push(term(LossFunction::SquaredError, how.scores * relative));
                }
                terms
            }
        }
    }

    /// The cross entropy of labels, of an output that holds scores of classes.
    pub(super) fn label_term(&self, weight: f64) -> Option<DistillationTerm> {
        let TensorComparison::Classes(scores) = self.comparison else { return None };
        let function = LossFunction::CrossEntropy(scores);
        let term = LossTerm { tensor: self.student.clone(), function, weight: weight as f32 };
        Some(DistillationTerm { term, reads: TermTarget::Labels })
    }
}

/// Share of the mean square below which a variance is taken for none.
const NOISE_OF_SUMS: f64 = 1e-12;

/// Mean square of the entries of a sample about their means over the samples.
#[derive(Clone, Debug, Default)]
pub(super) struct EntryVariance {
    rows: usize,
    sums: Vec<f64>,
    squares: f64,
}

impl EntryVariance {
    /// Adds samples along axis 0.
    pub(super) fn add(&mut self, values: &ArrayD<f32>) {
        for row in values.outer_iter() {
            self.rows += 1;
            self.sums.resize(row.len(), 0.0);
            for (sum, value) in self.sums.iter_mut().zip(row.iter()) {
                *sum += f64::from(*value);
                self.squares += f64::from(*value).powi(2);
            }
        }
    }

    pub(super) fn value(&self) -> f64 {
        let count = self.rows.max(1) as f64;
        let means: f64 = self.sums.iter().map(|sum| (sum / count).powi(2)).sum();
        let variance = self.squares / count - means;
        // Below that it is what rounding leaves of a difference of nearly equal sums.
        let varies = variance > NOISE_OF_SUMS * self.squares / count;
        if varies { variance / self.sums.len().max(1) as f64 } else { 0.0 }
    }
}
