//! A graph under rewriting: what is constant, who reads what, what was rewritten.

use half::f16;
use paring_agent::engine::onnx;
use paring_onnx::graph::{ElementType, Graph, GraphIndex, Node, TensorFacts, Weights};
use std::collections::{BTreeMap, BTreeSet};

/// Names of layers by kind of rewrite, `BatchNormalization folded into` say.
pub(in crate::diff) type RewriteLog = BTreeMap<String, Vec<String>>;

/// A graph, what is known of it, and what was rewritten.
pub(super) struct GraphRewriter {
    pub(super) graph: Graph,
    pub(super) facts: TensorFacts,
    pub(super) rewrites: RewriteLog,
    /// Initializers whose values a rewrite computed.
    pub(super) computed: BTreeSet<String>,
    /// Tensors that must keep their names: outputs, and what bodies of control flow read.
    fixed: BTreeSet<String>,
    stored: BTreeSet<String>,
    /// Tensors that are read under other names.
    pub(super) renamed: BTreeMap<String, String>,
}

/// Nodes to drop, and tensors to read under other names.
#[derive(Default)]
pub(super) struct NodeRemoval {
    pub(super) gone: BTreeSet<usize>,
    pub(super) renamed: BTreeMap<String, String>,
}

impl GraphRewriter {
    pub(super) fn new(graph: Graph, facts: TensorFacts, rewrites: RewriteLog) -> GraphRewriter {
        let outer = graph.nodes().iter().flat_map(onnx::captured).map(str::to_string);
        let outputs = graph.outputs().into_iter().map(str::to_string);
        let fixed = outer.chain(outputs).collect();
        let stored = graph.initializer_names().into_iter().map(str::to_string).collect();
        GraphRewriter {
            graph,
            facts,
            rewrites,
            computed: BTreeSet::new(),
            fixed,
            stored,
            renamed: BTreeMap::new(),
        }
    }

    pub(super) fn is_constant(&self, tensor: &str) -> bool {
        self.stored.contains(tensor)
    }

    pub(super) fn is_fixed(&self, tensor: &str) -> bool {
        self.fixed.contains(tensor)
    }

    pub(super) fn shape(&self, tensor: &str) -> Option<&[usize]> {
        self.facts.shapes.get(tensor).map(Vec::as_slice)
    }

    /// Shape and values of an initializer of 32- or 16-bit floats.
    pub(super) fn floats(&self, tensor: &str) -> Option<(Vec<usize>, Vec<f32>)> {
        if !self.is_constant(tensor) {
            return None;
        }
        let weights = self.graph.weights(tensor).ok()?;
        let values = match weights.element {
            ElementType::F16 => halves(&weights.bytes),
            _ => weights.to_f32()?,
        };
        Some((weights.dims, values))
    }

    /// True of an initializer that is stored in 16-bit floats.
    pub(super) fn is_half(&self, tensor: &str) -> bool {
        self.graph.element(tensor) == Some(ElementType::F16)
    }

    /// The value of an initializer of a single number, also behind a DequantizeLinear.
    pub(super) fn scalar(&self, tensor: &str) -> Option<f32> {
        let single = |tensor: &str| {
            self.graph.dims(tensor).is_some_and(|dims| dims.iter().product::<usize>() == 1)
        };
        if let Some((_, values)) = self.floats(tensor).filter(|_| single(tensor)) {
            return values.first().copied();
        }
        let mut nodes = self.graph.nodes().iter();
        let node = nodes.find(|node| node.output.iter().any(|o| o == tensor))?;
        let [q, scale, rest @ ..] = node.input.as_slice() else { return None };
        if node.op_type != "DequantizeLinear" || !self.is_constant(q) || !single(q) {
            return None;
        }
        let number = |tensor: &String| {
            let numbers = self.graph.weights(tensor).ok()?.numbers()?;
            numbers.first().copied()
        };
        let zero = rest.first().map_or(Some(0.0), number)?;
        Some((number(q)? - zero) * self.scalar(scale)?)
    }

    /// The only node that reads a computed tensor, with the slot.
    pub(super) fn sole_reader(&self, index: &GraphIndex, tensor: &str) -> Option<(usize, usize)> {
        match index.consumers(tensor) {
            [reader] if !self.is_fixed(tensor) => Some(*reader),
            _ => None,
        }
    }

    /// Stores floats that a rewrite computed, in 16 bits where what they were computed from was.
    pub(super) fn store_floats(
        &mut self,
        tensor: &str,
        dims: &[usize],
        values: &[f32],
        half: bool,
    ) {
        let weights = match half {
            false => Weights::f32(dims, values),
            true => {
                let each = values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes());
                let (dims, element) = (dims.to_vec(), ElementType::F16);
                Weights { dims, element, bytes: each.collect() }
            }
        };
        self.store(tensor, weights);
    }

    /// Stores values that a rewrite computed.
    pub(super) fn store(&mut self, tensor: &str, weights: Weights) {
        self.hold(tensor, weights);
        self.computed.insert(tensor.to_string());
    }

    /// Stores values as they are stored elsewhere.
    pub(super) fn hold(&mut self, tensor: &str, weights: Weights) {
        self.facts.shapes.insert(tensor.to_string(), weights.dims.clone());
        self.graph.set_weights(tensor, weights);
        self.stored.insert(tensor.to_string());
    }

    pub(super) fn note(&mut self, kind: &str, layer: String) {
        self.rewrites.entry(kind.to_string()).or_default().push(layer);
    }

    /// Drops nodes and reads other tensors instead of theirs.
    pub(super) fn bypass(&mut self, bypass: &NodeRemoval) {
        if bypass.gone.is_empty() && bypass.renamed.is_empty() {
            return;
        }
        let kept = self.graph.nodes().iter().enumerate().filter(|(p, _)| !bypass.gone.contains(p));
        let nodes = kept.map(|(_, node)| {
            let mut node = node.clone();
            for input in &mut node.input {
                while let Some(other) = bypass.renamed.get(input) {
                    input.clone_from(other);
                }
            }
            node
        });
        let nodes = nodes.collect();
        self.graph.set_nodes(nodes);
    }

    /// True of a node with a body of control flow.
    pub(super) fn has_body(node: &Node) -> bool {
        node.attribute.iter().any(|a| a.g.is_some() || !a.graphs.is_empty())
    }

    /// Nodes that compute what an earlier one does are read from that one.
    pub(super) fn merge_repetitions(&mut self) {
        let mut bypass = NodeRemoval::default();
        let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (position, node) in self.graph.nodes().iter().enumerate() {
            let drawn = node.op_type.starts_with("Random") || node.op_type == "Multinomial";
            let fixed = node.output.iter().any(|o| self.is_fixed(o));
            let read = |i: &String| bypass.renamed.get(i).unwrap_or(i).clone();
            let input: Vec<String> = node.input.iter().map(read).collect();
            let mut attribute = node.attribute.clone();
            attribute.sort_by(|a, b| a.name.cmp(&b.name));
            let (op_type, domain) = (node.op_type.clone(), node.domain.clone());
            let key = Node { op_type, domain, input, attribute, ..Node::default() };
            match seen.get(&format!("{key:?}")) {
                _ if drawn || GraphRewriter::has_body(node) => {}
                Some(first) if !fixed && first.len() == node.output.len() => {
                    bypass.renamed.extend(node.output.iter().cloned().zip(first.iter().cloned()));
                    bypass.gone.insert(position);
                }
                Some(_) => {}
                None => {
                    seen.insert(format!("{key:?}"), node.output.clone());
                }
            }
        }
        self.bypass(&bypass);
    }

    /// Nodes that nothing reads are dropped, in whatever order they stand: a bias that was taken over
    /// may be made behind the product that reads it.
    pub(super) fn drop_dead(&mut self) {
        let index = GraphIndex::new(&self.graph);
        let nodes = self.graph.nodes();
        let makes_fixed = |node: &Node| node.output.iter().any(|output| self.is_fixed(output));
        let mut wanted: Vec<usize> = (0..nodes.len()).filter(|p| makes_fixed(&nodes[*p])).collect();
        let mut read: BTreeSet<usize> = wanted.iter().copied().collect();
        while let Some(position) = wanted.pop() {
            for producer in nodes[position].input.iter().filter_map(|input| index.producer(input)) {
                if read.insert(producer) {
                    wanted.push(producer);
                }
            }
        }
        let gone = (0..nodes.len()).filter(|position| !read.contains(position)).collect();
        self.bypass(&NodeRemoval { gone, renamed: BTreeMap::new() });
    }
}

/// The values of 16-bit floats in little-endian order.
pub(in crate::diff) fn halves(bytes: &[u8]) -> Vec<f32> {
    let (pairs, _) = bytes.as_chunks::<2>();
    pairs.iter().map(|pair| f16::from_le_bytes(*pair).to_f32()).collect()
}

/// Sets a float attribute, adding it where it is not there.
pub(in crate::diff) fn set_float(node: &mut Node, name: &str, value: f32) {
    // ONNX's number for attributes of one float.
    const FLOAT: i32 = 1;
    paring_onnx::graph::set_int(node, name, 0);
    if let Some(attribute) = node.attribute.iter_mut().find(|a| a.name == name) {
        attribute.r#type = FLOAT;
        attribute.f = value;
    }
}
