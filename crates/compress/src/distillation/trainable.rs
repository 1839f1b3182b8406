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
    /// True of the kernel of a convolution and the matrix of a product.
    kernel: bool,
}

impl TrainableTensor {
    /// One number that multiplies a scale, 1 at the start.
    pub(super) fn ratio(name: &str) -> TrainableTensor {
        let (layer, node, name) = (String::new(), String::new(), name.to_string());
        TrainableTensor { name, layer, node, dims: vec![1], values: vec![1.0], kernel: false }
    }

    /// The tensor as a decision names it.
    pub(super) fn member(&self) -> CouplingMember {
        let (node, initializer) = (self.node.clone(), self.name.clone());
        CouplingMember { node, initializer, axis: 0 }
    }

    /// True of weights that stay zero: zeros of a matrix or kernel were pruned, those of a bias begin
    /// there.
    pub(super) fn stays_zero(&self, position: usize) -> bool {
        self.kernel && self.values.get(position) == Some(&0.0)
    }
}

/// The tensors that a step trains, each once, and a refusal for those that layers share of which the
/// step may not change all.
///
/// # Errors
/// [`CompressError::NoMatch`] where the step's pattern names no layer,
/// [`DistillationError::NothingTrainable`] where nothing is left.
pub(super) fn trainable_tensors(
    graph: &Graph,
    how: &Distillation,
) -> Result<TrainingTargets, CompressError> {
    if let Some(node) = integer_node(graph) {
        let why = format!(
            "`{}` ({}) computes in integers; distill before quantizing, or give the quantize step `recover = \"distill\"`",
            node.name, node.op_type
        );
        return Err(DistillationError::NothingTrainable(why).into());
    }
    let layers = layer_names(graph);
    let found = learned_tensors(graph, &layers)?;
    // A shared tensor is a part of every layer that reads it.
    let readers: Vec<(usize, &String)> = found
        .iter()
        .enumerate()
        .flat_map(|(position, tensor)| {
            let reads = |node: &Node| node.input.contains(&tensor.name);
            let nodes = graph.nodes().iter().zip(&layers).filter(move |(node, _)| reads(node));
            nodes.map(move |(_, layer)| (position, layer))
        })
        .collect();
    let ids: Vec<String> = readers.iter().map(|(_, layer)| layer.to_string()).collect();
    let meant = select_layers(graph, &ids, how.layers.as_deref(), &how.protect)?;
    let mut targets = TrainingTargets { tensors: Vec::new(), refusals: Vec::new() };
    for (position, tensor) in found.into_iter().enumerate() {
        let own = || readers.iter().zip(&meant).filter(|((at, _), _)| *at == position);
        let stays = own().find(|(_, meant)| !**meant).map(|((_, layer), _)| *layer);
        match stays {
            None => targets.tensors.push(tensor),
            Some(layer) if own().any(|(_, meant)| *meant) => {
                let name = &tensor.name;
                let why = format!(
                    "`{name}` stays as it is: layer `{layer}` reads it too, which the step leaves alone"
                );
                targets.refusals.push((tensor.layer.clone(), why));
            }
            Some(_) => {}
        }
    }
    if targets.tensors.is_empty() {
        let why = "no layer that the step may change has weights of 32-bit floats";
        let why = targets.refusals.first().map_or(why, |(_, why)| why);
        return Err(DistillationError::NothingTrainable(why.into()).into());
    }
    Ok(targets)
}

/// All tensors that training could change, each once; `layers` are those of the nodes.
fn learned_tensors(
    graph: &Graph,
    layers: &[String],
) -> Result<Vec<TrainableTensor>, CompressError> {
    let mut found: Vec<TrainableTensor> = Vec::new();
    for (node, layer) in graph.nodes().iter().zip(layers) {
        for (slot, name) in learned_inputs(graph, node) {
            let kernel = is_kernel(node, slot);
            if let Some(known) = found.iter_mut().find(|tensor| tensor.name == *name) {
                known.kernel |= kernel;
                continue;
            }
            let stored = graph.weights(name)?;
            let Some(values) = stored.to_f32() else { continue };
            found.push(TrainableTensor {
                name: name.clone(),
                layer: layer.clone(),
                node: node.name.clone(),
                dims: stored.dims,
                values,
                kernel,
            });
        }
    }
    Ok(found)
}

/// True of the slot of a kernel or matrix, of which single weights are pruned.
fn is_kernel(node: &Node, slot: usize) -> bool {
    match ops::family_of(&node.op_type) {
        Some(OperatorFamily::Convolution) => slot == 1,
        Some(OperatorFamily::Product) => slot < 2,
        _ => false,
    }
}

/// Initializers that a node's training would change, of more than one number. Constants of other
/// arithmetic (masks, scales of scores, the input's normalisation) are no weights.
fn learned_inputs<'a>(graph: &Graph, node: &'a Node) -> Vec<(usize, &'a String)> {
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
    slots.filter(|(_, name)| !name.is_empty() && several(name) && floats(name)).collect()
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
    TrainingTargets { tensors, refusals: mut all }: TrainingTargets,
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
        _ => {
            all.extend(refusals);
            Ok(TrainingTargets { tensors: kept, refusals: all })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use paring_agent::arrays::Dtype;
    use paring_onnx::graph::{DimensionSize, Weights};

    fn node(op: &str, name: &str, input: &[&str], output: &str) -> Node {
        Node {
            op_type: op.into(),
            name: name.into(),
            input: input.iter().map(|own| own.to_string()).collect(),
            output: vec![output.into()],
            ..Node::default()
        }
    }

    /// Two products that share a matrix, then a convolution with a bias of its own behind it.
    fn shared() -> Graph {
        let mut graph = Graph::empty("shared", 17);
        let sizes = [1, 3, 2, 2].map(DimensionSize::Fixed);
        graph.add_input("x", Dtype::F32, &sizes);
        graph.set_weights("tied", Weights::f32(&[2, 2], &[0.0, 1.0, 2.0, 3.0]));
        graph.set_weights("kernel", Weights::f32(&[2, 3, 1, 1], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]));
        graph.set_weights("bias", Weights::f32(&[1, 2, 1, 1], &[0.0, 0.0]));
        graph.add_node(node("MatMul", "first", &["x", "tied"], "a"));
        graph.add_node(node("MatMul", "second", &["a", "tied"], "b"));
        graph.add_node(node("Conv", "third", &["b", "kernel"], "c"));
        graph.add_node(node("Add", "shift", &["c", "bias"], "y"));
        graph.add_output("y");
        graph
    }

    #[test]
    fn a_shared_tensor_is_trained_where_all_its_layers_are() {
        let names = |how: &Distillation| {
            let found = trainable_tensors(&shared(), how).unwrap();
            let names: Vec<String> = found.tensors.iter().map(|own| own.name.clone()).collect();
            (names, found.refusals)
        };
        let (all, refusals) = names(&Distillation::default());
        assert_eq!(all, ["tied", "kernel", "bias"]);
        assert!(refusals.is_empty());
        let protected = Distillation { protect: vec!["second".into()], ..Distillation::default() };
        let only = Distillation { layers: Some("first".into()), ..Distillation::default() };
        let (left, refusals) = names(&protected);
        assert_eq!(left, ["kernel", "bias"]);
        let why = "`tied` stays as it is: layer `second` reads it too, which the step leaves alone";
        assert_eq!(refusals, [("first".to_string(), why.to_string())]);
        let error = trainable_tensors(&shared(), &only).err().unwrap().to_string();
        assert!(error.contains(why), "{error}");
    }

    #[test]
    fn zeros_of_kernels_stay_and_those_of_biases_move() {
        let found = trainable_tensors(&shared(), &Distillation::default()).unwrap().tensors;
        let stays = |name: &str| {
            let own = found.iter().find(|own| own.name == name).unwrap();
            (0..own.values.len()).filter(|at| own.stays_zero(*at)).count()
        };
        assert_eq!(["tied", "kernel", "bias"].map(stays), [1, 1, 0]);
    }
}
