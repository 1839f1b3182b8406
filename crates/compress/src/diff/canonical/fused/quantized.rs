//! Integer operators as float operators between QuantizeLinear and DequantizeLinear.
//!
//! Source: the ONNX operator specification and ONNX Runtime's contrib operators (QLinearAdd, QGemm …).

use super::expansion::FusedExpansion;
use paring_onnx::graph::{self, Weights};

/// The quantized operators that are known; `None` of any other.
pub(super) fn expand(parts: &mut FusedExpansion) -> Option<()> {
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

impl FusedExpansion<'_> {
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
