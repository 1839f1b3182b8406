//! Who gives and who reads a tensor.

use super::Graph;
use std::cmp::Reverse;
use std::collections::HashMap;

/// The node of `graph` that a node of the engine's optimised graph came from: the one whose name, or
/// whose output's, its name begins with; the longest decides. The engine names a product after what it
/// fused behind it, so one that `multiplies` belongs to the nearest operator with weights before that.
pub fn origin(graph: &Graph, optimised: &str, multiplies: bool) -> Option<usize> {
    let begins = |name: &String| !name.is_empty() && optimised.starts_with(name.as_str());
    let longest = |position: usize| -> Option<usize> {
        let node = &graph.nodes()[position];
        let names = std::iter::once(&node.name).chain(&node.output);
        names.filter(|name| begins(name)).map(String::len).max()
    };
    let found = (0..graph.nodes().len()).filter_map(|p| Some((longest(p)?, p)));
    let named = found.max_by_key(|(length, position)| (*length, Reverse(*position)))?.1;
    if !multiplies {
        return Some(named);
    }
    let index = Index::new(graph);
    let weighted = |position: usize| {
        let node = &graph.nodes()[position];
        node.op_type.contains("Conv")
            || ["Gemm", "MatMul"].iter().any(|op| node.op_type.contains(op))
    };
    let mut position = named;
    while !weighted(position) {
        // Of two sides of an addition the engine fuses the later into its product.
        let before = graph.nodes()[position].input.iter();
        match before.filter_map(|input| index.producer(input)).max() {
            Some(earlier) => position = earlier,
            None => return Some(named),
        }
    }
    Some(position)
}

/// Positions of nodes by the tensors they give and read. Made from a graph, and stale once it is
/// edited.
#[derive(Clone, Debug)]
pub struct Index {
    producers: HashMap<String, usize>,
    consumers: HashMap<String, Vec<(usize, usize)>>,
}

impl Index {
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
        }
        Index { producers, consumers }
    }

    /// Position of the node that gives a tensor; `None` of inputs and initializers.
    pub fn producer(&self, tensor: &str) -> Option<usize> {
        self.producers.get(tensor).copied()
    }

    /// Positions of the nodes that read a tensor, with the slot they read it in.
    pub fn consumers(&self, tensor: &str) -> &[(usize, usize)] {
        self.consumers.get(tensor).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Dtype;
    use crate::graph::{Node, Size};

    fn graph() -> Graph {
        let mut graph = Graph::empty("chain", 13);
        graph.add_input("x", Dtype::F32, &[Size::Fixed(1), Size::Fixed(4)]);
        let nodes = [
            ("early", "MatMul", vec!["x", "w"], "a"),
            ("late", "MatMul", vec!["a", "w"], "b"),
            ("sum", "Add", vec!["a", "b"], "c"),
            ("sum.act", "Relu", vec!["c"], "d"),
        ];
        for (name, op, inputs, output) in nodes {
            graph.add_node(Node {
                name: format!("{name}/{op}"),
                op_type: op.into(),
                input: inputs.into_iter().map(str::to_string).collect(),
                output: vec![output.into()],
                ..Node::default()
            });
        }
        graph
    }

    #[test]
    fn a_fused_product_belongs_to_its_weights() {
        let graph = graph();
        assert_eq!(origin(&graph, "late/MatMul.einsum", true), Some(1));
        assert_eq!(origin(&graph, "sum/Add.fused", true), Some(1));
        assert_eq!(origin(&graph, "sum/Add.fused", false), Some(2));
        assert_eq!(origin(&graph, "sum.act/Relu", false), Some(3));
        assert_eq!(origin(&graph, "zzz", false), None);
    }
}
