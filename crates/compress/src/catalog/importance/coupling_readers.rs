//! Readers of a coupling: layers whose weights are known as a matrix, and those that nothing can be said
//! of.

use super::observed::{InputRows, LinearLayer};
use crate::catalog::Coupling;
use paring_onnx::graph::{Graph, TensorFacts, layer_names};
use paring_onnx::ops;
use std::collections::BTreeSet;

/// A layer that reads a coupling, and what it reads on the calibration samples.
#[derive(Clone, Copy, Debug)]
pub struct CouplingReader<'a> {
    /// The layer.
    pub layer: &'a LinearLayer,
    /// Its inputs.
    pub rows: &'a InputRows,
}

/// The layers among `layers` that read the components of a coupling.
pub fn readers<'a>(
    coupling: &Coupling,
    layers: &'a [LinearLayer],
    rows: &'a [InputRows],
) -> Vec<CouplingReader<'a>> {
    let reads = |l: &LinearLayer| {
        let axis = (l.weights.clone(), l.input_axis);
        coupling.components.first().is_some_and(|c| c.slices.contains_key(&axis))
    };
    let pairs = layers.iter().zip(rows).filter(|(layer, _)| reads(layer));
    pairs.map(|(layer, rows)| CouplingReader { layer, rows }).collect()
}

/// Names of the layers that sum over a coupling's components and are not among `layers`: what such a
/// layer makes of a component cannot be told from stored weights, so that no criterion that looks at
/// data can judge it, and no error can be forecast.
pub fn opaque_readers(
    graph: &Graph,
    facts: &TensorFacts,
    coupling: &Coupling,
    layers: &[LinearLayer],
) -> Vec<String> {
    let known: BTreeSet<usize> = layers.iter().map(|l| l.position).collect();
    let axes: BTreeSet<&(String, usize)> =
        coupling.components.iter().flat_map(|c| c.activations.keys()).collect();
    let names = layer_names(graph);
    let mut found = Vec::new();
    for (position, node) in graph.nodes().iter().enumerate() {
        let sums = ops::summed_axes(facts, node).iter().any(|axis| axes.contains(axis));
        if !known.contains(&position) && sums {
            found.push(format!("{} ({})", names[position], node.op_type));
        }
    }
    found
}
