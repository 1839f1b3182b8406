//! One fused node, and the standard nodes that are written in its place.

use paring_agent::engine::DimensionBindings;
use paring_onnx::graph::{Graph, Node, Weights, layer_name};

/// Standard nodes in place of one fused node. What single operators become stands in `standard.rs`,
/// `quantized.rs` and `attention.rs`.
pub(super) struct FusedExpansion<'a> {
    pub(super) fused: &'a Node,
    pub(super) graph: &'a mut Graph,
    pub(super) nodes: Vec<Node>,
    pub(super) before: &'a [Node],
    pub(super) bindings: DimensionBindings<'a>,
}

impl FusedExpansion<'_> {
    pub(super) fn input(&self, slot: usize) -> Option<String> {
        self.fused.input.get(slot).filter(|i| !i.is_empty()).cloned()
    }

    pub(super) fn output(&self) -> Option<String> {
        self.fused.output.first().cloned()
    }

    /// Appends a node; gives the tensor that it gives, `into` or a new one.
    pub(super) fn push(&mut self, op: &str, inputs: &[&String], into: Option<String>) -> String {
        let number = self.nodes.len();
        let first = self.fused.output.first().map_or("", String::as_str);
        let tensor = into.unwrap_or_else(|| format!("{first}#{number}"));
        let name = match number {
            0 => self.fused.name.clone(),
            _ => format!("{}/{op}_{number}", layer_name(self.fused, 0)),
        };
        self.nodes.push(Node {
            name,
            op_type: op.into(),
            input: inputs.iter().map(|i| (*i).clone()).collect(),
            output: vec![tensor.clone()],
            ..Node::default()
        });
        tensor
    }

    /// The node that was appended last, for its attributes.
    pub(super) fn last(&mut self) -> Option<&mut Node> {
        self.nodes.last_mut()
    }

    /// Hands attributes of the fused node on to the last node.
    pub(super) fn keep_attributes(&mut self, keep: impl Fn(&str) -> bool) {
        let kept: Vec<_> = self.fused.attribute.iter().filter(|a| keep(&a.name)).cloned().collect();
        if let Some(node) = self.nodes.last_mut() {
            node.attribute = kept;
        }
    }

    pub(super) fn constant(&mut self, suffix: &str, weights: Weights) -> String {
        let first = self.fused.output.first().map_or("", String::as_str);
        let name = format!("{first}#{suffix}");
        self.graph.set_weights(&name, weights);
        name
    }

    pub(super) fn scalar(&mut self, suffix: &str, value: f32) -> String {
        self.constant(suffix, Weights::f32(&[], &[value]))
    }
}
