//! Losses: their value, and the gradients with which a backward pass begins.
//!
//! Scores are taken as logits z. Probabilities that a Softmax gives are those of its input, so that
//! the gradient is p − t without a division; other probabilities have the logits ln p.

use super::error::GradientError;
use paring_agent::arrays::Dtype;
use paring_core::schema::ScoreKind;
use paring_onnx::graph::{Graph, Weights, int};
use paring_onnx::ops::{GradientEmitter, ShapedTensor};

/// Probabilities below this count as this where a logarithm is taken or they divide.
const SMALLEST: f32 = 1e-12;

/// Below the logarithm of every positive 32-bit float.
const LOWEST_LOGARITHM: f32 = -104.0;

/// A distance of a tensor's values from what they should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LossFunction {
    /// −ln p of the label's class; classes along axis 1. Reads one label for each index of the other
    /// axes.
    CrossEntropy(ScoreKind),
    /// Divergence D(target ‖ scores) of distributions along axis 1, both softened by a temperature T,
    /// times T². The target's scores are of the same kind.
    ///
    /// Source: Hinton et al. 2015, arXiv 1503.02531.
    KullbackLeibler {
        /// Meaning of scores and targets.
        scores: ScoreKind,
        /// Temperature, above 0.
        temperature: f32,
    },
    /// Squared difference from a target of the same shape.
    SquaredError,
    /// The sum of the products with weights of the same shape: the gradient at the tensor is given.
    Weighted,
}

/// A loss of one tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct LossTerm {
    /// The tensor: an output, or one between the layers.
    pub tensor: String,
    /// The loss.
    pub function: LossFunction,
    /// Factor of this term in the sum of all.
    pub weight: f32,
}

/// Reduction of a loss over a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossReduction {
    /// The sum over all samples: gradients of a sample's tensors are those of its own loss.
    Sum,
    /// The mean over the samples, positions too where there are several.
    Mean,
}

/// An input of the backward graph that the model does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LossInput {
    /// Its name.
    pub name: String,
    /// The tensor that its term is of.
    pub tensor: String,
    /// Element type.
    pub dtype: Dtype,
    /// Shape.
    pub dims: Vec<usize>,
}

/// A term as nodes: its value, its gradient at a tensor, and what it reads.
pub(super) struct EmittedLoss {
    pub(super) value: ShapedTensor,
    pub(super) seed: (String, ShapedTensor),
    pub(super) input: LossInput,
}

/// A loss term while it is written.
pub(super) struct LossEmission<'a, 'b> {
    pub(super) graph: &'a Graph,
    pub(super) emitter: &'a mut GradientEmitter<'b>,
    pub(super) reduction: LossReduction,
    /// Tensors whose own gradients are asked for.
    pub(super) targets: &'a [&'a str],
}

/// Scores as logits, and the tensor at which the backward pass begins.
struct LogitScores {
    logits: ShapedTensor,
    seed: String,
    /// The probabilities at the seed, where the logits are their logarithms.
    probabilities: Option<ShapedTensor>,
}

impl LossEmission<'_, '_> {
    /// Writes a term.
    pub(super) fn emit(&mut self, term: &LossTerm) -> Result<EmittedLoss, GradientError> {
        let unknown = || GradientError::NoTensor(term.tensor.clone());
        let y = self.emitter.tensor(&term.tensor).ok_or_else(unknown)?;
        if !self.emitter.holds_floats(&term.tensor) {
            return Err(GradientError::NotFloat(term.tensor.clone()));
        }
        match term.function {
            LossFunction::CrossEntropy(kind) => self.cross_entropy(term, &y, kind),
            LossFunction::KullbackLeibler { scores, temperature } => {
                self.divergence(term, &y, (scores, temperature))
            }
            LossFunction::SquaredError => self.squared_error(term, &y),
            LossFunction::Weighted => self.weighted(term, &y),
        }
    }

    /// Factor of a term whose mean goes over `count` losses.
    fn factor(&self, term: &LossTerm, count: usize) -> f32 {
        match self.reduction {
            LossReduction::Sum => term.weight,
            LossReduction::Mean => term.weight / count.max(1) as f32,
        }
    }

    fn input(&mut self, term: &LossTerm, kind: &str, dtype: Dtype, dims: &[usize]) -> LossInput {
        let name = self.emitter.fresh_name(&format!("{}/{kind}", term.tensor));
        LossInput { name, tensor: term.tensor.clone(), dtype, dims: dims.to_vec() }
    }

    fn cross_entropy(
        &mut self,
        term: &LossTerm,
        y: &ShapedTensor,
        kind: ScoreKind,
    ) -> Result<EmittedLoss, GradientError> {
        let classes = classes(term, "cross entropy", y)?;
        let others: Vec<usize> = without_classes(&y.dims);
        let input = self.input(term, "labels", Dtype::I64, &others);
        let labels = ShapedTensor { name: input.name.clone(), dims: others };
        let mut row = y.dims.clone();
        row[1] = 1;
        let e = &mut *self.emitter;
        let labels = e.reshape(&labels, &row);
        let mut column = vec![1; y.rank()];
        column[1] = classes;
        let numbers: Vec<i64> = (0..classes as i64).collect();
        let numbers = e.constant(Weights::i64(&column, &numbers));
        let hits = e.binary("Equal", &labels, &numbers);
        let target = e.as_floats(&hits);
        let factor = self.factor(term, y.elements() / classes);
        let scores = self.logits(term, y, kind);
        if let Some(probabilities) = scores.probabilities {
            // Of probabilities that no softmax has tied together only the label's own counts.
            let e = &mut *self.emitter;
            let product = e.mul(&target, &scores.logits);
            let value = summed(e, &product, -factor);
            let share = e.div(&target, &probabilities);
            let gradient = e.scaled(&share, -factor);
            return Ok(EmittedLoss { value, seed: (scores.seed, gradient), input });
        }
        let (value, probabilities) = self.softmax_loss(&scores.logits, &target, factor);
        let e = &mut *self.emitter;
        // Of the label's class p − 1 is minus the sum of the others: no difference of nearly equal
        // numbers where a prediction is sure.
        let others = e.complement(&target);
        let others = e.mul(&others, &probabilities);
        let missing = e.reduce_sum(&others, &[1], true);
        let own = e.mul(&target, &missing);
        let rest = e.sub(&others, &own);
        let gradient = e.scaled(&rest, factor);
        Ok(EmittedLoss { value, seed: (scores.seed, gradient), input })
    }

    /// −Σ t·ln softmax(z), and softmax(z), whose difference from t is the gradient at z where t adds
    /// up to 1.
    fn softmax_loss(
        &mut self,
        logits: &ShapedTensor,
        target: &ShapedTensor,
        factor: f32,
    ) -> (ShapedTensor, ShapedTensor) {
        let e = &mut *self.emitter;
        let logarithm = log_softmax(e, logits);
        let product = e.mul(target, &logarithm);
        let value = summed(e, &product, -factor);
        (value, e.unary("Exp", &logarithm))
    }

    fn divergence(
        &mut self,
        term: &LossTerm,
        y: &ShapedTensor,
        (kind, temperature): (ScoreKind, f32),
    ) -> Result<EmittedLoss, GradientError> {
        let classes = classes(term, "a divergence", y)?;
        if temperature.is_nan() || temperature <= 0.0 {
            return Err(loss_shape(term, "a divergence", "a temperature above 0", y));
        }
        let input = self.input(term, "target", Dtype::F32, &y.dims);
        let given = ShapedTensor { name: input.name.clone(), dims: y.dims.clone() };
        let scores = self.logits(term, y, kind);
        let e = &mut *self.emitter;
        let given = match kind {
            ScoreKind::Logits => given,
            ScoreKind::Probabilities => logarithm(e, &given).0,
        };
        let soft = e.scaled(&given, 1.0 / temperature);
        let target_logarithm = log_softmax(e, &soft);
        let target = e.unary("Exp", &target_logarithm);
        let logits = e.scaled(&scores.logits, 1.0 / temperature);
        let entropy = e.mul(&target, &target_logarithm);
        let factor = self.factor(term, y.elements() / classes) * temperature * temperature;
        let (cross, softened) = self.softmax_loss(&logits, &target, factor);
        let e = &mut *self.emitter;
        let entropy = summed(e, &entropy, factor);
        let value = e.add(&cross, &entropy);
        let rest = e.sub(&softened, &target);
        let mut gradient = e.scaled(&rest, factor / temperature);
        if let Some(probabilities) = scores.probabilities {
            gradient = e.div(&gradient, &probabilities);
        }
        Ok(EmittedLoss { value, seed: (scores.seed, gradient), input })
    }

    fn squared_error(
        &mut self,
        term: &LossTerm,
        y: &ShapedTensor,
    ) -> Result<EmittedLoss, GradientError> {
        let input = self.input(term, "target", Dtype::F32, &y.dims);
        let target = ShapedTensor { name: input.name.clone(), dims: y.dims.clone() };
        let factor = self.factor(term, y.elements());
        let e = &mut *self.emitter;
        let difference = e.sub(y, &target);
        let square = e.mul(&difference, &difference);
        let value = summed(e, &square, factor);
        let gradient = e.scaled(&difference, 2.0 * factor);
        Ok(EmittedLoss { value, seed: (term.tensor.clone(), gradient), input })
    }

    fn weighted(
        &mut self,
        term: &LossTerm,
        y: &ShapedTensor,
    ) -> Result<EmittedLoss, GradientError> {
        let input = self.input(term, "gradient", Dtype::F32, &y.dims);
        let given = ShapedTensor { name: input.name.clone(), dims: y.dims.clone() };
        let e = &mut *self.emitter;
        let product = e.mul(y, &given);
        let value = summed(e, &product, term.weight);
        let gradient = e.scaled(&given, term.weight);
        Ok(EmittedLoss { value, seed: (term.tensor.clone(), gradient), input })
    }

    /// The scores of a tensor as logits.
    fn logits(&mut self, term: &LossTerm, y: &ShapedTensor, kind: ScoreKind) -> LogitScores {
        let seed = term.tensor.clone();
        if kind == ScoreKind::Logits {
            return LogitScores { logits: y.clone(), seed, probabilities: None };
        }
        if let Some(logits) = self.softmax_input(y) {
            return LogitScores { seed: logits.name.clone(), logits, probabilities: None };
        }
        let (logits, probabilities) = logarithm(self.emitter, y);
        LogitScores { logits, seed, probabilities: Some(probabilities) }
    }

    /// The input of the Softmax over axis 1 that gives a tensor whose own gradient nobody asks for.
    fn softmax_input(&self, y: &ShapedTensor) -> Option<ShapedTensor> {
        let gives = |node: &&paring_onnx::graph::Node| node.output.first() == Some(&y.name);
        let node = self.graph.nodes().iter().find(gives)?;
        let axis = int(node, "axis").unwrap_or(-1);
        let classes = axis == 1 || axis + y.rank() as i64 == 1;
        let asked = self.targets.contains(&y.name.as_str());
        if node.op_type != "Softmax" || !node.domain.is_empty() || !classes || asked {
            return None;
        }
        self.emitter.tensor(node.input.first()?)
    }
}

/// `factor` times the sum of all values.
fn summed(e: &mut GradientEmitter, x: &ShapedTensor, factor: f32) -> ShapedTensor {
    let axes: Vec<usize> = (0..x.rank()).collect();
    let sum = e.reduce_sum(x, &axes, false);
    e.scaled(&sum, factor)
}

/// ln softmax along axis 1. The engine takes the logarithm of a probability that may have become 0, and
/// 0 times minus infinity is no number.
fn log_softmax(e: &mut GradientEmitter, logits: &ShapedTensor) -> ShapedTensor {
    let logarithm = e.along("LogSoftmax", logits, 1);
    let lowest = e.scalar(LOWEST_LOGARITHM);
    e.binary("Max", &logarithm, &lowest)
}

/// The logarithms of probabilities, and these themselves, none of them too small.
fn logarithm(e: &mut GradientEmitter, p: &ShapedTensor) -> (ShapedTensor, ShapedTensor) {
    let least = e.scalar(SMALLEST);
    let p = e.binary("Max", p, &least);
    (e.unary("Log", &p), p)
}

fn without_classes(dims: &[usize]) -> Vec<usize> {
    dims.iter().enumerate().filter(|(axis, _)| *axis != 1).map(|(_, size)| *size).collect()
}

/// The number of classes along axis 1.
fn classes(term: &LossTerm, loss: &'static str, y: &ShapedTensor) -> Result<usize, GradientError> {
    match y.dims.get(1) {
        Some(classes) if *classes > 1 => Ok(*classes),
        _ => Err(loss_shape(term, loss, "two classes along axis 1 at least", y)),
    }
}

fn loss_shape(
    term: &LossTerm,
    loss: &'static str,
    need: &'static str,
    y: &ShapedTensor,
) -> GradientError {
    let (tensor, shape) = (term.tensor.clone(), y.dims.clone());
    GradientError::LossShape { loss, tensor, need, shape }
}
