//! Gradients of a model's loss: norms by layer, and the backward pass as a file.

use super::{ModelSamples, SampleOptions, output_scores};
use crate::evaluate::task_output;
use crate::report::{GradientAnswer, LabelOrigin};
use crate::workflow::WorkflowError;
use ndarray::Axis;
use paring_agent::engine::{DimensionBindings, ModelSource};
use paring_compress::DecisionRule;
use paring_compress::catalog::{self, Calibration, CatalogError, ModelGradients};
use paring_compress::gradient::{
    BackwardRequest, GradientTarget, LossFunction, LossTerm, backward_graph,
};
use paring_core::schema::{ScoreKind, Sha256Hex};
use paring_onnx::graph::{Graph, TensorFacts};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A model, its data, and the loss that gradients are taken of.
#[derive(Clone, Debug)]
pub struct GradientOptions {
    /// The ONNX file.
    pub model: PathBuf,
    /// Data and sizes.
    pub samples: SampleOptions,
    /// The output with the scores; the only one without it.
    pub output: Option<String>,
    /// The meaning of its numbers; told from the node that gives them without it.
    pub scores: Option<ScoreKind>,
    /// A file that gets the backward graph.
    pub save: Option<PathBuf>,
}

/// Gradients of the cross entropy at every layer of a model.
///
/// # Errors
/// [`WorkflowError`] where the model or the data cannot be used, or its output are no scores of
/// classes.
pub fn gradient(options: &GradientOptions) -> Result<GradientAnswer, WorkflowError> {
    let graph = Graph::load(&options.model)?;
    let ModelSamples { dims, batch, mut calibration, trial } =
        options.samples.open(&options.model)?;
    let bindings = DimensionBindings { batch, dims: &dims };
    let facts = graph.facts(&dims, batch)?;
    let rule = options.rule(&graph, bindings)?;
    let output = graph.outputs().get(rule.output).map(|name| name.to_string()).unwrap_or_default();
    if trial.is_some_and(|(data, _)| data.targets.is_some()) {
        let why = "its labels are no classes; gradients are those of a cross entropy";
        return Err(WorkflowError::Option(format!("--data: {why}")));
    }
    let labels = match &mut calibration {
        Some(samples) => labelled(&graph, samples, rule, &output)?,
        None => LabelOrigin::Nothing,
    };
    let loss = LossTerm {
        tensor: output.clone(),
        function: LossFunction::CrossEntropy(rule.scores),
        weight: 1.0,
    };
    let gradients = catalog::layer_gradients(&graph, &facts, loss.clone(), calibration.as_ref())?;
    let saved = match &options.save {
        Some(path) => Some((path.clone(), save((&graph, &facts), loss, &gradients, path)?)),
        None => None,
    };
    let model = options.model.clone();
    Ok(GradientAnswer { model, output, labels, batch, gradients, saved })
}

impl GradientOptions {
    fn rule(
        &self,
        graph: &Graph,
        bindings: DimensionBindings,
    ) -> Result<DecisionRule, WorkflowError> {
        let outputs: Vec<String> = graph.outputs().iter().map(|name| name.to_string()).collect();
        let source = ModelSource::File(&self.model);
        let output = task_output(source, bindings, &outputs, self.output.as_deref());
        let output = output.map_err(|source| {
            let model = self.model.clone();
            WorkflowError::ModelOutput { model, source }
        })?;
        let name = outputs.get(output).map_or("", String::as_str);
        let scores = self.scores.unwrap_or_else(|| output_scores(graph, name));
        Ok(DecisionRule { scores, output, ..DecisionRule::default() })
    }
}

/// Sees to it that samples have labels: the data's, or the model's own predictions.
fn labelled(
    graph: &Graph,
    samples: &mut Calibration,
    rule: DecisionRule,
    output: &str,
) -> Result<LabelOrigin, WorkflowError> {
    samples.rule = Some(rule);
    if !samples.labels.is_empty() {
        return Ok(LabelOrigin::Data);
    }
    let mut predicted = Vec::new();
    samples.visit(graph, &[output.to_string()], &mut |_, outputs| {
        for scores in outputs.iter().filter(|scores| scores.ndim() > 1) {
            for lane in scores.lanes(Axis(1)) {
                let best = lane.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
                predicted.push(best.map_or(0, |(class, _)| class as i64));
            }
        }
    })?;
    samples.labels = predicted;
    Ok(LabelOrigin::Predictions)
}

/// Writes the backward graph with the gradients of all inputs and parameters that have one.
fn save(
    (graph, facts): (&Graph, &TensorFacts),
    loss: LossTerm,
    gradients: &ModelGradients,
    path: &Path,
) -> Result<Sha256Hex, WorkflowError> {
    let parameters = gradients.layers.iter().flat_map(|layer| &layer.parameters);
    let inputs = gradients.inputs.iter().map(|own| &own.input);
    let all: BTreeSet<&String> = inputs.chain(parameters).collect();
    let targets = all.into_iter().map(|name| GradientTarget::tensor(name)).collect();
    let request = BackwardRequest::new(vec![loss], targets);
    let backward = backward_graph(graph, facts, &request).map_err(CatalogError::from)?;
    Ok(backward.graph.save(path)?)
}
