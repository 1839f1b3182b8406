//! Numbers in a graph that count what was removed: stored shapes, sizes, bounds, positions, groups.

use crate::graph::{Graph, GraphIndex, Node, TensorFacts, ints};
use std::collections::BTreeMap;

/// Entries of tensors, by tensor and axis, in ascending order.
pub type Slices = BTreeMap<(String, usize), Vec<usize>>;

/// A removal of entries from all tensors of a graph.
#[derive(Clone, Copy, Debug)]
pub struct WidthChange<'a> {
    /// Facts of the graph before it.
    pub facts: &'a TensorFacts,
    /// Entries that go.
    pub removed: &'a Slices,
}

impl WidthChange<'_> {
    /// Entries that an axis loses.
    pub fn gone(&self, tensor: &str, axis: usize) -> &[usize] {
        self.removed.get(&(tensor.to_string(), axis)).map_or(&[], Vec::as_slice)
    }

    /// The shape of a tensor afterwards.
    pub fn shape(&self, tensor: &str) -> Vec<usize> {
        let shape = self.facts.shapes.get(tensor).cloned().unwrap_or_default();
        let shorter = |(axis, size): (usize, &usize)| size - self.gone(tensor, axis).len();
        shape.iter().enumerate().map(shorter).collect()
    }

    /// True of a tensor that loses entries.
    pub(super) fn changed(&self, tensor: &str) -> bool {
        self.facts.shapes.get(tensor).is_some_and(|shape| *shape != self.shape(tensor))
    }

    /// The place of an index of a tensor's axis once those before it are gone.
    pub(super) fn moved(&self, tensor: &str, axis: usize, index: i64) -> i64 {
        let gone = self.gone(tensor, axis);
        index - gone.partition_point(|g| (*g as i64) < index) as i64
    }

    /// Rewrites the shape that a node reads in a slot, stored whole or in pieces; computed ones follow
    /// by themselves.
    pub(super) fn rewrite_shape(
        &self,
        graph: &mut Graph,
        index: &GraphIndex,
        (position, node): (usize, &Node),
        slot: usize,
    ) {
        let (Some(input), Some(y)) = (node.input.get(slot), node.output.first()) else { return };
        if !self.changed(y) {
            return;
        }
        let target = self.shape(y);
        let length = self.facts.shapes.get(input).and_then(|s| s.first()).copied().unwrap_or(0);
        let axes = counted_axes(node, target.len(), length);
        let size = |entry: usize| axes.get(entry).and_then(|axis| target.get(*axis)).copied();
        if let Some(mut values) = graph.integers(input) {
            // 0 copies a size and -1 fills what is left: both follow by themselves.
            for (entry, value) in values.iter_mut().enumerate().filter(|(_, v)| **v > 0) {
                let stretched = node.op_type == "Expand" && *value == 1;
                if let Some(size) = size(entry).filter(|_| !stretched) {
                    *value = size as i64;
                }
            }
            return graph.set_integer_input(position, slot, &[values.len()], &values);
        }
        let Some(concat) = index.producer(input).filter(|p| graph.nodes()[*p].op_type == "Concat")
        else {
            return;
        };
        let mut entry = 0;
        for (piece, name) in graph.nodes()[concat].input.clone().iter().enumerate() {
            let length = self.facts.shapes.get(name).and_then(|s| s.first()).copied().unwrap_or(1);
            let stored = stored_integers(graph, index, name);
            let sizes: Option<Vec<i64>> =
                (entry..entry + length).map(|e| size(e).map(|s| s as i64)).collect();
            let stays = |v: &i64| *v <= 0 || (node.op_type == "Expand" && *v == 1);
            if let (Some(values), Some(sizes)) = (stored, sizes)
                && !values.iter().any(stays)
                && sizes != values
            {
                graph.set_integer_input(concat, piece, &[length], &sizes);
            }
            entry += length;
        }
    }
}

/// The axis of the result that each entry of a shape speaks of: of an Expand they count from the last
/// axis, of a Resize they may be named.
fn counted_axes(node: &Node, rank: usize, entries: usize) -> Vec<usize> {
    let positive = |axis: &i64| {
        usize::try_from(if *axis < 0 { axis + rank as i64 } else { *axis }).unwrap_or(usize::MAX)
    };
    match (node.op_type.as_str(), ints(node, "axes")) {
        ("Resize", Some(axes)) if !axes.is_empty() => axes.iter().map(positive).collect(),
        ("Expand", _) => (rank.saturating_sub(entries)..rank).collect(),
        _ => (0..entries).collect(),
    }
}

/// Integers that are stored behind nodes that do not change them.
fn stored_integers(graph: &Graph, index: &GraphIndex, tensor: &str) -> Option<Vec<i64>> {
    if let Some(values) = graph.integers(tensor) {
        return Some(values);
    }
    let node = &graph.nodes()[index.producer(tensor)?];
    let passes = ["Unsqueeze", "Squeeze", "Identity", "Cast", "Reshape"];
    passes
        .contains(&node.op_type.as_str())
        .then(|| stored_integers(graph, index, node.input.first()?))?
}
