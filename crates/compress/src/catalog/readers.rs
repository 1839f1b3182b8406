//! Who reads a coupling: layers whose weights are known as a matrix, and those that nothing can be said
//! of.

use super::{Coupling, Linear, Reader, Rows};
use paring_onnx::graph::{Facts, Graph, Node, int, layer_names};
use std::collections::BTreeSet;

/// Slots of the tensors that a node sums over, each with the slot of its zero point where it has one.
pub fn summed_slots(node: &Node) -> &'static [(usize, Option<usize>)] {
    match node.op_type.as_str() {
        "Conv" | "FusedConv" | "ConvTranspose" | "Gemm" | "MatMul" => &[(0, None), (1, None)],
        "LSTM" | "GRU" | "RNN" => &[(0, None), (1, None)],
        "Attention" if !node.domain.is_empty() => &[(0, None), (1, None)],
        "ConvInteger" | "MatMulInteger" => &[(0, Some(2)), (1, Some(3))],
        "QLinearConv" | "QLinearMatMul" => &[(0, Some(2)), (3, Some(5))],
        _ => &[],
    }
}

/// The tensors that a node sums over, each with the axis that it sums over.
pub(super) fn summed_axes(facts: &Facts, node: &Node) -> Vec<(String, usize)> {
    let slots = summed_slots(node).iter();
    let axes = slots.filter_map(|(slot, _)| {
        Some((node.input.get(*slot)?.clone(), summed_axis(facts, node, *slot)?))
    });
    axes.collect()
}

/// The axis of the tensor in `slot` that a node sums over; `None` where it sums over none.
fn summed_axis(facts: &Facts, node: &Node, slot: usize) -> Option<usize> {
    let rank = |slot: usize| facts.shapes.get(node.input.get(slot)?).map(Vec::len);
    match node.op_type.as_str() {
        "Conv" | "FusedConv" | "QLinearConv" | "ConvInteger" => {
            let channels = *facts.shapes.get(node.input.first()?)?.get(1)?;
            let depthwise = channels > 1 && int(node, "group").unwrap_or(1) == channels as i64;
            (slot == 0 && !depthwise).then_some(1)
        }
        "ConvTranspose" => (slot == 0).then_some(1),
        "Gemm" if slot == 0 => Some(usize::from(int(node, "transA").unwrap_or(0) == 0)),
        "Gemm" => Some(usize::from(int(node, "transB").unwrap_or(0) != 0)),
        "MatMul" | "MatMulInteger" | "QLinearMatMul" if slot == 0 => rank(0)?.checked_sub(1),
        "MatMul" | "MatMulInteger" | "QLinearMatMul" => {
            let rank = rank(slot)?;
            rank.checked_sub(if rank == 1 { 1 } else { 2 })
        }
        "LSTM" | "GRU" | "RNN" | "Attention" => (slot == 0).then_some(2),
        _ => None,
    }
}

/// The layers among `layers` that read the components of a coupling.
pub fn readers<'a>(coupling: &Coupling, layers: &'a [Linear], rows: &'a [Rows]) -> Vec<Reader<'a>> {
    let reads = |l: &Linear| {
        let axis = (l.weights.clone(), l.input_axis);
        coupling.components.first().is_some_and(|c| c.slices.contains_key(&axis))
    };
    let pairs = layers.iter().zip(rows).filter(|(layer, _)| reads(layer));
    pairs.map(|(layer, rows)| Reader { layer, rows }).collect()
}

/// Names of the layers that sum over a coupling's components and are not among `layers`: what such a
/// layer makes of a component cannot be told from stored weights, so that no criterion that looks at
/// data can judge it, and no error can be forecast.
pub fn opaque_readers(
    graph: &Graph,
    facts: &Facts,
    coupling: &Coupling,
    layers: &[Linear],
) -> Vec<String> {
    let known: BTreeSet<usize> = layers.iter().map(|l| l.position).collect();
    let axes: BTreeSet<&(String, usize)> =
        coupling.components.iter().flat_map(|c| c.activations.keys()).collect();
    let names = layer_names(graph);
    let mut found = Vec::new();
    for (position, node) in graph.nodes().iter().enumerate() {
        let sums = summed_axes(facts, node).iter().any(|axis| axes.contains(axis));
        if !known.contains(&position) && sums {
            found.push(format!("{} ({})", names[position], node.op_type));
        }
    }
    found
}
