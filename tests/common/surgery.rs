//! Pruning held against an independent reference: the model as it was, with zeros where something
//! went.

use super::outputs;
use paring::arrays::Array;
use paring::catalog::{Catalog, Criterion, Slices, catalog};
use paring::compress::{
    self, ChannelPruning, CompressError, PruneStructure, StepResult, prune_channels,
};
use paring::engine::{AnalysedModel, DimensionBindings, ModelSource};
use paring::graph::{Graph, Weights};
use paring::schema::OriginalIndices;
use paring::stats::{self, SeededGenerator};
use rand::RngExt;
use std::collections::{BTreeMap, BTreeSet};

/// A batch of 1 and no further symbols.
pub const AT: DimensionBindings = DimensionBindings { batch: 1, dims: &BTreeMap::new() };

/// Prunes a quarter of every coupling; `None` where nothing can be removed.
pub fn pruned(graph: &Graph) -> Option<StepResult> {
    graph.facts(AT.dims, AT.batch).ok()?;
    let channels = ChannelPruning::channels(0.25, Criterion::L1);
    let heads = ChannelPruning { what: PruneStructure::Heads, ..channels.clone() };
    let mut made = quarter(graph.clone(), OriginalIndices::default(), &channels)?;
    if let Some(more) = quarter(made.graph.clone(), made.origins.clone(), &heads) {
        let decisions = made.decisions.into_iter().chain(more.decisions).collect();
        made = StepResult { decisions, ..more };
    }
    Some(made)
}

pub fn quarter(
    graph: Graph,
    origins: OriginalIndices,
    pruning: &ChannelPruning,
) -> Option<StepResult> {
    match prune_channels(graph, AT, origins, pruning, None, None, 0) {
        Ok(made) => Some(made),
        Err(CompressError::Nothing(..) | CompressError::AllRefused { .. }) => None,
        Err(other) => panic!("{other}"),
    }
}

pub fn found(graph: &Graph) -> Catalog {
    let facts = graph.facts(AT.dims, AT.batch).unwrap();
    catalog(graph, &facts, &OriginalIndices::default()).unwrap()
}

/// The original graph in which every operator that sums over a removed component reads a zero.
pub fn masked(graph: &Graph, made: &StepResult) -> Graph {
    let facts = graph.facts(AT.dims, AT.batch).unwrap();
    let catalog = found(graph);
    let mut gone = Slices::new();
    for decision in &made.decisions {
        let coupling = catalog.couplings.iter().find(|c| c.id == decision.coupling).unwrap();
        let ids: BTreeSet<usize> = decision.components.iter().map(|c| c.original_index).collect();
        for component in coupling.components.iter().filter(|c| ids.contains(&c.original_index)) {
            for (axis, indices) in &component.activations {
                gone.entry(axis.clone()).or_default().extend(indices);
            }
        }
    }
    compress::masked_graph(graph, &facts, &gone)
}

pub fn loads(graph: &Graph) -> bool {
    AnalysedModel::load(ModelSource::Bytes("test", &graph.encode()), AT).is_ok()
}

/// The most that rounding alone does to the outputs (as [`differ`] says it): eight draws in which
/// every weight of two and more axes moves by one unit in its last place.
pub fn rounding(graph: &Graph, inputs: &BTreeMap<String, Array>) -> f32 {
    let mut draw = stats::generator(0, "rounding");
    let exact = outputs(graph, inputs);
    let draws = (0..8).map(|_| differ(&exact, &outputs(&shaken(graph, &mut draw), inputs)));
    draws.fold(0.0, f32::max)
}

fn shaken(graph: &Graph, draw: &mut SeededGenerator) -> Graph {
    let mut moved = graph.clone();
    for name in graph.initializer_names() {
        let Ok(weights) = graph.weights(name) else { continue };
        let Some(mut values) = weights.to_f32().filter(|_| weights.dims.len() >= 2) else {
            continue;
        };
        for value in &mut values {
            *value = if draw.random() { value.next_up() } else { value.next_down() };
        }
        moved.set_weights(name, Weights::f32(&weights.dims, &values));
    }
    moved
}

/// Largest difference, relative to the largest value.
pub fn differ(expected: &[f32], found: &[f32]) -> f32 {
    assert_eq!(expected.len(), found.len());
    let largest = expected.iter().fold(0.0f32, |most, v| most.max(v.abs())).max(1e-6);
    let pairs = expected.iter().zip(found);
    pairs.fold(0.0f32, |most, (e, f)| most.max((e - f).abs() / largest))
}
