//! Integer operators as float operators between QuantizeLinear and DequantizeLinear, and quantization
//! of activations as something beside the graph.
//!
//! Source: the ONNX operator specification and ONNX Runtime's contrib operators (QLinearAdd, QGemm …).

use super::expand::Parts;
use super::form::ActivationQuantization;
use super::rewriter::{Rewriter, set_float};
use paring_onnx::graph::{self, ElementType, Index, Node, Weights, layer_name};

/// The quantized operators that are known; `None` of any other.
pub(super) fn expand(parts: &mut Parts) -> Option<()> {
    let op = parts.fused.op_type.clone();
    match op.as_str() {
        "QLinearConv" => {
            let x = parts.dequantized(0, None)?;
            let w = parts.dequantized(3, Some(0))?;
            let bias = parts.dequantized_bias(8, 1, 4)?;
            parts.quantized_product("Conv", [&x, &w], bias, Some(6))
        }
        "QLinearMatMul" => {
            let (a, b) = (parts.dequantized(0, None)?, parts.dequantized(3, Some(1))?);
            parts.quantized_product("MatMul", [&a, &b], None, Some(6))
        }
        "QGemm" => {
            let axis = 1 - i64::from(graph::int(parts.fused, "transB") == Some(1));
            let (a, b) = (parts.dequantized(0, None)?, parts.dequantized(3, Some(axis))?);
            let bias = parts.dequantized_bias(6, 1, 4)?;
            let quantized = parts.input(7).map(|_| 7);
            parts.quantized_product("Gemm", [&a, &b], bias, quantized)
        }
        "QLinearAdd" | "QLinearMul" => {
            let (a, b) = (parts.dequantized(0, None)?, parts.dequantized(3, None)?);
            let sum = parts.push(op.trim_start_matches("QLinear"), &[&a, &b], None);
            parts.quantize(sum, 6)
        }
        "QLinearGlobalAveragePool"
        | "QLinearAveragePool"
        | "QLinearSigmoid"
        | "QLinearLeakyRelu"
        | "QLinearSoftmax"
        | "QLinearReduceMean" => {
            if graph::int(parts.fused, "channels_last") == Some(1) {
                return None;
            }
            let x = parts.dequantized(0, None)?;
            let y = parts.push(op.trim_start_matches("QLinear"), &[&x], None);
            parts.keep_attributes(|name| name != "channels_last" && name != "opset");
            parts.quantize(y, 3)
        }
        "QLinearConcat" => {
            let all: Option<Vec<String>> = (2..parts.fused.input.len())
                .step_by(3)
                .map(|slot| parts.dequantized(slot, None))
                .collect();
            let joined = parts.push("Concat", &all?.iter().collect::<Vec<_>>(), None);
            parts.keep_attributes(|name| name == "axis");
            parts.quantize(joined, 0)
        }
        "QuantizeLinear" | "DequantizeLinear" if !parts.fused.domain.is_empty() => {
            let inputs = parts.fused.input.clone();
            let output = parts.output();
            parts.push(&op, &inputs.iter().collect::<Vec<_>>(), output);
            parts.keep_attributes(|name| name == "axis");
            Some(())
        }
        _ => None,
    }
}

impl Parts<'_> {
    /// A float tensor of the integers in a slot; scale and zero point stand in the two behind.
    fn dequantized(&mut self, slot: usize, axis: Option<i64>) -> Option<String> {
        let (x, scale) = (self.input(slot)?, self.input(slot + 1)?);
        let zero = self.input(slot + 2);
        let inputs: Vec<&String> =
            [Some(&x), Some(&scale), zero.as_ref()].into_iter().flatten().collect();
        let y = self.push("DequantizeLinear", &inputs, None);
        let several = self.graph.dims(&scale).is_some_and(|d| d.iter().product::<usize>() > 1);
        if let Some(axis) = axis.filter(|_| several) {
            graph::set_int(self.last()?, "axis", axis);
        }
        Some(y)
    }

    /// The bias in a slot, whose scale is the product of those of input and weights; the outer `None`
    /// where these are not stored.
    fn dequantized_bias(
        &mut self,
        slot: usize,
        input_scale: usize,
        weight_scale: usize,
    ) -> Option<Option<String>> {
        let Some(bias) = self.input(slot) else { return Some(None) };
        let of = |slot: usize| -> Option<Vec<f32>> {
            self.graph.weights(&self.input(slot)?).ok()?.to_f32()
        };
        let (input, weights) = (*of(input_scale)?.first()?, of(weight_scale)?);
        let alpha = graph::float(self.fused, "alpha").unwrap_or(1.0);
        let scales: Vec<f32> = weights.iter().map(|w| w * input * alpha).collect();
        let dims: &[usize] = if scales.len() > 1 { &[scales.len()] } else { &[] };
        let scale = self.constant("bias.scale", Weights::f32(dims, &scales));
        let y = self.push("DequantizeLinear", &[&bias, &scale], None);
        graph::set_int(self.last()?, "axis", 0);
        Some(Some(y))
    }

    /// A product of floats, quantized by scale and zero point from a slot on where there are any.
    fn quantized_product(
        &mut self,
        op: &str,
        sides: [&String; 2],
        bias: Option<String>,
        quantized: Option<usize>,
    ) -> Option<()> {
        let inputs: Vec<&String> = sides.into_iter().chain(bias.as_ref()).collect();
        let output = if quantized.is_none() { self.output() } else { None };
        let y = self.push(op, &inputs, output);
        self.keep_attributes(|_| true);
        match quantized {
            Some(slot) => self.quantize(y, slot),
            None => Some(()),
        }
    }

    fn quantize(&mut self, x: String, scale: usize) -> Option<()> {
        let scale_name = self.input(scale)?;
        let zero = self.input(scale + 1);
        let inputs: Vec<&String> =
            [Some(&x), Some(&scale_name), zero.as_ref()].into_iter().flatten().collect();
        let output = self.output();
        self.push("QuantizeLinear", &inputs, output);
        Some(())
    }
}

/// Takes quantization of computed tensors out of the graph; gives what it was, by tensor. Where the
/// range of a quantized sum begins at zero, the quantization rectifies, and a node says so.
pub(super) fn lift(rewriter: &mut Rewriter) -> Vec<ActivationQuantization> {
    dequantize_tables(rewriter);
    let mut found = Vec::new();
    let mut nodes = Vec::new();
    let index = Index::new(&rewriter.graph);
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
fn is_never_negative(rewriter: &Rewriter, index: &Index, node: &Node) -> bool {
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
fn dequantize_tables(rewriter: &mut Rewriter) {
    let index = Index::new(&rewriter.graph);
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
fn parameters(rewriter: &Rewriter, node: &Node) -> Option<ActivationQuantization> {
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
