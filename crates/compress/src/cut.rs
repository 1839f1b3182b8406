//! Cutting components out of a graph: slices out of initializers, and every number in the graph that
//! counts what was cut.
//!
//! Indices count as the step found the graph. Nothing is trusted at the end: the engine's analysis of
//! the result must find each tensor as much shorter as the cut says.

use super::{CompressError, Paring};
use crate::catalog::Slices;
use paring_agent::engine::Bindings;
use paring_core::schema::OriginalIndices;
use paring_onnx::graph::{self, Facts, Graph, GraphError, Index, Node, Weights};
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
    facts: &Facts,
    removed: &Slices,
    bindings: Bindings,
) -> Result<Facts, CompressError> {
    let cut = Cut { facts, removed };
    let index = Index::new(graph);
    for position in 0..graph.nodes().len() {
        let node = graph.nodes()[position].clone();
        match node.op_type.as_str() {
            "Conv" | "FusedConv" | "QLinearConv" | "ConvInteger" => {
                cut.groups(graph, position, &node)
            }
            "Reshape" | "Expand" => cut.shape_input(graph, &index, position, &node, 1),
            "Resize" => cut.shape_input(graph, &index, position, &node, 3),
            "Split" => cut.split(graph, position, &node),
            "Slice" => cut.slice(graph, position, &node),
            "Gather" => cut.gather(graph, position, &node),
            "Attention" | "MultiHeadAttention" => cut.heads(graph, position, &node),
            _ => {}
        }
    }
    graph.forget_initializer_inputs();
    graph.tidy();
    let after = graph.facts(bindings.dims, bindings.batch)?;
    cut.check(graph, &after)?;
    Ok(after)
}

struct Cut<'a> {
    facts: &'a Facts,
    removed: &'a Slices,
}

impl Cut<'_> {
    fn gone(&self, tensor: &str, axis: usize) -> &[usize] {
        self.removed.get(&(tensor.to_string(), axis)).map_or(&[], Vec::as_slice)
    }

    /// The shape of a tensor after the cut.
    fn shape(&self, tensor: &str) -> Vec<usize> {
        let shape = self.facts.shapes.get(tensor).cloned().unwrap_or_default();
        let shorter = |(axis, size): (usize, &usize)| size - self.gone(tensor, axis).len();
        shape.iter().enumerate().map(shorter).collect()
    }

    fn changed(&self, tensor: &str) -> bool {
        self.facts.shapes.get(tensor).is_some_and(|shape| *shape != self.shape(tensor))
    }

    /// Where an index of a tensor's axis stands once those before it are gone.
    fn moved(&self, tensor: &str, axis: usize, index: i64) -> i64 {
        let gone = self.gone(tensor, axis);
        index - gone.partition_point(|g| (*g as i64) < index) as i64
    }

    /// Depthwise convolutions have a group for each channel.
    fn groups(&self, graph: &mut Graph, position: usize, node: &Node) {
        let group = graph::int(node, "group").unwrap_or(1);
        let (Some(x), true) = (node.input.first(), group > 1) else { return };
        let channels = self.facts.shapes.get(x).and_then(|s| s.get(1)).copied().unwrap_or(0);
        if let (true, Some(node)) = (channels as i64 == group, graph.node_mut(position)) {
            graph::set_int(node, "group", group - self.gone(x, 1).len() as i64);
        }
    }

    /// Shapes that are stored, whole or in pieces; computed ones follow by themselves.
    fn shape_input(
        &self,
        graph: &mut Graph,
        index: &Index,
        position: usize,
        node: &Node,
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
            return set_input(graph, position, slot, &[values.len()], &values);
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
                set_input(graph, concat, piece, &[length], &sizes);
            }
            entry += length;
        }
    }

    fn split(&self, graph: &mut Graph, position: usize, node: &Node) {
        let Some(x) = node.input.first() else { return };
        if !self.changed(x) {
            return;
        }
        let rank = self.shape(x).len() as i64;
        let axis = graph::int(node, "axis").unwrap_or(0);
        let axis = (if axis < 0 { axis + rank } else { axis }) as usize;
        let sizes: Vec<i64> = node
            .output
            .iter()
            .filter_map(|y| self.shape(y).get(axis).map(|size| *size as i64))
            .collect();
        if graph.opset() >= 13 {
            set_input(graph, position, 1, &[sizes.len()], &sizes);
            if let Some(node) = graph.node_mut(position) {
                node.attribute.retain(|a| a.name != "num_outputs");
            }
        } else if let Some(node) = graph.node_mut(position) {
            graph::set_ints(node, "split", sizes);
        }
    }

    fn slice(&self, graph: &mut Graph, position: usize, node: &Node) {
        let Some(x) = node.input.first() else { return };
        if !self.changed(x) {
            return;
        }
        let rank = self.facts.shapes.get(x).map_or(0, Vec::len) as i64;
        let numbers = |slot: usize, attribute| match node.input.get(slot).filter(|i| !i.is_empty())
        {
            Some(input) => self.facts.integers.get(input).cloned(),
            None => graph::ints(node, attribute),
        };
        let Some((starts, ends)) = numbers(1, "starts").zip(numbers(2, "ends")) else { return };
        let axes = numbers(3, "axes").unwrap_or_else(|| (0..starts.len() as i64).collect());
        let shift = |values: &[i64]| -> Vec<i64> {
            let each = values.iter().zip(&axes).map(|(value, axis)| {
                let axis = (if *axis < 0 { axis + rank } else { *axis }) as usize;
                let size = self.facts.shapes[x][axis] as i64;
                if self.gone(x, axis).is_empty() || *value >= size {
                    return *value;
                }
                self.moved(x, axis, if *value < 0 { value + size } else { *value }.max(0))
            });
            each.collect()
        };
        let (starts, ends) = (shift(&starts), shift(&ends));
        if graph.opset() >= 10 {
            set_input(graph, position, 1, &[starts.len()], &starts);
            set_input(graph, position, 2, &[ends.len()], &ends);
        } else if let Some(node) = graph.node_mut(position) {
            graph::set_ints(node, "starts", starts);
            graph::set_ints(node, "ends", ends);
        }
    }

    fn gather(&self, graph: &mut Graph, position: usize, node: &Node) {
        let [x, indices] = node.input.as_slice() else { return };
        let Some(shape) = self.facts.shapes.get(x) else { return };
        let axis = graph::int(node, "axis").unwrap_or(0);
        let axis = (if axis < 0 { axis + shape.len() as i64 } else { axis }) as usize;
        let Some(values) = graph.integers(indices).filter(|_| !self.gone(x, axis).is_empty())
        else {
            return;
        };
        let size = shape[axis] as i64;
        let kept: Vec<i64> = values
            .iter()
            .map(|v| if *v < 0 { v + size } else { *v })
            .filter(|v| !self.gone(x, axis).contains(&(*v as usize)))
            .map(|v| self.moved(x, axis, v))
            .collect();
        set_input(graph, position, 1, &[kept.len()], &kept);
    }

    fn heads(&self, graph: &mut Graph, position: usize, node: &Node) {
        let (Some(y), Some(heads)) = (node.output.first(), graph::int(node, "num_heads")) else {
            return;
        };
        let width = self.facts.shapes.get(y).and_then(|s| s.last()).copied().unwrap_or(0);
        let size = width / heads.max(1) as usize;
        if let (Some(node), true) = (graph.node_mut(position), size > 0) {
            graph::set_int(node, "num_heads", heads - (self.gone(y, 2).len() / size) as i64);
        }
    }

    /// In the order of the nodes, so that the first to go wrong is the one that is named.
    fn check(&self, graph: &Graph, after: &Facts) -> Result<(), CompressError> {
        let given = graph.nodes().iter().flat_map(|n| n.output.iter().map(move |o| (o, &n.name)));
        for (tensor, node) in given {
            let (Some(found), true) =
                (after.shapes.get(tensor), self.facts.shapes.contains_key(tensor))
            else {
                continue;
            };
            if *found != self.shape(tensor) {
                return Err(CompressError::Shape {
                    tensor: tensor.clone(),
                    node: node.clone(),
                    expected: self.shape(tensor),
                    found: found.clone(),
                });
            }
        }
        Ok(())
    }
}

/// The axis of the result that each entry of a shape speaks of: of an Expand they count from the last
/// axis, of a Resize they may be named.
fn counted_axes(node: &Node, rank: usize, entries: usize) -> Vec<usize> {
    let positive = |axis: &i64| {
        usize::try_from(if *axis < 0 { axis + rank as i64 } else { *axis }).unwrap_or(usize::MAX)
    };
    match (node.op_type.as_str(), graph::ints(node, "axes")) {
        ("Resize", Some(axes)) if !axes.is_empty() => axes.iter().map(positive).collect(),
        ("Expand", _) => (rank.saturating_sub(entries)..rank).collect(),
        _ => (0..entries).collect(),
    }
}

/// Integers that are stored behind nodes that do not change them.
fn stored_integers(graph: &Graph, index: &Index, tensor: &str) -> Option<Vec<i64>> {
    if let Some(values) = graph.integers(tensor) {
        return Some(values);
    }
    let node = &graph.nodes()[index.producer(tensor)?];
    let passes = ["Unsqueeze", "Squeeze", "Identity", "Cast", "Reshape"];
    passes
        .contains(&node.op_type.as_str())
        .then(|| stored_integers(graph, index, node.input.first()?))?
}

/// Gives a node integers of its own as an input: what was there may belong to others too.
fn set_input(graph: &mut Graph, position: usize, slot: usize, dims: &[usize], values: &[i64]) {
    let Some(node) = graph.nodes().get(position) else { return };
    let wanted = format!("{}#{slot}", node.output.first().map_or("", String::as_str));
    // Integers of its own it may have from an earlier step.
    let own = node.input.get(slot) == Some(&wanted)
        && Index::new(graph).only_consumer(&wanted) == Some((position, slot));
    let name = if own { wanted } else { graph.fresh_name(&wanted) };
    if let Some(node) = graph.node_mut(position) {
        node.input.resize((slot + 1).max(node.input.len()), String::new());
        node.input[slot].clone_from(&name);
    }
    graph.set_weights(&name, Weights::i64(dims, values));
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
