//! A backward pass that runs.

use super::backward_graph::BackwardGraph;
use super::error::GradientError;
use ndarray::ArrayD;
use paring_agent::arrays::Array;
use paring_agent::engine::{AnalysedModel, InferencePlan, ModelSource};
use paring_core::schema::EngineOptions;
use std::collections::BTreeMap;

/// Convolutions with their channels behind the positions: depthwise ones take half the time, and a
/// pass over a depthwise-separable network two thirds.
const CHANNELS_LAST: &str = "conv_nhwc";

/// Engine options of backward passes, and of other models that training asks.
pub(crate) fn training_options() -> EngineOptions {
    EngineOptions { transforms: vec![CHANNELS_LAST.to_string()], ..EngineOptions::default() }
}

/// An optimised backward graph.
#[derive(Debug)]
pub struct BackwardPass {
    plan: InferencePlan,
    /// Number of the model's own outputs.
    answers: usize,
    /// Names of the gradients' outputs.
    gradients: Vec<String>,
}

/// Values of one backward pass.
#[derive(Clone, Debug)]
pub struct GradientValues {
    /// The model's own outputs.
    pub answers: Vec<ArrayD<f32>>,
    /// The loss.
    pub loss: f64,
    /// The gradients, in the order of the request.
    pub gradients: Vec<ArrayD<f32>>,
}

impl BackwardPass {
    /// Loads a backward graph that has all its gradients.
    ///
    /// # Errors
    /// The refusal of a target that has none, or the engine's error.
    pub fn load(backward: &BackwardGraph) -> Result<BackwardPass, GradientError> {
        let name = |own: &super::TargetGradient| own.output.clone();
        let gradients = backward.gradients.iter().map(name).collect::<Result<Vec<_>, _>>()?;
        let graph = &backward.graph;
        let bytes = graph.encode();
        let model = AnalysedModel::load_fixed(ModelSource::Bytes(graph.name(), &bytes))?;
        let plan = model.optimise(&training_options())?;
        let answers = graph.outputs().len() - gradients.len() - 1;
        Ok(BackwardPass { plan, answers, gradients })
    }

    /// Runs the pass once: `arrays` are the model's inputs, the variables' values and what the loss
    /// reads, by name.
    ///
    /// # Errors
    /// [`GradientError::NotFinite`] names the loss or the gradient that is NaN or infinite; the
    /// engine's errors.
    pub fn run(&self, arrays: &BTreeMap<String, Array>) -> Result<GradientValues, GradientError> {
        let mut answers = self.plan.run(&self.plan.inputs(arrays)?)?;
        let mut behind = answers.split_off(self.answers.min(answers.len())).into_iter();
        let loss = behind.next().and_then(|loss| loss.first().copied()).map(f64::from);
        let loss = loss.filter(|loss| loss.is_finite());
        let loss = loss.ok_or_else(|| GradientError::NotFinite("loss".into()))?;
        let gradients: Vec<ArrayD<f32>> = behind.collect();
        let broken = |own: &ArrayD<f32>| own.iter().any(|value| !value.is_finite());
        match gradients.iter().zip(&self.gradients).find(|(own, _)| broken(own)) {
            Some((_, name)) => Err(GradientError::NotFinite(name.clone())),
            None => Ok(GradientValues { answers, loss, gradients }),
        }
    }
}
