//! Norms of gradients at layers: how strongly the loss depends on each layer's weights and outputs.

use super::super::error::CatalogError;
use super::super::observed::Calibration;
use crate::gradient::{
    BackwardGraph, BackwardRequest, GradientForm, GradientPlace, GradientTarget, LossTerm,
    backward_graph,
};
use paring_onnx::graph::{Graph, Node, TensorFacts, layer_names};
use paring_onnx::ops::{self, GradientEmitter, GradientRefusal, RoundingGradient};
use serde::Serialize;

/// Gradients at a layer with weights.
#[derive(Clone, Debug, Serialize)]
pub struct LayerGradient {
    /// The layer.
    pub layer: String,
    /// Its node.
    pub node: String,
    /// The node's operator.
    pub op_type: String,
    /// Its parameters: weights, biases, scales.
    pub parameters: Vec<String>,
    /// Root mean square over the passes of the norm of the gradient at all its parameters; `None`
    /// where a node behind it passes none, or nothing was run.
    pub weights_norm: Option<f64>,
    /// The same at its outputs.
    pub outputs_norm: Option<f64>,
    /// Share of its parameters in the mean squared norm at all parameters.
    pub share: Option<f64>,
    /// The node that passes no gradient.
    pub blocked_by: Option<String>,
}

/// Gradients at an input of the model.
#[derive(Clone, Debug, Serialize)]
pub struct InputGradient {
    /// The input.
    pub input: String,
    /// Root mean square over the passes of the norm; `None` where a node passes none, or nothing was
    /// run.
    pub norm: Option<f64>,
}

/// Gradients of a loss at all layers of a model.
#[derive(Clone, Debug)]
pub struct ModelGradients {
    /// Layers with weights, in the order of their nodes.
    pub layers: Vec<LayerGradient>,
    /// Inputs of 32-bit floats.
    pub inputs: Vec<InputGradient>,
    /// Nodes that pass no gradient.
    pub refusals: Vec<GradientRefusal>,
    /// Passes that figures are over: batches, as a rule samples.
    pub passes: usize,
    /// Mean loss; `None` where nothing was run.
    pub loss: Option<f64>,
}

/// Norms of the gradients of a loss at the layers and inputs of a model; without samples, which layers
/// have gradients at all.
///
/// # Errors
/// [`CatalogError`] where the loss does not fit or the backward pass cannot be run.
pub fn layer_gradients(
    graph: &Graph,
    facts: &TensorFacts,
    loss: LossTerm,
    samples: Option<&Calibration>,
) -> Result<ModelGradients, CatalogError> {
    let mut layers = layers(graph, facts);
    let inputs = float_inputs(graph, facts);
    let mut targets = Vec::new();
    for LayerPlaces { parameters, outputs, .. } in &layers {
        targets.extend(parameters.iter().chain(outputs).cloned());
    }
    targets.extend(inputs.iter().map(|input| GradientPlace::Tensor(input.clone())));
    let form = GradientForm::SquaredNorm;
    let targets = targets.into_iter().map(|place| GradientTarget { place, form }).collect();
    let backward = backward_graph(graph, facts, &BackwardRequest::new(vec![loss], targets))?;
    let found = MeanSquares::over(&backward, samples)?;
    let mut next = found.squares.iter().copied();
    for layer in &mut layers {
        let mut summed = |count: usize| -> Option<f64> {
            // All of them, also behind one that is missing.
            let own: Vec<Option<f64>> = next.by_ref().take(count).collect();
            own.into_iter().sum()
        };
        let (weights, outputs) = (summed(layer.parameters.len()), summed(layer.outputs.len()));
        (layer.gradient.weights_norm, layer.gradient.outputs_norm) =
            (weights.map(f64::sqrt), outputs.map(f64::sqrt));
    }
    let norms: Vec<Option<f64>> = next.map(|square| square.map(f64::sqrt)).collect();
    let inputs = inputs.into_iter().zip(norms).map(|(input, norm)| InputGradient { input, norm });
    let mut layers: Vec<LayerGradient> =
        blocked(layers, &backward).into_iter().map(|layer| layer.gradient).collect();
    enter_shares(&mut layers);
    let (passes, loss) = (found.passes, found.loss);
    Ok(ModelGradients {
        layers,
        inputs: inputs.collect(),
        refusals: backward.refusals,
        passes,
        loss,
    })
}

/// A layer and the places of its gradients.
struct LayerPlaces {
    gradient: LayerGradient,
    parameters: Vec<GradientPlace>,
    outputs: Vec<GradientPlace>,
}

/// Nodes that read stored floats, more than a single number, through which a gradient passes.
fn layers(graph: &Graph, facts: &TensorFacts) -> Vec<LayerPlaces> {
    let names = layer_names(graph);
    let emitter = GradientEmitter::new(graph, facts);
    let mut layers = Vec::new();
    for (node, layer) in graph.nodes().iter().zip(names) {
        // Statistics of a normalisation are measured, not learned.
        let learned = if node.op_type == "BatchNormalization" { 3 } else { node.input.len() };
        let own = |(slot, name): (usize, &String)| {
            let several = graph.dims(name).is_some_and(|dims| dims.iter().product::<usize>() > 1);
            let passes = ops::passes_gradient(node, slot, RoundingGradient::Zero);
            (several && passes && emitter.holds_floats(name)).then_some((slot, name.clone()))
        };
        let own: Vec<(usize, String)> =
            node.input.iter().take(learned).enumerate().filter_map(own).collect();
        if own.is_empty() {
            continue;
        }
        let place = |(slot, _): &(usize, String)| GradientPlace::Reading {
            node: node.name.clone(),
            slot: *slot,
        };
        let outputs = node.output.iter().filter(|name| emitter.holds_floats(name)).take(1);
        layers.push(LayerPlaces {
            parameters: own.iter().map(place).collect(),
            outputs: outputs.map(|name| GradientPlace::Tensor(name.clone())).collect(),
            gradient: gradient(node, layer, own),
        });
    }
    layers
}

fn gradient(node: &Node, layer: String, parameters: Vec<(usize, String)>) -> LayerGradient {
    LayerGradient {
        layer,
        node: node.name.clone(),
        op_type: node.op_type.clone(),
        parameters: parameters.into_iter().map(|(_, name)| name).collect(),
        weights_norm: None,
        outputs_norm: None,
        share: None,
        blocked_by: None,
    }
}

fn float_inputs(graph: &Graph, facts: &TensorFacts) -> Vec<String> {
    let emitter = GradientEmitter::new(graph, facts);
    let inputs = graph.inputs().into_iter().filter(|input| emitter.holds_floats(input));
    inputs.map(str::to_string).collect()
}

/// Enters the node that stands between a layer and the loss.
fn blocked(mut layers: Vec<LayerPlaces>, backward: &BackwardGraph) -> Vec<LayerPlaces> {
    for layer in &mut layers {
        let own = |place: &GradientPlace| {
            let target = backward.gradients.iter().find(|own| own.target.place == *place)?;
            Some(target.output.as_ref().err()?.node.clone())
        };
        layer.gradient.blocked_by = layer.parameters.iter().find_map(own);
    }
    layers
}

fn enter_shares(layers: &mut [LayerGradient]) {
    let square = |layer: &LayerGradient| layer.weights_norm.map(|norm| norm * norm);
    let all: f64 = layers.iter().filter_map(square).sum();
    for layer in layers {
        layer.share = square(layer).filter(|_| all > 0.0).map(|own| own / all);
    }
}

/// Means over passes of the squared norms of all targets; `None` of those without a gradient.
struct MeanSquares {
    squares: Vec<Option<f64>>,
    passes: usize,
    loss: Option<f64>,
}

impl MeanSquares {
    fn over(
        backward: &BackwardGraph,
        samples: Option<&Calibration>,
    ) -> Result<MeanSquares, CatalogError> {
        let mut found =
            MeanSquares { squares: vec![None; backward.gradients.len()], passes: 0, loss: None };
        let Some(samples) = samples else { return Ok(found) };
        let open: Vec<usize> = (0..backward.gradients.len())
            .filter(|at| backward.gradients[*at].output.is_ok())
            .collect();
        let mut run = backward.clone();
        run.gradients.retain(|own| own.output.is_ok());
        let (mut sums, mut loss) = (vec![0.0; open.len()], 0.0);
        samples.visit_gradients(&run, &mut |_, values| {
            found.passes += 1;
            loss += values.loss;
            for (sum, square) in sums.iter_mut().zip(&values.gradients) {
                *sum += square.iter().map(|v| f64::from(*v)).sum::<f64>();
            }
        })?;
        let passes = found.passes.max(1) as f64;
        for (at, sum) in open.into_iter().zip(sums) {
            found.squares[at] = Some(sum / passes);
        }
        found.loss = Some(loss / passes);
        Ok(found)
    }
}
