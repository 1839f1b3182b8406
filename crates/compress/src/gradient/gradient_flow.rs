//! Tensors that small changes of others reach.

use paring_agent::engine::onnx;
use paring_onnx::graph::{Graph, Node};
use paring_onnx::ops::{self, RoundingGradient};
use std::collections::BTreeSet;

/// Tensors that depend differentiably on chosen ones, these included.
#[derive(Debug)]
pub(super) struct GradientFlow {
    reached: BTreeSet<String>,
    rounding: RoundingGradient,
}

impl GradientFlow {
    /// Follows the graph from `sources`.
    pub(super) fn new(
        graph: &Graph,
        sources: BTreeSet<String>,
        rounding: RoundingGradient,
    ) -> Self {
        let mut flow = GradientFlow { reached: sources, rounding };
        for node in graph.nodes() {
            let passes = (0..node.input.len()).any(|slot| flow.passes(node, slot));
            if passes || flow.reaches_body(node) {
                flow.reached.extend(node.output.iter().filter(|o| !o.is_empty()).cloned());
            }
        }
        flow
    }

    /// True of a reached tensor.
    pub(super) fn reaches(&self, tensor: &str) -> bool {
        self.reached.contains(tensor)
    }

    /// True where changes of what a node reads in a slot reach its outputs.
    pub(super) fn passes(&self, node: &Node, slot: usize) -> bool {
        let read = node.input.get(slot);
        read.is_some_and(|tensor| self.reaches(tensor))
            && ops::passes_gradient(node, slot, self.rounding)
    }

    /// True of a node one of whose bodies reads a reached tensor.
    fn reaches_body(&self, node: &Node) -> bool {
        onnx::captured(node).iter().any(|tensor| self.reaches(tensor))
    }
}
