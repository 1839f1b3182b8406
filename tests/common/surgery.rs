//! Pruning held against an independent reference: the model as it was, with zeros where something
//! went.

use paring::catalog::{Catalog, Criterion, catalog};
use paring::compress::{CompressError, Made, Pruning, What, prune};
use paring::engine::{Bindings, Model, Source};
use paring::graph::{Graph, Node, Weights};
use paring::record::Origins;
use std::collections::{BTreeMap, BTreeSet};

/// A batch of 1 and no further symbols.
pub const AT: Bindings = Bindings { batch: 1, dims: &BTreeMap::new() };

/// Prunes a quarter of every coupling; `None` where nothing can be removed.
pub fn pruned(graph: &Graph) -> Option<Made> {
    graph.facts(AT.dims, AT.batch).ok()?;
    let channels = Pruning::channels(0.25, Criterion::L1);
    let heads = Pruning { what: What::Heads, ..channels.clone() };
    let mut made = quarter(graph.clone(), Origins::default(), &channels)?;
    if let Some(more) = quarter(made.graph.clone(), made.origins.clone(), &heads) {
        let decisions = made.decisions.into_iter().chain(more.decisions).collect();
        made = Made { decisions, ..more };
    }
    Some(made)
}

pub fn quarter(graph: Graph, origins: Origins, pruning: &Pruning) -> Option<Made> {
    match prune(graph, AT, origins, pruning, None, 0) {
        Ok(made) => Some(made),
        Err(CompressError::Nothing(..)) => None,
        Err(other) => panic!("{other}"),
    }
}

pub fn found(graph: &Graph) -> Catalog {
    let facts = graph.facts(AT.dims, AT.batch).unwrap();
    catalog(graph, &facts, &Origins::default()).unwrap()
}

/// The original graph in which every operator that sums over a removed component reads a zero.
pub fn masked(graph: &Graph, made: &Made) -> Graph {
    let facts = graph.facts(AT.dims, AT.batch).unwrap();
    let catalog = found(graph);
    let mut gone: BTreeMap<String, BTreeMap<usize, BTreeSet<usize>>> = BTreeMap::new();
    for decision in &made.decisions {
        let coupling = catalog.couplings.iter().find(|c| c.id == decision.coupling).unwrap();
        let ids: BTreeSet<usize> = decision.components.iter().map(|c| c.original_index).collect();
        for component in coupling.components.iter().filter(|c| ids.contains(&c.original_index)) {
            for ((tensor, axis), indices) in &component.activations {
                gone.entry(tensor.clone()).or_default().entry(*axis).or_default().extend(indices);
            }
        }
    }
    let mut masked = graph.clone();
    let mut nodes = Vec::new();
    for node in graph.nodes() {
        let mut node = node.clone();
        let sums = ["Conv", "ConvTranspose", "Gemm", "MatMul", "LSTM", "Attention"];
        for slot in 0..node.input.len().min(2) {
            let Some(axes) = gone.get(&node.input[slot]) else { continue };
            if !sums.contains(&node.op_type.as_str()) {
                continue;
            }
            let shape = &facts.shapes[&node.input[slot]];
            for (axis, indices) in axes {
                let mut dims = vec![1; shape.len()];
                dims[*axis] = shape[*axis];
                let kept = |i: usize| if indices.contains(&i) { 0.0 } else { 1.0 };
                let mask: Vec<f32> = (0..shape[*axis]).map(kept).collect();
                let name = format!("{}/mask{slot}.{axis}", node.output[0]);
                masked.set_weights(&name, Weights::f32(&dims, &mask));
                let output = format!("{name}/masked");
                nodes.push(Node {
                    name: output.clone(),
                    op_type: "Mul".into(),
                    input: vec![node.input[slot].clone(), name],
                    output: vec![output.clone()],
                    ..Node::default()
                });
                node.input[slot] = output;
            }
        }
        nodes.push(node);
    }
    masked.set_nodes(nodes);
    masked
}

pub fn loads(graph: &Graph) -> bool {
    Model::load(Source::Bytes("test", &graph.encode()), AT).is_ok()
}

/// Largest difference, relative to the largest value.
pub fn differ(expected: &[f32], found: &[f32]) -> f32 {
    assert_eq!(expected.len(), found.len());
    let largest = expected.iter().fold(0.0f32, |most, v| most.max(v.abs())).max(1e-6);
    let pairs = expected.iter().zip(found);
    pairs.fold(0.0f32, |most, (e, f)| most.max((e - f).abs() / largest))
}
