//! Weights that training may change: those of layers, biases, scales of normalisations.

use super::error::DistillationError;
use super::settings::Distillation;
use crate::CompressError;
use crate::layer_selection::select_layers;
use paring_core::schema::CouplingMember;
use paring_onnx::graph::{Graph, Node, layer_names};
use paring_onnx::ops::{self, OperatorFamily, RoundingGradient};
use std::collections::BTreeMap;

/// An initializer that training changes.
#[derive(Clone, Debug)]
pub(super) struct TrainableTensor {
    pub(super) name: String,
    /// The layer of the first node that reads it.
    pub(super) layer: String,
    pub(super) node: String,
    pub(super) dims: Vec<usize>,
    pub(super) values: Vec<f32>,
}

impl TrainableTensor {
    /// The tensor as a decision names it.
    pub(super) fn member(&self) -> CouplingMember {
        let (node, initializer) = (self.node.clone(), self.name.clone());
        CouplingMember { node, initializer, axis: 0 }
    }

    /// True of weights that stay zero: zeros of a matrix or kernel were pruned.
    pub(super) fn stays_zero(&self, position: usize) -> bool {
        self.dims.len() > 1 && self.values.get(position) == Some(&0.0)
    }
}

/// The tensors that a step trains, each once.
///
/// # Errors
/// [`CompressError::NoMatch`] where the step's pattern names no layer,
/// [`DistillationError::NothingTrainable`] where nothing is left.
pub(super) fn trainable_tensors(
    graph: &Graph,
    how: &Distillation,
) -> Result<Vec<TrainableTensor>, CompressError> {
    if let Some(node) = integer_node(graph) {
        let why = format!(
            "`{}` ({}) computes in integers; distill before quantizing, or give the quantize step `recover = \"distill\"`",
            node.name, node.op_type
        );
        return Err(DistillationError::NothingTrainable(why).into());
    }
    let mut found: Vec<TrainableTensor> = Vec::new();
    let mut layers = Vec::new();
    for (node, layer) in graph.nodes().iter().zip(layer_names(graph)) {
        for name in learned_inputs(graph, node) {
            let known = found.iter().any(|tensor| tensor.name == *name);
            let stored = graph.weights(name)?;
            let Some(values) = stored.to_f32().filter(|_| !known) else { continue };
            layers.push(layer.clone());
            found.push(TrainableTensor {
                name: name.clone(),
                layer: layer.clone(),
                node: node.name.clone(),
                dims: stored.dims,
                values,
            });
        }
    }
    let meant = select_layers(graph, &layers, how.layers.as_deref(), &how.protect)?;
    let kept: Vec<TrainableTensor> =
        found.into_iter().zip(meant).filter(|(_, meant)| *meant).map(|(own, _)| own).collect();
    if kept.is_empty() {
        let why = "no layer that the step may change has weights of 32-bit floats";
        return Err(DistillationError::NothingTrainable(why.into()).into());
    }
    Ok(kept)
}

/// Initializers that a node's training would change, of more than one number. Constants of other
/// arithmetic (masks, scales of scores, the input's normalisation) are no weights.
fn learned_inputs<'a>(graph: &Graph, node: &'a Node) -> Vec<&'a String> {
    let several =
        |name: &&String| graph.dims(name).is_some_and(|dims| dims.iter().product::<usize>() > 1);
    let vector = |name: &&String| {
        let dims = graph.dims(name).unwrap_or_default();
        dims.iter().filter(|size| **size > 1).count() == 1
    };
    let floats =
        |name: &&String| graph.weights(name).is_ok_and(|weights| weights.to_f32().is_some());
    let slots = node.input.iter().enumerate().filter(|(slot, name)| {
        let passes = ops::passes_gradient(node, *slot, RoundingGradient::Zero);
        let learned = match (ops::family_of(&node.op_type), node.op_type.as_str()) {
            // Its statistics are measured, and the engine takes all four as constants.
            (_, "BatchNormalization") => false,
            (Some(OperatorFamily::Convolution | OperatorFamily::Normalization), _) => *slot > 0,
            (Some(OperatorFamily::Product), _) => true,
            (_, "PRelu") => *slot == 1,
            (_, "Add" | "Mul" | "BiasGelu") => vector(name),
            _ => false,
        };
        passes && learned
    });
    let names = slots.map(|(_, name)| name).filter(|name| !name.is_empty());
    names.filter(|name| several(name) && floats(name)).collect()
}

/// The first node that computes in integers.
fn integer_node(graph: &Graph) -> Option<&Node> {
    graph.nodes().iter().find(|node| {
        let product = ops::is_product(node);
        product && ops::float_form(node).is_err()
    })
}

/// The tensors that are trained, and a refusal for each of those that are not: its layer and the reason.
pub(super) struct TrainingTargets {
    pub(super) tensors: Vec<TrainableTensor>,
    pub(super) refusals: Vec<(String, String)>,
}

/// The tensors that a backward pass has gradients of; `refused` names the others with the node that
/// passes none.
///
/// # Errors
/// [`DistillationError::NothingTrainable`] where none has a gradient.
pub(super) fn with_gradients(
    tensors: Vec<TrainableTensor>,
    refused: &BTreeMap<String, String>,
) -> Result<TrainingTargets, DistillationError> {
    let reason = |tensor: &TrainableTensor| refused.get(&tensor.name).cloned();
    let (kept, left): (Vec<_>, Vec<_>) =
        tensors.into_iter().partition(|tensor| reason(tensor).is_none());
    let refusals: Vec<(String, String)> = left
        .iter()
        .filter_map(|tensor| {
            let why = format!("`{}` stays as it is: {}", tensor.name, reason(tensor)?);
            Some((tensor.layer.clone(), why))
        })
        .collect();
    match (kept.is_empty(), refusals.first()) {
        (true, Some((_, why))) => Err(DistillationError::NothingTrainable(why.clone())),
        _ => Ok(TrainingTargets { tensors: kept, refusals }),
    }
}
