//! From floats to bytes in the operators that the engine runs fastest: one chain of multiplication,
//! addition and bounds, and a cast. The engine's own QuantizeLinear rounds number by number and takes
//! twice as long.
//!
//! q = trunc(clip(x / scale + zero + ½, 0, 255)): what lies halfway goes up, where ONNX's
//! QuantizeLinear takes the even one. Bytes are unsigned, because a cast cuts towards zero.

use crate::quantize::affine::AffineQuantizer;
use paring_agent::arrays::Dtype;
use paring_onnx::graph::{DimensionSize, ElementType, FreshNames, Graph, Node, Weights, set_int};

/// The zero point that integer kernels are told, as a byte: 0 to the engine, which computes in signed
/// bytes. What the true one adds to every sum is known beforehand and goes into the bias. Told of
/// another one, the engine adds up the weights for it, and those of more than a million at every
/// inference anew.
pub(super) const MIDDLE: u8 = 128;

/// Names of constants that every chain shares.
const LOW: &str = "paring.low";
const HIGH: &str = "paring.high";

/// A node with one output.
pub(super) fn node(op: &str, name: String, inputs: &[&str], output: &str) -> Node {
    Node {
        op_type: op.to_string(),
        name,
        input: inputs.iter().map(|i| (*i).to_string()).collect(),
        output: vec![output.to_string()],
        ..Node::default()
    }
}

/// A cast.
pub(super) fn cast(name: String, from: &str, to: &str, element: ElementType) -> Node {
    let mut node = node("Cast", name, &[from], to);
    set_int(&mut node, "to", i64::from(element.0));
    node
}

/// The nodes that make bytes of `x`, times what `factor` holds, as `output`; their constants go into
/// the graph. Nodes are called `base` and something. `relu` says that nothing is below zero.
pub(super) fn quantizing_nodes(
    (graph, names): (&mut Graph, &mut FreshNames),
    (x, factor, output): (&str, &str, &str),
    (affine, relu): (AffineQuantizer, bool),
    base: &str,
) -> Vec<Node> {
    let offset = f32::from(affine.byte()) + 0.5;
    let shift = names.get(output, ".shift");
    graph.set_weights(&shift, Weights::f32(&[], &[offset]));
    let lowest = if relu { affine.byte() } else { 0 };
    let low = if lowest == 0 { LOW.to_string() } else { format!("{LOW}.{lowest}") };
    let low = shared(graph, names, &low, Weights::f32(&[], &[f32::from(lowest)]));
    let high = shared(graph, names, HIGH, Weights::f32(&[], &[255.0]));
    let parts = [".scaled", ".shifted", ".below", ".within"];
    let [scaled, shifted, below, within] = parts.map(|part| names.get(output, part));
    let mut name = |part: &str| names.get(base, part);
    vec![
        node("Mul", name("/factor"), &[x, factor], &scaled),
        node("Add", name("/shift"), &[&scaled, &shift], &shifted),
        node("Min", name("/high"), &[&shifted, &high], &below),
        node("Max", name("/low"), &[&below, &low], &within),
        cast(name("/narrow"), &within, output, ElementType::U8),
    ]
}

/// A constant that is stored once for all steps; gives its name.
pub(super) fn shared(
    graph: &mut Graph,
    names: &mut FreshNames,
    wanted: &str,
    weights: Weights,
) -> String {
    let name = names.shared(graph, wanted, &weights);
    graph.set_weights(&name, weights);
    name
}

/// A graph that makes bytes of so many numbers by nodes called `narrow…` and floats again by others: for
/// timing both.
pub fn conversion_graph(elements: usize) -> Graph {
    let mut graph = Graph::empty("conversions", 13);
    graph.add_input("x", Dtype::F32, &[DimensionSize::Fixed(1), DimensionSize::Fixed(elements)]);
    let affine = AffineQuantizer { scale: 0.01, zero: 3 };
    graph.set_weights("inverse", Weights::f32(&[], &[1.0 / affine.scale]));
    graph.set_weights("scale", Weights::f32(&[], &[affine.scale]));
    graph.set_weights("zero", Weights::u8(&[], &[affine.byte()]));
    let mut names = FreshNames::new(&graph);
    let tensors = ("x", "inverse", "q");
    for node in quantizing_nodes((&mut graph, &mut names), tensors, (affine, false), "narrow") {
        graph.add_node(node);
    }
    graph.add_node(node("DequantizeLinear", "wide".into(), &["q", "scale", "zero"], "y"));
    graph.add_output("y");
    graph
}
