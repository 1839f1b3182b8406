//! A canonical graph as its data flow: nodes that depend on the inputs, and where each of their
//! inputs comes from.

use super::super::operators::WeightedOperator;
use paring_agent::engine::onnx;
use paring_onnx::graph::{Graph, Node, layer_name};
use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// Rounds of looking around a node.
const ROUNDS: usize = 6;

/// Operators whose inputs may stand in any order.
const COMMUTE: [&str; 8] = ["Add", "Mul", "Max", "Min", "Sum", "And", "Or", "Equal"];

/// The source of a node's input.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::diff) enum FlowSource {
    /// A node, and which of its outputs.
    Node(usize, usize),
    /// An input of the model.
    Input(usize),
    /// A tensor that does not depend on the inputs.
    Constant(String),
    /// An optional input that is not given.
    Missing,
}

/// A node that depends on the inputs.
#[derive(Clone, Debug)]
pub(in crate::diff) struct FlowNode {
    pub(in crate::diff) layer: String,
    pub(in crate::diff) node: Node,
    /// The kind; nodes of one kind may be held against each other.
    pub(in crate::diff) kind: String,
    /// Position among the operators with weights, if it is one.
    pub(in crate::diff) operator: Option<usize>,
    pub(in crate::diff) sources: Vec<FlowSource>,
    /// Nodes that read it, with the slot.
    pub(in crate::diff) readers: Vec<(usize, usize)>,
    /// Outputs of the model that it gives.
    pub(in crate::diff) gives: Vec<usize>,
}

/// The nodes of a graph in its order.
#[derive(Clone, Debug)]
pub(in crate::diff) struct DataFlow {
    pub(in crate::diff) nodes: Vec<FlowNode>,
    pub(in crate::diff) inputs: Vec<String>,
    pub(in crate::diff) outputs: Vec<String>,
}

/// Labels of each node's surroundings, equal where these are the same.
pub(in crate::diff) struct NodeLabels {
    /// All that leads to it.
    pub(in crate::diff) before: Vec<u64>,
    /// All that it leads to.
    pub(in crate::diff) behind: Vec<u64>,
    /// Its surroundings, by round; the first is its kind alone.
    pub(in crate::diff) around: Vec<Vec<u64>>,
}

impl FlowNode {
    /// True if the order of its inputs is nothing.
    pub(in crate::diff) fn commutes(&self) -> bool {
        COMMUTE.contains(&self.node.op_type.as_str())
    }

    /// Its sources without weights and biases, which do not tell where it stands.
    fn flowing(&self) -> impl Iterator<Item = (usize, &FlowSource)> {
        let only_first = self.operator.is_some();
        self.sources.iter().enumerate().filter(move |(slot, _)| !only_first || *slot == 0)
    }
}

impl DataFlow {
    pub(in crate::diff) fn new(graph: &Graph, operators: &[WeightedOperator]) -> DataFlow {
        let names = |all: Vec<&str>| all.into_iter().map(str::to_string).collect::<Vec<String>>();
        let (inputs, outputs) = (names(graph.inputs()), names(graph.outputs()));
        let mut given: BTreeMap<String, FlowSource> = BTreeMap::new();
        for (position, input) in inputs.iter().enumerate() {
            given.insert(input.clone(), FlowSource::Input(position));
        }
        let mut nodes: Vec<FlowNode> = Vec::new();
        for (position, node) in graph.nodes().iter().enumerate() {
            let source = |input: &String| match given.get(input) {
                Some(source) => source.clone(),
                None if input.is_empty() => FlowSource::Missing,
                None => FlowSource::Constant(input.clone()),
            };
            let sources: Vec<FlowSource> = node.input.iter().map(source).collect();
            let fixed = |s: &FlowSource| matches!(s, FlowSource::Constant(_) | FlowSource::Missing);
            let drawn = node.op_type.starts_with("Random");
            let feeds = node.output.iter().any(|o| outputs.contains(o));
            // A branch also flows where only its body reads what is computed.
            let captures = onnx::captured(node).iter().any(|read| given.contains_key(*read));
            if sources.iter().all(fixed) && !captures && !drawn && !feeds {
                continue;
            }
            let operator = operators.iter().position(|o| o.position == position);
            let own = nodes.len();
            for (slot, output) in node.output.iter().enumerate() {
                given.insert(output.clone(), FlowSource::Node(own, slot));
            }
            for (slot, source) in sources.iter().enumerate() {
                if let FlowSource::Node(from, _) = source {
                    nodes[*from].readers.push((own, slot));
                }
            }
            let gives = |(at, o): (usize, &String)| node.output.contains(o).then_some(at);
            nodes.push(FlowNode {
                layer: layer_name(node, position),
                kind: kind(node, operator.and_then(|o| operators.get(o)), &sources),
                node: node.clone(),
                operator,
                sources,
                readers: Vec::new(),
                gives: outputs.iter().enumerate().filter_map(gives).collect(),
            });
        }
        DataFlow { nodes, inputs, outputs }
    }

    /// Labels by the method of Weisfeiler & Leman 1968, with the slots that tensors are read in.
    pub(in crate::diff) fn labels(&self) -> NodeLabels {
        let mut before: Vec<u64> = Vec::new();
        for node in &self.nodes {
            let from = self.sources(node, &before);
            before.push(hashed(&(&node.kind, from)));
        }
        let mut behind: Vec<u64> = vec![0; self.nodes.len()];
        for position in (0..self.nodes.len()).rev() {
            let node = &self.nodes[position];
            let to = self.readers(node, &behind);
            behind[position] = hashed(&(&node.kind, to, &node.gives));
        }
        let mut now: Vec<u64> = self.nodes.iter().map(|n| hashed(&n.kind)).collect();
        let mut around: Vec<Vec<u64>> = now.iter().map(|label| vec![*label]).collect();
        for _ in 0..ROUNDS {
            let next = self.nodes.iter().zip(&now).map(|(node, own)| {
                hashed(&(own, self.sources(node, &now), self.readers(node, &now), &node.gives))
            });
            now = next.collect();
            around.iter_mut().zip(&now).for_each(|(labels, label)| labels.push(*label));
        }
        NodeLabels { before, behind, around }
    }

    fn sources(&self, node: &FlowNode, labels: &[u64]) -> Vec<u64> {
        let label = |(slot, source): (usize, &FlowSource)| {
            let slot = if node.commutes() { 0 } else { slot };
            match source {
                FlowSource::Node(from, output) => hashed(&(slot, labels[*from], output)),
                FlowSource::Input(position) => hashed(&(slot, "input", position)),
                FlowSource::Constant(_) => hashed(&(slot, "constant")),
                FlowSource::Missing => hashed(&(slot, "missing")),
            }
        };
        let mut all: Vec<u64> = node.flowing().map(label).collect();
        all.sort_unstable();
        all
    }

    fn readers(&self, node: &FlowNode, labels: &[u64]) -> Vec<u64> {
        let label = |(reader, slot): &(usize, usize)| {
            let slot = if self.nodes[*reader].commutes() { 0 } else { *slot };
            hashed(&(slot, labels[*reader]))
        };
        let mut all: Vec<u64> = node.readers.iter().map(label).collect();
        all.sort_unstable();
        all
    }
}

fn hashed<T: Hash>(value: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Operators of one kind may stand for each other: a product is one however its weights lie, a
/// rectifier is one whatever its bounds.
fn kind(node: &Node, operator: Option<&WeightedOperator>, sources: &[FlowSource]) -> String {
    match (node.op_type.as_str(), operator) {
        ("Gemm" | "MatMul" | "MatMulNBits" | "MatMulInteger", Some(_)) => "product".into(),
        (op, Some(operator)) => {
            let form = &operator.form;
            let depthwise = if form.depthwise { " depthwise" } else { "" };
            format!("{} {:?}{depthwise}", op.trim_end_matches("Integer"), form.kernel)
        }
        ("Relu" | "Clip" | "QuantizedRange", None) => "rectifier".into(),
        // A sum with a constant is another thing than a sum of two.
        (op, None) => {
            let constants = sources.iter().filter(|s| matches!(s, FlowSource::Constant(_)));
            format!("{op} {}", if COMMUTE.contains(&op) { constants.count() } else { 0 })
        }
    }
}
