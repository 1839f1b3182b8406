//! The other way to remove something: zeros where it is read. It costs as much as before and gives
//! what a cut must give, so every cut can be held against it.

use crate::catalog::Slices;
use paring_onnx::graph::{ElementType, FreshNames, Graph, Node, TensorFacts, Weights};
use paring_onnx::ops;
use std::collections::{BTreeMap, BTreeSet};

/// The graph in which every operator that sums over an entry of `gone` reads a zero in its place: 0.0 in
/// floats, the zero point in integers. Stored integer weights stay: what they multiply is zero.
pub fn masked_graph(graph: &Graph, facts: &TensorFacts, gone: &Slices) -> Graph {
    let mut axes: BTreeMap<&str, Vec<(usize, &[usize])>> = BTreeMap::new();
    for ((tensor, axis), indices) in gone {
        axes.entry(tensor).or_default().push((*axis, indices));
    }
    let mut masked = graph.clone();
    let names = FreshNames::new(graph);
    let mut masking = MaskWriter { facts, graph: &mut masked, names, nodes: Vec::new() };
    for node in graph.nodes() {
        let mut node = node.clone();
        for (slot, zero) in ops::summed_slots(&node) {
            let Some(read) = node.input.get(slot).cloned() else { continue };
            for (axis, indices) in axes.get(read.as_str()).into_iter().flatten() {
                let zero = zero.and_then(|z| node.input.get(z)).filter(|z| !z.is_empty()).cloned();
                masking.mask(&mut node, slot, (&read, *axis), indices, zero);
            }
        }
        masking.nodes.push(node);
    }
    let nodes = masking.nodes;
    masked.set_nodes(nodes);
    masked.tidy();
    masked
}

/// A graph that is being masked.
struct MaskWriter<'a> {
    facts: &'a TensorFacts,
    graph: &'a mut Graph,
    names: FreshNames,
    nodes: Vec<Node>,
}

impl MaskWriter<'_> {
    /// Lets a node read zeros at `indices` of an axis of the tensor `read`, which it reads in `slot`.
    fn mask(
        &mut self,
        node: &mut Node,
        slot: usize,
        (read, axis): (&str, usize),
        indices: &[usize],
        zero: Option<String>,
    ) {
        let Some(shape) = self.facts.shapes.get(read) else { return };
        let indices: BTreeSet<&usize> = indices.iter().collect();
        let mut dims = vec![1; shape.len()];
        dims[axis] = shape[axis];
        let stays = |i: usize| !indices.contains(&i);
        let output = node.output.first().cloned().unwrap_or_default();
        let name = self.names.get(&output, &format!("/mask{slot}.{axis}"));
        let (op_type, input) = match self.element(read) {
            ElementType::F32 => {
                let mask: Vec<f32> = (0..shape[axis]).map(|i| f32::from(stays(i))).collect();
                self.graph.set_weights(&name, Weights::f32(&dims, &mask));
                ("Mul", vec![node.input[slot].clone(), name.clone()])
            }
            // Of integers the computed ones alone: zeros there multiply whatever the weights are.
            _ if self.graph.dims(read).is_some() => return,
            element => {
                let bytes = (0..shape[axis]).map(|i| u8::from(stays(i))).collect();
                let mask = Weights { dims, element: ElementType::BOOL, bytes };
                self.graph.set_weights(&name, mask);
                let zero = zero.unwrap_or_else(|| self.zero(element));
                ("Where", vec![name.clone(), node.input[slot].clone(), zero])
            }
        };
        let output = self.names.get(&name, "/masked");
        self.nodes.push(Node {
            name: output.clone(),
            op_type: op_type.into(),
            input,
            output: vec![output.clone()],
            ..Node::default()
        });
        node.input[slot] = output;
    }

    fn element(&self, tensor: &str) -> ElementType {
        match (self.graph.weights(tensor), self.facts.types.get(tensor)) {
            (Ok(weights), _) => weights.element,
            (_, Some(dtype)) => ElementType::from(*dtype),
            _ => ElementType::F32,
        }
    }

    /// A stored zero of an element type, for operators that are told none.
    fn zero(&mut self, element: ElementType) -> String {
        let name = self.names.get("mask.zero", &format!(".{}", element.0));
        let bytes = vec![0; element.size().unwrap_or(1)];
        self.graph.set_weights(&name, Weights { dims: vec![], element, bytes });
        name
    }
}
