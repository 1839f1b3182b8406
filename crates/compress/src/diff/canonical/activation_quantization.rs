//! Quantization of activations, lifted out of the graph that is compared.

use super::rewriter::{GraphRewriter, set_float};
use paring_onnx::graph::{ElementType, GraphIndex, Node, layer_name};

/// The numbers that a computed tensor is quantized with.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::diff) struct ActivationQuantization {
    /// The tensor that is quantized.
    pub(in crate::diff) tensor: String,
    /// Distance of two neighbouring values.
    pub(in crate::diff) scale: f32,
    /// The integer that stands for zero.
    pub(in crate::diff) zero: f32,
    /// The type of the integers.
    pub(in crate::diff) element: ElementType,
}

impl ActivationQuantization {
    /// Smallest value that can be told.
    pub(in crate::diff) fn low(&self) -> f32 {
        (self.span().0 - self.zero) * self.scale
    }

    /// Largest value that can be told.
    pub(in crate::diff) fn high(&self) -> f32 {
        (self.span().1 - self.zero) * self.scale
    }

    fn span(&self) -> (f32, f32) {
        match self.element.0 {
            3 => (-128.0, 127.0),
            4 => (0.0, 65_535.0),
            5 => (-32_768.0, 32_767.0),
            _ => (0.0, 255.0),
        }
    }
}

/// Takes quantization of computed tensors out of the graph; gives what it was, by tensor. Where the
/// range of a quantized sum begins at zero, the quantization rectifies, and a node says so.
pub(super) fn lift(rewriter: &mut GraphRewriter) -> Vec<ActivationQuantization> {
    dequantize_tables(rewriter);
    let mut found = Vec::new();
    let mut nodes = Vec::new();
    let index = GraphIndex::new(&rewriter.graph);
    for (position, node) in rewriter.graph.nodes().iter().enumerate() {
        let computed = node.input.first().is_some_and(|x| !rewriter.is_constant(x));
        if !computed || !["QuantizeLinear", "DequantizeLinear"].contains(&node.op_type.as_str()) {
            nodes.push(node.clone());
            continue;
        }
        let x = &node.input[0];
        let producer = index.producer(x).map(|p| &rewriter.graph.nodes()[p]);
        let again = node.op_type == "DequantizeLinear"
            && producer.is_some_and(|p| p.op_type == "QuantizeLinear");
        let mut copy = Node { op_type: "Identity".into(), attribute: vec![], ..node.clone() };
        copy.input.truncate(1);
        if let Some(quantization) = parameters(rewriter, node).filter(|_| !again) {
            let sums = ["Conv", "Gemm", "MatMul", "Add", "ConvTranspose"];
            let sum = producer.is_some_and(|p| sums.contains(&p.op_type.as_str()));
            let never = producer.is_some_and(|p| is_never_negative(rewriter, &index, p));
            let from_zero = quantization.low().abs() < 1e-12 && !never;
            if node.op_type == "QuantizeLinear" && sum && from_zero {
                copy.op_type = "QuantizedRange".into();
                copy.name = format!("{}/QuantizedRange", layer_name(node, position));
                set_float(&mut copy, "high", quantization.high());
            }
            found.push(quantization);
        }
        nodes.push(copy);
    }
    rewriter.graph.set_nodes(nodes);
    found
}

/// One more than an error function, as in GELU.
fn is_never_negative(rewriter: &GraphRewriter, index: &GraphIndex, node: &Node) -> bool {
    let producer = |tensor: &String| index.producer(tensor).map(|p| &rewriter.graph.nodes()[p]);
    let is_erf = |tensor: &String| {
        let mut found = producer(tensor);
        let scaling =
            |n: &&Node| ["QuantizeLinear", "DequantizeLinear"].contains(&n.op_type.as_str());
        while let Some(node) = found.filter(scaling) {
            found = node.input.first().and_then(producer);
        }
        found.is_some_and(|n| n.op_type == "Erf")
    };
    let one = |tensor: &String| rewriter.scalar(tensor).is_some_and(|v| v > 0.999);
    node.op_type == "Add" && node.input.iter().any(is_erf) && node.input.iter().any(one)
}

/// Integers picked from a stored table and then dequantized: picked from the dequantized table.
fn dequantize_tables(rewriter: &mut GraphRewriter) {
    let index = GraphIndex::new(&rewriter.graph);
    let mut nodes = Vec::new();
    for node in rewriter.graph.nodes() {
        let reader = || {
            let (reader, slot) = rewriter.sole_reader(&index, node.output.first()?)?;
            let reader = rewriter.graph.nodes().get(reader)?;
            let whole = rewriter.scalar(reader.input.get(1)?).is_some();
            (slot == 0 && reader.op_type == "DequantizeLinear" && whole).then_some(reader)
        };
        let table = node.op_type == "Gather" && rewriter.is_constant(&node.input[0]);
        let Some(reader) = table.then(reader).flatten() else {
            nodes.push(node.clone());
            continue;
        };
        let (mut scaled, mut picked) = (reader.clone(), node.clone());
        scaled.input[0].clone_from(&node.input[0]);
        scaled.output[0] = format!("{}#table", node.output[0]);
        picked.input[0].clone_from(&scaled.output[0]);
        nodes.extend([scaled, picked]);
    }
    rewriter.graph.set_nodes(nodes);
}

/// Scale, zero point and type of a node that quantizes a whole tensor.
fn parameters(rewriter: &GraphRewriter, node: &Node) -> Option<ActivationQuantization> {
    let scale = rewriter.scalar(node.input.get(1)?)?;
    let (zero, element) = match node.input.get(2).filter(|z| !z.is_empty()) {
        None => (0.0, ElementType::U8),
        Some(zero) => {
            let weights = rewriter.graph.weights(zero).ok()?;
            let value = match (weights.element.0, weights.bytes.as_slice()) {
                (4, [low, high]) => f32::from(u16::from_le_bytes([*low, *high])),
                (5, [low, high]) => f32::from(i16::from_le_bytes([*low, *high])),
                _ => *weights.numbers()?.first()?,
            };
            (value, weights.element)
        }
    };
    Some(ActivationQuantization { tensor: node.input[0].clone(), scale, zero, element })
}
