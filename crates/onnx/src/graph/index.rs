//! Producers and consumers of tensors.

use super::Graph;
use paring_agent::engine::onnx;
use std::collections::HashMap;

/// Positions of nodes by the tensors they give and read. Made from a graph, and stale once it is
/// edited.
#[derive(Clone, Debug)]
pub struct GraphIndex {
    producers: HashMap<String, usize>,
    consumers: HashMap<String, Vec<(usize, usize)>>,
}

impl GraphIndex {
    /// The slot of what a body of If, Loop or Scan reads, at any depth.
    pub const BODY: usize = usize::MAX;

    /// Indexes a graph.
    pub fn new(graph: &Graph) -> Self {
        let (mut producers, mut consumers) = (HashMap::new(), HashMap::<_, Vec<_>>::new());
        for (position, node) in graph.nodes().iter().enumerate() {
            for output in node.output.iter().filter(|o| !o.is_empty()) {
                producers.insert(output.clone(), position);
            }
            for (slot, input) in node.input.iter().enumerate().filter(|(_, i)| !i.is_empty()) {
                consumers.entry(input.clone()).or_default().push((position, slot));
            }
            for captured in onnx::captured(node) {
                let readers = consumers.entry(captured.to_string()).or_default();
                readers.push((position, GraphIndex::BODY));
            }
        }
        GraphIndex { producers, consumers }
    }

    /// Position of the node that gives a tensor; `None` of inputs and initializers.
    pub fn producer(&self, tensor: &str) -> Option<usize> {
        self.producers.get(tensor).copied()
    }

    /// Positions of the nodes that read a tensor, with the slot they read it in, or [`GraphIndex::BODY`].
    pub fn consumers(&self, tensor: &str) -> &[(usize, usize)] {
        self.consumers.get(tensor).map_or(&[], Vec::as_slice)
    }

    /// The slot in which a node reads a tensor that nothing else reads, and the node's position.
    pub fn only_consumer(&self, tensor: &str) -> Option<(usize, usize)> {
        match self.consumers(tensor) {
            [only] if only.1 != GraphIndex::BODY => Some(*only),
            _ => None,
        }
    }
}
