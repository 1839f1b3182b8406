//! Cutting components out of a graph: slices out of initializers, and every number in the graph that
//! counts what was cut.
//!
//! Indices count as the step found the graph. Nothing is trusted at the end: the engine's analysis of
//! the result must find each tensor as much shorter as the cut says.

use super::{CompressError, Paring};
use crate::catalog::Slices;
use paring_agent::engine::DimensionBindings;
use paring_core::schema::OriginalIndices;
use paring_onnx::graph::{self, Graph, GraphError, GraphIndex, TensorFacts, Weights};
use paring_onnx::ops::{self, WidthChange};
use std::collections::BTreeMap;

/// Cuts slices out of the graph's initializers and keeps them. `slices` count as the step found the
/// graph; `here` knows what the step's earlier cuts took from the same axes.
pub(super) fn cut(
    graph: &mut Graph,
    origins: &mut OriginalIndices,
    here: &mut OriginalIndices,
    slices: &Slices,
) -> Result<Paring, GraphError> {
    let mut paring = Paring::default();
    for ((initializer, axis), found) in slices {
        let weights = graph.weights(initializer)?;
        let width = weights.dims[*axis];
        let indices: Vec<usize> = (0..width)
            .filter(|i| found.binary_search(&here.original(initializer, *axis, *i)).is_ok())
            .collect();
        let (kept, removed) = graph::remove(&weights, *axis, &indices)?;
        graph.set_weights(initializer, kept);
        let original: Vec<i64> =
            indices.iter().map(|i| origins.original(initializer, *axis, *i) as i64).collect();
        [&mut *origins, &mut *here]
            .into_iter()
            .for_each(|o| o.remove(initializer, *axis, width, &indices));
        paring.0.insert(format!("{initializer}@{axis}"), removed);
        let places: Vec<i64> = indices.iter().map(|i| *i as i64).collect();
        let key = format!("{initializer}@{axis}");
        paring.0.insert(format!("{key}#indices"), Weights::i64(&[original.len()], &original));
        paring.0.insert(format!("{key}#places"), Weights::i64(&[places.len()], &places));
    }
    Ok(paring)
}

/// Rewrites what nodes say about the sizes of what was cut, and checks the whole; gives what is known
/// of the result.
///
/// # Errors
/// [`CompressError::Shape`] names a tensor that did not become what the cut says, and its node.
pub(super) fn adapt(
    graph: &mut Graph,
    facts: &TensorFacts,
    removed: &Slices,
    bindings: DimensionBindings,
) -> Result<TensorFacts, CompressError> {
    let change = WidthChange { facts, removed };
    let index = GraphIndex::new(graph);
    for position in 0..graph.nodes().len() {
        ops::adapt_node(&change, graph, &index, position);
    }
    graph.forget_initializer_inputs();
    graph.tidy();
    let after = graph.facts(bindings.dims, bindings.batch)?;
    check(&change, graph, &after)?;
    Ok(after)
}

/// In the order of the nodes, so that the first to go wrong is the one that is named.
fn check(change: &WidthChange, graph: &Graph, after: &TensorFacts) -> Result<(), CompressError> {
    let given = graph.nodes().iter().flat_map(|n| n.output.iter().map(move |o| (o, &n.name)));
    for (tensor, node) in given {
        let (Some(found), true) =
            (after.shapes.get(tensor), change.facts.shapes.contains_key(tensor))
        else {
            continue;
        };
        if *found != change.shape(tensor) {
            return Err(CompressError::Shape {
                tensor: tensor.clone(),
                node: node.clone(),
                expected: change.shape(tensor),
                found: found.clone(),
            });
        }
    }
    Ok(())
}

/// Everything that several cuts take, by tensor and axis, in ascending order.
pub(super) fn union<'a>(all: impl IntoIterator<Item = &'a Slices>) -> Slices {
    let mut together: BTreeMap<(String, usize), Vec<usize>> = BTreeMap::new();
    for slices in all {
        for (axis, indices) in slices {
            together.entry(axis.clone()).or_default().extend(indices);
        }
    }
    for indices in together.values_mut() {
        indices.sort_unstable();
        indices.dedup();
    }
    together
}
