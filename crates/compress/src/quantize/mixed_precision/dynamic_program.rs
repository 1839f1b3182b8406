//! Dynamic programming along the graph, because a conversion is paid where two neighbours differ.

use super::assignment::{LayerPrices, PrecisionAssignment};
use paring_core::schema::LayerPrecision;
use paring_onnx::graph::{self, Graph, GraphIndex, Node, TensorFacts};
use paring_onnx::ops;
use std::collections::BTreeMap;

/// The most partial choices, the cheapest, that are kept where a graph has many open branches.
const MOST_STATES: usize = 4096;

/// Layers with choices in the order of the graph, and the tensors between them.
pub(super) struct PrecisionNetwork {
    layers: Vec<NetworkLayer>,
    tensors: Vec<NetworkTensor>,
}

struct NetworkLayer {
    name: String,
    /// Its output is in int8 when it is static.
    convolves: bool,
    reads: usize,
    gives: usize,
}

struct NetworkTensor {
    elements: usize,
    /// Layers that read it.
    readers: usize,
    /// Something that is not a layer reads it in float.
    others: bool,
}

/// The decisions about a tensor so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct OpenTensor {
    /// It is in int8, whoever reads it.
    narrow: bool,
    /// It can be, where nobody wants it in float.
    could_be_narrow: bool,
    wants_narrow: bool,
    wants_float: bool,
    read: usize,
}

impl PrecisionNetwork {
    pub(super) fn new(
        graph: &Graph,
        facts: &TensorFacts,
        prices: &LayerPrices,
    ) -> PrecisionNetwork {
        let index = GraphIndex::new(graph);
        let outputs = graph.outputs();
        let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
        let mut network = PrecisionNetwork { layers: Vec::new(), tensors: Vec::new() };
        for (node, name) in graph.nodes().iter().zip(graph::layer_names(graph)) {
            if !ops::is_float_product(node) || !prices.layers.contains_key(&name) {
                continue;
            }
            let mut number = |tensor: &str| {
                let root = root(graph, &index, tensor);
                *numbers.entry(root.clone()).or_insert_with(|| {
                    let shape = facts.shapes.get(&root);
                    let elements = shape.map_or(0, |s| s.iter().product());
                    network.tensors.push(NetworkTensor { elements, readers: 0, others: false });
                    network.tensors.len() - 1
                })
            };
            let (reads, gives) = (number(&node.input[0]), number(&node.output[0]));
            network.tensors[reads].readers += 1;
            let convolves = node.op_type == "Conv";
            network.layers.push(NetworkLayer { name, convolves, reads, gives });
        }
        for (node, name) in graph.nodes().iter().zip(graph::layer_names(graph)) {
            let layer = ops::is_float_product(node) && prices.layers.contains_key(&name);
            let passes = passed(graph, &index, node).is_some();
            for input in node.input.iter().filter(|_| !layer && !passes) {
                if let Some(number) = numbers.get(&root(graph, &index, input)) {
                    network.tensors[*number].others = true;
                }
            }
        }
        for output in outputs {
            if let Some(number) = numbers.get(&root(graph, &index, output)) {
                network.tensors[*number].others = true;
            }
        }
        network
    }

    /// The choice of which `rank` makes the least of time and error: the first number decides, then
    /// the second. Both are sums of what time and error are, times something.
    pub(super) fn best(
        &self,
        prices: &LayerPrices,
        rank: &dyn Fn(f64, f64) -> [f64; 2],
    ) -> PrecisionAssignment {
        type States = BTreeMap<BTreeMap<usize, OpenTensor>, PrecisionAssignment>;
        let start = PrecisionAssignment { layers: BTreeMap::new(), predicted_ns: 0.0, error: 0.0 };
        let order = |a: &PrecisionAssignment, b: &PrecisionAssignment| {
            let [a, b] = [a, b].map(|one| rank(one.predicted_ns, one.error));
            a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1]))
        };
        let mut states: States = BTreeMap::from([(BTreeMap::new(), start.clone())]);
        for layer in &self.layers {
            let mut next: States = BTreeMap::new();
            for (open, so_far) in &states {
                for (scheme, price) in &prices.layers[&layer.name] {
                    let error = prices.errors.get(&layer.name).and_then(|e| e.get(scheme));
                    let (open, conversions) = self.step(open, layer, *scheme, prices);
                    let mut grown = so_far.clone();
                    grown.layers.insert(layer.name.clone(), *scheme);
                    grown.predicted_ns += price + conversions;
                    grown.error += error.copied().unwrap_or(0.0);
                    if next.get(&open).is_none_or(|other| order(&grown, other).is_lt()) {
                        next.insert(open, grown);
                    }
                }
            }
            if next.len() > MOST_STATES {
                let mut sorted: Vec<_> = next.into_iter().collect();
                sorted.sort_by(|a, b| order(&a.1, &b.1));
                sorted.truncate(MOST_STATES);
                next = sorted.into_iter().collect();
            }
            states = next;
        }
        states.into_values().min_by(order).unwrap_or(start)
    }

    /// The open tensors behind a layer, and the cost of the conversions that are decided with it.
    fn step(
        &self,
        open: &BTreeMap<usize, OpenTensor>,
        layer: &NetworkLayer,
        scheme: LayerPrecision,
        prices: &LayerPrices,
    ) -> (BTreeMap<usize, OpenTensor>, f64) {
        let (mut open, mut cost) = (open.clone(), 0.0);
        let is_static = scheme.is_static();
        let read = open.entry(layer.reads).or_default();
        read.read += 1;
        read.wants_narrow |= is_static;
        read.wants_float |= !is_static;
        let given = open.entry(layer.gives).or_default();
        given.narrow = is_static && layer.convolves;
        given.could_be_narrow = is_static;
        for number in [layer.reads, layer.gives] {
            let tensor = &self.tensors[number];
            let Some(state) = open.get(&number) else { continue };
            if state.read < tensor.readers {
                continue;
            }
            let wants_float = state.wants_float || tensor.others;
            let narrow = state.narrow || (state.could_be_narrow && !wants_float);
            cost += match narrow {
                true if wants_float => (prices.dequantize)(tensor.elements),
                false if state.wants_narrow => (prices.quantize)(tensor.elements),
                _ => 0.0,
            };
            open.remove(&number);
        }
        (open, cost)
    }
}

/// The input of a node that int8 goes through, or that a static layer takes in: what reads its output
/// reads that.
fn passed<'a>(graph: &Graph, index: &GraphIndex, node: &'a Node) -> Option<&'a String> {
    let moves = ["MaxPool", "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze"];
    let maker = |tensor: &String| index.producer(tensor).map(|p| &graph.nodes()[p]);
    let alone = |tensor: &&String| index.consumers(tensor).len() == 1;
    match node.op_type.as_str() {
        "Relu" => node.input.first().filter(alone).filter(|tensor| {
            maker(tensor).is_some_and(|made| {
                let biases = || made.op_type == "Add" && passed(graph, index, made).is_some();
                ["Conv", "Gemm", "MatMul"].contains(&made.op_type.as_str()) || biases()
            })
        }),
        "Add" => {
            let stored = node.input.iter().any(|input| graph.dims(input).is_some());
            let product = |tensor: &&String| maker(tensor).is_some_and(|m| m.op_type == "MatMul");
            node.input.iter().filter(|_| stored).filter(alone).find(product)
        }
        op => node.input.first().filter(|_| moves.contains(&op)),
    }
}

/// The tensor that a tensor is, before anything that only moves it.
fn root(graph: &Graph, index: &GraphIndex, tensor: &str) -> String {
    let mut tensor = tensor.to_string();
    while let Some(position) = index.producer(&tensor) {
        let Some(before) = passed(graph, index, &graph.nodes()[position]) else { break };
        tensor.clone_from(before);
    }
    tensor
}
