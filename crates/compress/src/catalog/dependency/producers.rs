//! Layers that make channels, neurons or heads of their own, and the weights that they make them with.

use super::component_kind::ComponentKind;
use paring_onnx::graph::{Graph, GraphIndex, Node, TensorFacts, int, ints, layer_names};
use paring_onnx::ops::{self, OperatorFamily};
use std::collections::BTreeSet;

/// A layer, and the axis of its weights that counts its outputs.
#[derive(Clone, Debug)]
pub(super) struct CouplingProducer {
    pub(super) position: usize,
    pub(super) layer: String,
    pub(super) weights: String,
    pub(super) axis: usize,
    pub(super) kind: ComponentKind,
}

/// Every convolution but depthwise ones, products with weights, tables that are read by position,
/// and fused attention.
pub(super) fn producers(graph: &Graph) -> Vec<CouplingProducer> {
    let index = GraphIndex::new(graph);
    let nodes = graph.nodes().iter().enumerate().zip(layer_names(graph));
    let found = nodes.filter_map(|((position, node), layer)| {
        let (weights, axis, kind) = output_axis(graph, &index, node)?;
        Some(CouplingProducer { position, layer, weights, axis, kind })
    });
    found.collect()
}

fn output_axis(
    graph: &Graph,
    index: &GraphIndex,
    node: &Node,
) -> Option<(String, usize, ComponentKind)> {
    let family = ops::family_of(&node.op_type);
    let kind = match family {
        Some(OperatorFamily::Convolution) => ComponentKind::Channel,
        _ => ComponentKind::Neuron,
    };
    let (slot, axis) = ops::output_axis(node)?;
    let (weights, axis) = stored(graph, index, node.input.get(slot)?, axis)?;
    let dims = graph.dims(&weights)?;
    let depthwise = kind == ComponentKind::Channel
        && int(node, "group").unwrap_or(1) > 1
        && dims.get(1) == Some(&1);
    let recurrent = family == Some(OperatorFamily::Recurrent);
    let matrix = kind == ComponentKind::Channel || recurrent || dims.len() == 2;
    (matrix && !depthwise).then_some((weights, axis, kind))
}

/// The initializer behind a tensor, and which of its axes is `axis` there.
pub(super) fn stored(
    graph: &Graph,
    index: &GraphIndex,
    tensor: &str,
    axis: usize,
) -> Option<(String, usize)> {
    if graph.dims(tensor).is_some() {
        return Some((tensor.to_string(), axis));
    }
    let node = &graph.nodes()[index.producer(tensor)?];
    let input = node.input.first()?;
    match node.op_type.as_str() {
        "Identity" | "DequantizeLinear" | "QuantizeLinear" | "Cast" => {
            stored(graph, index, input, axis)
        }
        "Transpose" => {
            let order = ints(node, "perm");
            let from = match order {
                Some(order) => usize::try_from(*order.get(axis)?).ok()?,
                // Without an order a matrix is flipped; other ranks do not occur for weights.
                None => 1usize.checked_sub(axis)?,
            };
            stored(graph, index, input, from)
        }
        _ => None,
    }
}

/// Axes that count heads: those that a product of two computed tensors repeats over.
pub(super) fn head_axes(graph: &Graph, facts: &TensorFacts) -> BTreeSet<(String, usize)> {
    let index = GraphIndex::new(graph);
    let computed = |tensor: &String| stored(graph, &index, tensor, 0).is_none();
    let mut axes = BTreeSet::new();
    for node in graph.nodes() {
        if ops::repeats_over_heads(node) && node.input.iter().all(computed) {
            for tensor in node.input.iter().chain(&node.output) {
                let rank = facts.shapes.get(tensor).map_or(0, Vec::len);
                axes.extend((0..rank.saturating_sub(2)).map(|axis| (tensor.clone(), axis)));
            }
        } else if ops::counts_heads(node) {
            axes.extend(node.output.first().map(|tensor| (tensor.clone(), 2)));
        }
    }
    axes
}
