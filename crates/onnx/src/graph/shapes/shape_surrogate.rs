//! Stand-ins for ONNX Runtime's fused operators, for the analysis of shapes alone.
//!
//! The engine does not know them, and without shapes nothing can be said of a graph that has them.

use crate::graph::{Graph, Node, Weights};

impl Graph {
    /// A graph with the same tensors in the same shapes, made of standard operators; `None` where
    /// this one already is. What it computes means nothing.
    pub(in crate::graph) fn surrogate(&self) -> Option<Graph> {
        if self.nodes().iter().all(|node| node.domain.is_empty() || node.domain == "ai.onnx") {
            return None;
        }
        let mut other = self.clone();
        let mut nodes = Vec::new();
        for node in self.nodes() {
            match stand_ins(self, &mut other, node) {
                Some(stand_ins) => nodes.extend(stand_ins),
                None => nodes.push(node.clone()),
            }
        }
        other.set_nodes(nodes);
        other.model.opset_import.retain(|i| i.domain.is_empty() || i.domain == "ai.onnx");
        Some(other)
    }
}

fn stand_ins(graph: &Graph, other: &mut Graph, node: &Node) -> Option<Vec<Node>> {
    let input = |slot: usize| node.input.get(slot).cloned().unwrap_or_default();
    let make = |op: &str, inputs: Vec<String>, output: &String| Node {
        name: node.name.clone(),
        op_type: op.into(),
        input: inputs,
        output: vec![output.clone()],
        ..Node::default()
    };
    let y = node.output.first()?;
    Some(match node.op_type.as_str() {
        "EmbedLayerNormalization" => {
            let mut made = vec![make("Gather", vec![input(2), input(0)], y)];
            made.extend(node.output.get(1).map(|mask| make("Identity", vec![input(0)], mask)));
            made
        }
        "Attention" => {
            let dims = graph.dims(&input(1))?;
            let value = Weights::f32(&[dims[0], dims[1] / 3], &vec![0.0; dims[0] * dims[1] / 3]);
            let name = other.fresh_name(&format!("{y}#shape"));
            other.set_weights(&name, value);
            vec![make("MatMul", vec![input(0), name], y)]
        }
        "MultiHeadAttention" => vec![make("Identity", vec![input(0)], y)],
        "SkipLayerNormalization" | "SkipSimplifiedLayerNormalization" => {
            let mut made = vec![make("Add", vec![input(0), input(1)], y)];
            made.extend(node.output.get(3).map(|sum| make("Identity", vec![y.clone()], sum)));
            made
        }
        "SimplifiedLayerNormalization" | "FastGelu" | "QuickGelu" | "Gelu" | "BiasGelu" => {
            vec![make("Identity", vec![input(0)], y)]
        }
        _ => return None,
    })
}
