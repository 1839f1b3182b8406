//! Whole layers and residual blocks that a graph can do without: what reads their output reads
//! something else of the same shape instead.

use super::component_kind::ComponentKind;
use super::module_name::module_of;
use paring_onnx::graph::{Graph, GraphIndex, Node, TensorFacts, layer_names};
use paring_onnx::ops;
use std::collections::{BTreeMap, BTreeSet};

/// A stretch of a graph that can be left out as one; `importance/expected_impact.rs` says what that
/// saves.
#[derive(Clone, Debug)]
pub struct BypassCandidate {
    /// The layer's name, or what the names of the block's layers have in common.
    pub id: String,
    /// [`ComponentKind::Layer`] or [`ComponentKind::Block`].
    pub kind: ComponentKind,
    /// Names of the layers with weights in it.
    pub layers: Vec<String>,
    /// Positions of its nodes, in ascending order.
    pub nodes: Vec<usize>,
    /// The tensor that readers of `to` read instead.
    pub from: String,
    /// The tensor that is no longer computed, or in its place.
    pub to: String,
}

/// All residual blocks, then all layers that keep the shape of what they read, in the graph's order.
///
/// A block is one side of an addition of two computed tensors of the same shape: the nodes that serve
/// nothing else, if they have weights and read nothing that the other side does not come from. Where
/// both sides are that, the one with more layers is the block and the other a projection that stays.
/// A layer is a linear operator with the constants and normalisation behind it.
pub fn bypasses(graph: &Graph, facts: &TensorFacts) -> Vec<BypassCandidate> {
    let (index, names) = (GraphIndex::new(graph), layer_names(graph));
    let finder = BypassFinder { graph, facts, index, names };
    let every = |find: &dyn Fn(usize) -> Option<BypassCandidate>| -> Vec<BypassCandidate> {
        (0..graph.nodes().len()).filter_map(find).collect()
    };
    let mut found = every(&|position| finder.block(position));
    found.extend(every(&|position| finder.layer(position)));
    // A module that has several blocks names none of them: the additions at their ends do.
    let modules: Vec<String> = found.iter().map(|bypass| bypass.id.clone()).collect();
    for bypass in found.iter_mut().filter(|b| b.kind == ComponentKind::Block) {
        if modules.iter().filter(|id| **id == bypass.id).count() > 1
            && let Some(add) = bypass.nodes.last()
        {
            bypass.id = finder.name(*add);
        }
    }
    let mut names: BTreeMap<(ComponentKind, String), usize> = BTreeMap::new();
    for bypass in &mut found {
        let seen = names.entry((bypass.kind, bypass.id.clone())).or_default();
        *seen += 1;
        if *seen > 1 {
            bypass.id = format!("{}/part{seen}", bypass.id);
        }
    }
    found
}

struct BypassFinder<'a> {
    graph: &'a Graph,
    facts: &'a TensorFacts,
    index: GraphIndex,
    /// The layer of every node.
    names: Vec<String>,
}

impl BypassFinder<'_> {
    fn block(&self, position: usize) -> Option<BypassCandidate> {
        let node = &self.graph.nodes()[position];
        let ([a, b], [to]) = (node.input.as_slice(), node.output.as_slice()) else { return None };
        let shape = |t: &String| self.facts.shapes.get(t);
        let alike = node.op_type == "Add" && shape(a).is_some() && shape(a) == shape(b);
        if !alike || self.is_output(to) {
            return None;
        }
        let sides = [self.side(position, a, b), self.side(position, b, a)];
        let layers = |side: &Option<Vec<usize>>| -> usize {
            side.iter().flatten().filter(|p| self.weighted(**p)).count()
        };
        let (first, second) = (layers(&sides[0]), layers(&sides[1]));
        let [left, right] = sides;
        let (mut nodes, from) = match first.cmp(&second) {
            std::cmp::Ordering::Greater => (left?, b),
            std::cmp::Ordering::Less => (right?, a),
            std::cmp::Ordering::Equal => return None,
        };
        let layers: Vec<String> =
            nodes.iter().filter(|p| self.weighted(**p)).map(|p| self.name(*p)).collect();
        let names: Vec<&str> = layers.iter().map(String::as_str).collect();
        let id = module_of(&names).map_or_else(|| self.name(position), str::to_string);
        nodes.push(position);
        Some(BypassCandidate {
            id,
            kind: ComponentKind::Block,
            layers,
            nodes,
            from: from.clone(),
            to: to.clone(),
        })
    }

    /// The nodes that serve only `branch`, if what they read is also what `other` comes from.
    fn side(&self, add: usize, branch: &str, other: &str) -> Option<Vec<usize>> {
        let mut own = BTreeSet::new();
        let serves = |own: &BTreeSet<usize>, position: usize| {
            self.graph.nodes()[position].output.iter().filter(|o| !o.is_empty()).all(|o| {
                let readers = self.index.consumers(o);
                let inside =
                    |(r, _): &(usize, usize)| own.contains(r) || (*r == add && o == branch);
                !self.is_output(o) && readers.iter().all(inside)
            })
        };
        let last = self.index.producer(branch)?;
        for position in (0..=last).rev() {
            if serves(&own, position) {
                own.insert(position);
            }
        }
        let before = self.ancestors(other);
        let read = own.iter().flat_map(|p| &self.graph.nodes()[*p].input);
        let initializers = self.graph.initializer_names();
        let inside = |t: &str| self.index.producer(t).is_some_and(|p| own.contains(&p));
        let mut outside =
            read.filter(|t| !t.is_empty() && !initializers.contains(t.as_str()) && !inside(t));
        let upstream = outside.all(|t| before.contains(t.as_str()));
        (own.contains(&last) && upstream).then(|| own.into_iter().collect())
    }

    /// A tensor and everything it is computed from.
    fn ancestors(&self, tensor: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut open: Vec<String> = vec![tensor.to_string()];
        let mut all: BTreeSet<String> = BTreeSet::new();
        while let Some(tensor) = open.pop() {
            if let Some(position) = self.index.producer(&tensor).filter(|_| !all.contains(&tensor))
            {
                open.extend(self.graph.nodes()[position].input.iter().cloned());
            }
            all.insert(tensor);
        }
        for node in self.graph.nodes() {
            let names = node.input.iter().chain(&node.output).map(String::as_str);
            found.extend(names.filter(|t| all.contains(*t)));
        }
        found
    }

    fn layer(&self, position: usize) -> Option<BypassCandidate> {
        let node = &self.graph.nodes()[position];
        let from = node.input.first()?;
        if !self.weighted(position) || node.output.len() != 1 {
            return None;
        }
        let (mut nodes, mut to) = (vec![position], &node.output[0]);
        while let [(reader, 0 | 1)] = self.index.consumers(to) {
            let next = &self.graph.nodes()[*reader];
            if !self.is_constant_step(next, to) || self.is_output(to) {
                break;
            }
            nodes.push(*reader);
            to = &next.output[0];
        }
        let shape = self.facts.shapes.get(from)?;
        let same = self.facts.shapes.get(to) == Some(shape) && !self.is_output(to);
        let layer = self.name(position);
        same.then(|| BypassCandidate {
            id: layer.clone(),
            kind: ComponentKind::Layer,
            layers: vec![layer],
            nodes,
            from: from.clone(),
            to: to.clone(),
        })
    }

    /// A normalisation by stored numbers, or the addition or product with a stored vector.
    fn is_constant_step(&self, node: &Node, input: &str) -> bool {
        let constants = ["BatchNormalization", "Add", "Mul"].contains(&node.op_type.as_str());
        let stored = |t: &String| t == input || self.graph.dims(t).is_some_and(|d| d.len() <= 1);
        constants && node.output.len() == 1 && node.input.iter().all(stored)
    }

    /// True of a linear operator with stored weights.
    fn weighted(&self, position: usize) -> bool {
        let node = &self.graph.nodes()[position];
        ops::is_float_product(node)
            && node.input.get(1).and_then(|w| self.graph.dims(w)).is_some_and(|d| d.len() >= 2)
    }

    fn is_output(&self, tensor: &str) -> bool {
        self.graph.outputs().contains(&tensor)
    }

    fn name(&self, position: usize) -> String {
        self.names[position].clone()
    }
}
