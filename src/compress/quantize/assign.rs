//! Which precision each layer gets, from what each costs and loses: dynamic programming along the
//! graph, because a conversion is paid where two neighbours differ.

use super::Scheme;
use super::layers;
use crate::graph::{self, Facts, Graph, Index, Node};
use std::collections::BTreeMap;

/// So many of the cheapest partial choices are gone on with, where a graph has many open branches.
const MOST_STATES: usize = 4096;
/// Weights of the error against the time that are tried, times their overall ratio.
const WEIGHTS: [f64; 12] = [0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0];

/// What layers cost in each precision, in nanoseconds, and what conversions of so many numbers do.
#[derive(Clone, Copy)]
pub struct Prices<'a> {
    /// By layer and precision; a precision without a price is not taken.
    pub layers: &'a BTreeMap<String, BTreeMap<Scheme, f64>>,
    /// Float to int8.
    pub quantize: &'a dyn Fn(usize) -> f64,
    /// int8 to float.
    pub dequantize: &'a dyn Fn(usize) -> f64,
    /// What each choice alone loses; nothing where it is not there.
    pub errors: &'a BTreeMap<String, BTreeMap<Scheme, f64>>,
}

/// A precision for every layer that has a choice.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// By layer.
    pub layers: BTreeMap<String, Scheme>,
    /// What layers and conversions should cost together.
    pub predicted_ns: f64,
    /// What the choices lose, added up.
    pub error: f64,
}

/// The distinct best assignments for several weights of the error, the fastest first.
pub fn assignments(graph: &Graph, facts: &Facts, prices: &Prices) -> Vec<Assignment> {
    let network = Network::new(graph, facts, prices);
    let time: f64 = prices.layers.values().filter_map(|c| c.get(&Scheme::F32)).sum();
    let largest = |choices: &BTreeMap<Scheme, f64>| choices.values().copied().fold(0.0, f64::max);
    let loss: f64 = prices.errors.values().map(largest).sum();
    let ratio = if loss > 0.0 { time / loss } else { 0.0 };
    let mut found: Vec<Assignment> = Vec::new();
    for weight in WEIGHTS {
        let best = network.best(prices, weight * ratio);
        if found.iter().all(|other| other.layers != best.layers) {
            found.push(best);
        }
    }
    found.sort_by(|a, b| a.predicted_ns.total_cmp(&b.predicted_ns));
    found
}

/// What an assignment that was made otherwise should cost.
pub fn predicted(
    graph: &Graph,
    facts: &Facts,
    prices: &Prices,
    layers: &BTreeMap<String, Scheme>,
) -> Assignment {
    let network = Network::new(graph, facts, prices);
    let own = |name: &String, all: &BTreeMap<Scheme, f64>| {
        let scheme = layers.get(name).copied().unwrap_or(Scheme::F32);
        (name.clone(), all.iter().filter(|(s, _)| **s == scheme).map(|(s, c)| (*s, *c)).collect())
    };
    let only = prices.layers.iter().map(|(name, all)| own(name, all)).collect();
    network.best(&Prices { layers: &only, ..*prices }, 0.0)
}

/// Layers with choices in the order of the graph, and the tensors between them.
struct Network {
    layers: Vec<Place>,
    tensors: Vec<Tensor>,
}

struct Place {
    name: String,
    /// Whether its output is in int8 when it is static.
    convolves: bool,
    reads: usize,
    gives: usize,
}

struct Tensor {
    elements: usize,
    /// Layers that read it.
    readers: usize,
    /// Whether something that is not a layer reads it in float.
    others: bool,
}

/// What is decided of a tensor so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Open {
    /// It is in int8, whoever reads it.
    narrow: bool,
    /// It can be, where nobody wants it in float.
    could_be_narrow: bool,
    wants_narrow: bool,
    wants_float: bool,
    read: usize,
}

impl Network {
    fn new(graph: &Graph, facts: &Facts, prices: &Prices) -> Network {
        let index = Index::new(graph);
        let outputs = graph.outputs();
        let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
        let mut network = Network { layers: Vec::new(), tensors: Vec::new() };
        for (position, node) in graph.nodes().iter().enumerate() {
            let name = graph::layer_name(node, position);
            if !layers::is_float(node) || !prices.layers.contains_key(&name) {
                continue;
            }
            let mut number = |tensor: &str| {
                let root = root(graph, &index, tensor);
                *numbers.entry(root.clone()).or_insert_with(|| {
                    let shape = facts.shapes.get(&root);
                    let elements = shape.map_or(0, |s| s.iter().product());
                    network.tensors.push(Tensor { elements, readers: 0, others: false });
                    network.tensors.len() - 1
                })
            };
            let (reads, gives) = (number(&node.input[0]), number(&node.output[0]));
            network.tensors[reads].readers += 1;
            let convolves = node.op_type == "Conv";
            network.layers.push(Place { name, convolves, reads, gives });
        }
        for node in graph.nodes() {
            let position = index.producer(node.output.first().map_or("", String::as_str));
            let name = position.map(|p| graph::layer_name(node, p)).unwrap_or_default();
            let layer = layers::is_float(node) && prices.layers.contains_key(&name);
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

    /// The choice with the least time plus `weight` times error.
    fn best(&self, prices: &Prices, weight: f64) -> Assignment {
        type States = BTreeMap<BTreeMap<usize, Open>, (f64, Assignment)>;
        let start = Assignment { layers: BTreeMap::new(), predicted_ns: 0.0, error: 0.0 };
        let mut states: States = BTreeMap::from([(BTreeMap::new(), (0.0, start))]);
        for layer in &self.layers {
            let mut next: States = BTreeMap::new();
            for (open, (_, so_far)) in &states {
                for (scheme, price) in &prices.layers[&layer.name] {
                    let error = prices.errors.get(&layer.name).and_then(|e| e.get(scheme));
                    let (open, conversions) = self.step(open, layer, *scheme, prices);
                    let mut grown = so_far.clone();
                    grown.layers.insert(layer.name.clone(), *scheme);
                    grown.predicted_ns += price + conversions;
                    grown.error += error.copied().unwrap_or(0.0);
                    let cost = grown.predicted_ns + weight * grown.error;
                    if next.get(&open).is_none_or(|(other, _)| cost < *other) {
                        next.insert(open, (cost, grown));
                    }
                }
            }
            if next.len() > MOST_STATES {
                let mut costs: Vec<f64> = next.values().map(|(cost, _)| *cost).collect();
                costs.sort_by(f64::total_cmp);
                let limit = costs[MOST_STATES - 1];
                next.retain(|_, (cost, _)| *cost <= limit);
            }
            states = next;
        }
        let ended = states.into_values().min_by(|a, b| a.0.total_cmp(&b.0));
        ended.map_or(Assignment { layers: BTreeMap::new(), predicted_ns: 0.0, error: 0.0 }, |e| e.1)
    }

    /// What is open behind a layer, and the conversions that are settled with it.
    fn step(
        &self,
        open: &BTreeMap<usize, Open>,
        layer: &Place,
        scheme: Scheme,
        prices: &Prices,
    ) -> (BTreeMap<usize, Open>, f64) {
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
fn passed<'a>(graph: &Graph, index: &Index, node: &'a Node) -> Option<&'a String> {
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
fn root(graph: &Graph, index: &Index, tensor: &str) -> String {
    let mut tensor = tensor.to_string();
    while let Some(position) = index.producer(&tensor) {
        let Some(before) = passed(graph, index, &graph.nodes()[position]) else { break };
        tensor.clone_from(before);
    }
    tensor
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compress::Granularity;
    use crate::data::Dtype;
    use crate::graph::{Size, Weights};

    const INT8: Scheme = Scheme::Static(Granularity::Tensor);

    fn chain(count: usize) -> (Graph, Facts) {
        let mut graph = Graph::empty("chain", 13);
        graph.add_input("t0", Dtype::F32, &[1, 4, 5, 5].map(Size::Fixed));
        for i in 0..count {
            graph.set_weights(&format!("w{i}"), Weights::f32(&[4, 4, 1, 1], &[0.5; 16]));
            graph.add_node(Node {
                op_type: "Conv".into(),
                name: format!("c{i}"),
                input: vec![format!("t{i}"), format!("w{i}")],
                output: vec![format!("t{}", i + 1)],
                ..Node::default()
            });
        }
        graph.add_output(&format!("t{count}"));
        let facts = graph.facts(&BTreeMap::new(), 1).unwrap();
        (graph, facts)
    }

    /// All assignments, one by one.
    fn exhaustive(costs: &[[f64; 2]], convert: f64) -> f64 {
        let count = costs.len();
        let all = (0..1u32 << count).map(|bits| {
            let narrow = |i: usize| bits >> i & 1 == 1;
            let own: f64 = (0..count).map(|i| costs[i][usize::from(narrow(i))]).sum();
            let between = (1..count).filter(|i| narrow(*i) != narrow(i - 1)).count();
            let ends = usize::from(narrow(0)) + usize::from(narrow(count - 1));
            own + convert * (between + ends) as f64
        });
        all.fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn a_product_hands_bytes_to_a_product_through_its_bias_and_relu() {
        let mut graph = Graph::empty("products", 13);
        graph.add_input("x", Dtype::F32, &[1, 8].map(Size::Fixed));
        for name in ["w0", "w1"] {
            graph.set_weights(name, Weights::f32(&[8, 8], &[0.5; 64]));
        }
        graph.set_weights("b", Weights::f32(&[8], &[0.5; 8]));
        for (op, inputs, output) in [
            ("MatMul", vec!["x", "w0"], "p"),
            ("Add", vec!["p", "b"], "q"),
            ("Relu", vec!["q"], "r"),
            ("MatMul", vec!["r", "w1"], "y"),
        ] {
            graph.add_node(Node {
                op_type: op.into(),
                name: output.into(),
                input: inputs.into_iter().map(str::to_string).collect(),
                output: vec![output.into()],
                ..Node::default()
            });
        }
        graph.add_output("y");
        let facts = graph.facts(&BTreeMap::new(), 1).unwrap();
        let costs = || BTreeMap::from([(Scheme::F32, 10.0), (INT8, 1.0)]);
        let layers = BTreeMap::from(["p", "y"].map(|name| (name.to_string(), costs())));
        let (nothing, convert) = (BTreeMap::new(), |_: usize| 2.0);
        let prices =
            Prices { layers: &layers, quantize: &convert, dequantize: &convert, errors: &nothing };
        let cost = |names: &[&str]| {
            let own = names.iter().map(|name| (name.to_string(), INT8)).collect();
            predicted(&graph, &facts, &prices, &own).predicted_ns
        };
        // The input is converted, what lies between is not, and products give floats to others.
        assert_eq!(cost(&["p", "y"]), 2.0 + 1.0 + 1.0);
        assert_eq!(cost(&["p"]), 2.0 + 1.0 + 10.0);
        assert_eq!(cost(&["y"]), 10.0 + 2.0 + 1.0);
    }

    #[test]
    fn dynamic_programming_finds_what_trying_all_finds() {
        use rand::RngExt;
        let (graph, facts) = chain(6);
        let mut draw = crate::stats::generator(2, "assign");
        for _ in 0..20 {
            let costs: Vec<[f64; 2]> = (0..6)
                .map(|_| [draw.random::<f64>() * 10.0, draw.random::<f64>() * 10.0])
                .collect();
            let priced = |(i, c): (usize, &[f64; 2])| {
                (format!("c{i}"), BTreeMap::from([(Scheme::F32, c[0]), (INT8, c[1])]))
            };
            let layers = costs.iter().enumerate().map(priced).collect();
            let convert = |_: usize| 1.5;
            let nothing = BTreeMap::new();
            let prices = Prices {
                layers: &layers,
                quantize: &convert,
                dequantize: &convert,
                errors: &nothing,
            };
            let found = &assignments(&graph, &facts, &prices)[0];
            assert!((found.predicted_ns - exhaustive(&costs, 1.5)).abs() < 1e-9);
            let again = predicted(&graph, &facts, &prices, &found.layers);
            assert!((found.predicted_ns - again.predicted_ns).abs() < 1e-9);
        }
    }
}
