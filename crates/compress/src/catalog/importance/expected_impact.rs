//! Savings of removing components, layers and blocks, and dependencies between couplings.

use super::observed::LinearLayer;
use crate::catalog::{BypassCandidate, Catalog, ComponentSlices, Coupling, Slices};
use paring_onnx::graph::{ElementType, Graph, GraphIndex, NodeCost, TensorFacts, layer_names};
use paring_onnx::ops;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Savings of a removal, for a batch of 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ExpectedSavings {
    /// Elements of initializers.
    pub params: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Multiply-adds of convolutions and products with weights.
    pub macs: u64,
    /// Bytes of computed tensors that are no longer written.
    pub activation_bytes: u64,
}

/// Savings of removing a component alone; `costs` are the graph's.
pub fn savings(
    graph: &Graph,
    facts: &TensorFacts,
    costs: &[NodeCost],
    component: &ComponentSlices,
) -> ExpectedSavings {
    let mut saved = ExpectedSavings::default();
    let left = shapes_left(facts, &component.slices);
    for (tensor, shape) in &left {
        let gone = product(&facts.shapes[*tensor]) - product(shape);
        saved.params += gone;
        saved.bytes += gone * element_bytes(graph, tensor);
    }
    for cost in costs {
        if let (Some(shape), Some(whole)) =
            (left.get(&cost.weights), facts.shapes.get(&cost.weights))
        {
            let (kept, all) = (u128::from(product(shape)), u128::from(product(whole).max(1)));
            let left = u128::from(cost.macs) * kept / all;
            saved.macs += cost.macs - u64::try_from(left).unwrap_or(cost.macs).min(cost.macs);
        }
    }
    for ((tensor, axis), indices) in &component.activations {
        let Some(dims) = facts.shapes.get(tensor) else { continue };
        let each = product(dims) / dims.get(*axis).map_or(1, |size| (*size as u64).max(1));
        saved.activation_bytes += each * indices.len() as u64 * 4;
    }
    saved
}

impl BypassCandidate {
    /// Savings of leaving it out, for a batch of 1.
    pub fn savings(&self, graph: &Graph, facts: &TensorFacts) -> ExpectedSavings {
        let mut saved = ExpectedSavings::default();
        let index = GraphIndex::new(graph);
        let inside = |p: usize| self.nodes.contains(&p);
        let own: BTreeSet<&String> = self
            .nodes
            .iter()
            .flat_map(|p| &graph.nodes()[*p].input)
            .filter(|t| index.consumers(t).iter().all(|(reader, _)| inside(*reader)))
            .collect();
        for weights in own.into_iter().filter_map(|t| graph.weights(t).ok()) {
            saved.params += weights.len() as u64;
            saved.bytes += weights.bytes.len() as u64;
        }
        let costs = graph.node_costs(&facts.shapes).into_iter().flatten();
        saved.macs = costs.filter(|c| inside(c.position)).map(|c| c.macs).sum();
        let outputs = self.nodes.iter().flat_map(|p| &graph.nodes()[*p].output);
        let size = |t: &String| facts.shapes.get(t).map_or(0, |s| s.iter().product::<usize>());
        saved.activation_bytes = 4 * outputs.map(size).sum::<usize>() as u64;
        saved
    }
}

/// The share of its multiply-adds that each node loses where `slices` are removed, by position; only
/// nodes that lose some.
pub fn shares_removed(graph: &Graph, facts: &TensorFacts, slices: &Slices) -> BTreeMap<usize, f64> {
    let costs: Vec<NodeCost> = graph.node_costs(&facts.shapes).into_iter().flatten().collect();
    shares_of(&costs, facts, slices)
}

fn shares_of(costs: &[NodeCost], facts: &TensorFacts, slices: &Slices) -> BTreeMap<usize, f64> {
    let share = |weights: &String| -> f64 {
        let Some(dims) = facts.shapes.get(weights) else { return 0.0 };
        let kept = |(axis, size): (usize, &usize)| {
            let gone = slices.get(&(weights.clone(), axis)).map_or(0, Vec::len);
            1.0 - gone as f64 / (*size).max(1) as f64
        };
        1.0 - dims.iter().enumerate().map(kept).product::<f64>()
    };
    let each = costs.iter().map(|cost| (cost.position, share(&cost.weights)));
    each.filter(|(_, share)| *share > 0.0).collect()
}

/// The part of the layers' times that goes when a component alone is removed, in nanoseconds, if time
/// falls as multiply-adds do; `costs` are the graph's, `times_ns` by position of the node.
pub fn latency_saved(
    facts: &TensorFacts,
    costs: &[NodeCost],
    component: &ComponentSlices,
    times_ns: &BTreeMap<usize, f64>,
) -> f64 {
    let shares = shares_of(costs, facts, &component.slices);
    let saved = |(position, share): (&usize, &f64)| times_ns.get(position).unwrap_or(&0.0) * share;
    shares.iter().map(saved).sum()
}

/// Bytes of initializers that go where `slices` are removed.
pub fn bytes_removed(graph: &Graph, facts: &TensorFacts, slices: &Slices) -> u64 {
    let bytes = |(tensor, shape): (&String, Vec<usize>)| {
        (product(&facts.shapes[tensor]) - product(&shape)) * element_bytes(graph, tensor)
    };
    shapes_left(facts, slices).into_iter().map(bytes).sum()
}

/// The shapes that initializers keep where `slices` are removed.
fn shapes_left<'a>(facts: &TensorFacts, slices: &'a Slices) -> BTreeMap<&'a String, Vec<usize>> {
    let mut left: BTreeMap<&String, Vec<usize>> = BTreeMap::new();
    for ((tensor, axis), indices) in slices {
        let Some(dims) = facts.shapes.get(tensor) else { continue };
        let shape = left.entry(tensor).or_insert_with(|| dims.clone());
        if let Some(size) = shape.get_mut(*axis) {
            *size = size.saturating_sub(indices.len());
        }
    }
    left
}

fn element_bytes(graph: &Graph, tensor: &str) -> u64 {
    graph.element(tensor).and_then(ElementType::size).unwrap_or(4) as u64
}

fn product(dims: &[usize]) -> u64 {
    dims.iter().map(|d| *d as u64).product()
}

/// The couplings whose components a coupling's producers read, and those whose producers read it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CouplingDependencies {
    /// Couplings that it is computed from.
    pub reads: Vec<String>,
    /// Couplings that are computed from it.
    pub feeds: Vec<String>,
    /// Layers that read it.
    pub readers: Vec<String>,
}

/// Dependencies in both directions, one entry a coupling.
pub fn dependencies(
    catalog: &Catalog,
    layers: &[LinearLayer],
    (graph, facts): (&Graph, &TensorFacts),
) -> Vec<CouplingDependencies> {
    let owns = |coupling: &Coupling, axis: &(String, usize)| {
        coupling.components.first().is_some_and(|c| c.slices.contains_key(axis))
    };
    let mut found = vec![CouplingDependencies::default(); catalog.couplings.len()];
    let mut edges: BTreeSet<(usize, usize)> = BTreeSet::new();
    for layer in layers {
        let (input, output) =
            ((layer.weights.clone(), layer.input_axis), (layer.weights.clone(), layer.output_axis));
        for (from, coupling) in catalog.couplings.iter().enumerate() {
            if !owns(coupling, &input) {
                continue;
            }
            if !found[from].readers.contains(&layer.layer) {
                found[from].readers.push(layer.layer.clone());
            }
            let into = catalog.couplings.iter().enumerate().filter(|(_, c)| owns(c, &output));
            edges.extend(into.map(|(to, _)| (from, to)).filter(|(from, to)| from != to));
        }
    }
    // Layers whose weights are no matrix that could be looked at, such as quantized ones.
    let computes = |coupling: &Coupling, axis: &(String, usize)| {
        coupling.components.first().is_some_and(|c| c.activations.contains_key(axis))
    };
    let owner_of = |tensor: &String| {
        let rank = facts.shapes.get(tensor).map_or(0, Vec::len);
        let mut axes = (0..rank).map(|axis| (tensor.clone(), axis));
        axes.find_map(|axis| catalog.couplings.iter().position(|c| computes(c, &axis)))
    };
    let names = layer_names(graph);
    for (position, node) in graph.nodes().iter().enumerate() {
        for (tensor, axis) in ops::summed_axes(facts, node) {
            let Some(from) =
                catalog.couplings.iter().position(|c| computes(c, &(tensor.clone(), axis)))
            else {
                continue;
            };
            if !found[from].readers.contains(&names[position]) {
                found[from].readers.push(names[position].clone());
            }
            let to = node.output.first().and_then(owner_of).filter(|to| *to != from);
            edges.extend(to.map(|to| (from, to)));
        }
    }
    for (from, to) in edges {
        found[from].feeds.push(catalog.couplings[to].id.clone());
        found[to].reads.push(catalog.couplings[from].id.clone());
    }
    found
}
