//! Gradients of the loss at a model's inputs, batch by batch: what adversarial attacks follow.

use super::attack_error::AttackError;
use super::straight_through::straight_through;
use ndarray::{ArrayD, IxDyn};
use paring_agent::arrays::Array;
use paring_compress::float_simulation;
use paring_compress::gradient::{
    BackwardPass, BackwardRequest, GradientTarget, LossFunction, LossInput, LossReduction,
    LossTerm, RoundingGradient, backward_graph,
};
use paring_compress::prediction::{argmax, exclusive_probabilities};
use paring_core::schema::{AttackGradientSource, ScoreKind};
use paring_data::Dataset;
use paring_onnx::graph::Graph;
use std::collections::BTreeMap;

/// Samples of a pass, where the model takes as many as one likes.
const BATCH: usize = 16;

/// Samples that are looked at for gradients that are zero.
const LOOKED_AT: usize = 32;

/// Operators whose rounding a gradient goes straight through.
const ROUNDING: [&str; 3] = ["QuantizeLinear", "DequantizeLinear", "Round"];

/// A model's backward pass down to its inputs.
#[derive(Debug)]
pub struct AttackGradient {
    pass: BackwardPass,
    /// Samples of a pass.
    batch: usize,
    /// Position of the output with the scores, and their meaning.
    output: (usize, ScoreKind),
    labels: LossInput,
    /// The inputs that are attacked: 32-bit floats, samples along axis 0.
    inputs: Vec<String>,
    source: AttackGradientSource,
}

/// One sample's loss and gradients at one place.
#[derive(Clone, Debug)]
pub(super) struct SampleGradient {
    /// Cross entropy of the class that it is held to.
    pub(super) loss: f64,
    /// True where another class is predicted, or none.
    pub(super) fooled: bool,
    /// Gradients at the attacked inputs, flat, in their order.
    pub(super) gradients: Vec<Vec<f32>>,
}

fn is_dynamic(graph: &Graph) -> bool {
    graph.nodes().iter().any(|node| node.op_type == "DynamicQuantizeLinear")
}

impl AttackGradient {
    /// The backward pass of a model, or of its simulation in float where it computes in integers.
    ///
    /// `batch` is what the model takes where it does not take any number of samples; `output` the
    /// position of the output with the scores of classes.
    ///
    /// # Errors
    /// [`AttackError`] where a node on the way passes no gradient, or no input can be attacked.
    pub fn load(
        graph: &Graph,
        dims: &BTreeMap<String, usize>,
        batch: usize,
        output: (usize, ScoreKind),
    ) -> Result<AttackGradient, AttackError> {
        let simulated = float_simulation(graph)?;
        let rounds = |graph: &Graph| {
            graph.nodes().iter().any(|node| ROUNDING.contains(&node.op_type.as_str()))
        };
        let source = match simulated.is_some() || rounds(graph) {
            true => AttackGradientSource::StraightThrough,
            false => AttackGradientSource::Own,
        };
        let rounded = match source {
            // Ranges that are found at run time pass no gradient; the backward pass names the node.
            AttackGradientSource::StraightThrough if !is_dynamic(graph) => {
                let own = simulated.as_ref().unwrap_or(graph);
                Some(straight_through(own, &own.facts(dims, batch)?)?)
            }
            _ => None,
        };
        let graph = rounded.as_ref().or(simulated.as_ref()).unwrap_or(graph);
        match AttackGradient::at_batch(graph, dims, BATCH, output, source) {
            Err(_) if batch != BATCH => {
                AttackGradient::at_batch(graph, dims, batch, output, source)
            }
            other => other,
        }
    }

    fn at_batch(
        graph: &Graph,
        dims: &BTreeMap<String, usize>,
        batch: usize,
        output: (usize, ScoreKind),
        source: AttackGradientSource,
    ) -> Result<AttackGradient, AttackError> {
        let facts = graph.facts(dims, batch)?;
        let scores = graph.outputs().get(output.0).map(|name| name.to_string());
        let scores = scores.ok_or(AttackError::NoOutput(output.0))?;
        let by_sample = |name: &str| {
            let shape = facts.shapes.get(name)?;
            (shape.first() == Some(&batch)).then_some(shape)
        };
        let floats = |name: &str| {
            facts.types.get(name).is_some_and(|dtype| *dtype == paring_agent::arrays::Dtype::F32)
        };
        let inputs: Vec<String> = graph
            .inputs()
            .into_iter()
            .filter(|name| floats(name) && by_sample(name).is_some())
            .map(str::to_string)
            .collect();
        if inputs.is_empty() {
            return Err(AttackError::NoInput);
        }
        if by_sample(&scores).is_none() {
            return Err(AttackError::Batch { output: scores, batch });
        }
        let term = LossTerm {
            tensor: scores,
            function: LossFunction::CrossEntropy(output.1),
            weight: 1.0,
        };
        let targets = inputs.iter().map(|name| GradientTarget::tensor(name)).collect();
        let request = BackwardRequest {
            reduction: LossReduction::Sum,
            rounding: RoundingGradient::StraightThrough,
            ..BackwardRequest::new(vec![term], targets)
        };
        let backward = backward_graph(graph, &facts, &request)?.complete()?;
        let labels = backward.inputs.first().cloned().ok_or(AttackError::NoInput)?;
        if labels.dims.iter().product::<usize>() != batch {
            return Err(AttackError::Positions(labels.tensor));
        }
        let pass = BackwardPass::load(&backward)?;
        Ok(AttackGradient { pass, batch, output, labels, inputs, source })
    }

    /// The graph whose gradients these are.
    pub fn source(&self) -> AttackGradientSource {
        self.source
    }

    /// The inputs that are attacked.
    pub(super) fn inputs(&self) -> &[String] {
        &self.inputs
    }

    /// Loss and gradients of samples whose inputs are given row by row, held to one class each.
    pub(super) fn at(
        &self,
        inputs: &BTreeMap<String, Array>,
        classes: &[i64],
    ) -> Result<Vec<SampleGradient>, AttackError> {
        let mut found = Vec::new();
        let rows: Vec<usize> = (0..classes.len()).collect();
        for own in rows.chunks(self.batch) {
            // A last batch that is not full repeats its samples.
            let filled: Vec<usize> = own.iter().copied().cycle().take(self.batch).collect();
            let mut arrays: BTreeMap<String, Array> =
                inputs.iter().map(|(name, array)| (name.clone(), array.take(&filled))).collect();
            let labels: Vec<i64> = filled.iter().map(|row| classes[*row]).collect();
            let shaped = ArrayD::from_shape_vec(IxDyn(&self.labels.dims), labels);
            let shaped = shaped.map_err(|_| AttackError::Positions(self.labels.tensor.clone()))?;
            arrays.insert(self.labels.name.clone(), Array::I64(shaped));
            let values = self.pass.run(&arrays)?;
            let scores = values.answers.get(self.output.0);
            let scores = scores.ok_or(AttackError::NoOutput(self.output.0))?;
            for (place, row) in own.iter().enumerate() {
                let scores = self.row(scores, place);
                let (loss, fooled) = self.judged(&scores, classes[*row]);
                let gradients =
                    values.gradients.iter().map(|gradient| self.row(gradient, place)).collect();
                found.push(SampleGradient { loss, fooled, gradients });
            }
        }
        Ok(found)
    }

    /// Refuses a model whose gradients are all zero: an attack along them would find nothing.
    ///
    /// # Errors
    /// [`AttackError::ZeroGradient`], or why the samples cannot be looked at.
    pub(super) fn refuse_zero(
        &self,
        data: &Dataset,
        samples: &[usize],
        classes: &[i64],
    ) -> Result<(), AttackError> {
        let count = samples.len().min(LOOKED_AT);
        let inputs = data.inputs_at(&samples[..count])?;
        let seen = self.at(&inputs, &classes[..count])?;
        let zero = |own: &SampleGradient| own.gradients.iter().flatten().all(|slope| *slope == 0.0);
        match count > 0 && seen.iter().all(zero) {
            true => Err(AttackError::ZeroGradient),
            false => Ok(()),
        }
    }

    /// One sample's part of an array with samples along axis 0.
    fn row(&self, array: &ArrayD<f32>, place: usize) -> Vec<f32> {
        let width = array.len() / self.batch.max(1);
        array.iter().skip(place * width).take(width).copied().collect()
    }

    fn judged(&self, scores: &[f32], class: i64) -> (f64, bool) {
        let probabilities = exclusive_probabilities(self.output.1, scores);
        let own = usize::try_from(class).ok().and_then(|class| probabilities.get(class));
        let loss = own.map_or(f64::INFINITY, |p| -p.max(f64::MIN_POSITIVE).ln());
        (loss, argmax(scores).map(|found| found as i64) != Some(class))
    }
}
