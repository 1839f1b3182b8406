//! Static layers: operators that the engine runs in integers, or pairs around float ones.

use super::emit::Writer;
use super::layers::Layer;
use crate::compress::CompressError;
use crate::graph::{self, ElementType, Node, Weights};

impl Writer<'_> {
    pub(super) fn convolution(&mut self, node: &Node, layer: &Layer) -> Result<(), CompressError> {
        let x = self.need_narrow(&layer.input)?;
        let (x_scale, x_zero, x_affine) = self.affine(&layer.input)?;
        let (y_scale, y_zero, _) = self.affine(&layer.output)?;
        let (w, w_scale, w_zero, scales) = self.bytes(layer)?;
        let base = &layer.output;
        let mut inputs = vec![x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero];
        if let Some(bias) = &layer.bias {
            let bias = bias_i32(bias, &scales, x_affine.scale);
            inputs.push(self.constant(format!("{base}.bias.q"), bias));
        }
        self.nodes.push(Node {
            op_type: "QLinearConv".to_string(),
            input: inputs,
            output: vec![format!("{base}.q")],
            ..node.clone()
        });
        self.narrow.insert(base.clone());
        self.only_narrow.insert(base.clone());
        Ok(())
    }

    /// y = (xq · wq + bias) · (x_scale · w_scale): integers up to the one product at the end.
    pub(super) fn product(&mut self, node: &Node, layer: &Layer) -> Result<(), CompressError> {
        let x = self.need_narrow(&layer.input)?;
        let (_, x_zero, x_affine) = self.affine(&layer.input)?;
        let (w, _, _, scales) = self.bytes(layer)?;
        let base = &layer.output;
        let w_zero = self.constant(format!("{base}.weight.zero"), Weights::i8(&[], &[0]));
        let mut sum = format!("{base}.sum");
        self.node("MatMulInteger", node.name.clone(), &[&x, &w, &x_zero, &w_zero], &sum);
        if let Some(bias) = &layer.bias {
            let bias = bias_i32(bias, &scales, x_affine.scale);
            let bias = self.constant(format!("{base}.bias.q"), bias);
            let biased = format!("{base}.biased");
            self.node("Add", format!("{}/bias", node.name), &[&sum, &bias], &biased);
            sum = biased;
        }
        let wide = format!("{base}.wide");
        self.cast(format!("{}/cast", node.name), &sum, &wide);
        let dims: &[usize] = if scales.len() == 1 { &[] } else { &[scales.len()] };
        let factors: Vec<f32> = scales.iter().map(|s| s * x_affine.scale).collect();
        let factor = self.constant(format!("{base}.factor"), Weights::f32(dims, &factors));
        self.node("Mul", format!("{}/scale", node.name), &[&wide, &factor], base);
        Ok(())
    }

    /// The float operator between pairs that quantize and dequantize what it reads.
    pub(super) fn pairs(&mut self, node: &Node, layer: &Layer) -> Result<(), CompressError> {
        let x = self.need_paired(&layer.input)?;
        let (w, w_scale, w_zero, _) = self.bytes(layer)?;
        let weights = format!("{}.weight.dq", layer.output);
        let name = format!("{}/weights", node.name);
        self.node("DequantizeLinear", name, &[&w, &w_scale, &w_zero], &weights);
        if let Some(dequantize) = self.nodes.last_mut() {
            graph::set_int(dequantize, "axis", layer.axis() as i64);
        }
        let mut node = node.clone();
        node.input[0] = x;
        node.input[1] = weights;
        straight(&mut node, layer);
        self.nodes.push(node);
        Ok(())
    }

    /// Makes sure that a tensor exists as int8 has it, in float, and gives that one's name.
    fn need_paired(&mut self, tensor: &str) -> Result<String, CompressError> {
        let paired = format!("{tensor}.dq");
        if self.paired.insert(tensor.to_string()) {
            let narrow = self.need_narrow(tensor)?;
            let (scale, zero, _) = self.affine(tensor)?;
            let name = format!("{tensor}/DequantizeLinear");
            self.node("DequantizeLinear", name, &[&narrow, &scale, &zero], &paired);
        }
        Ok(paired)
    }

    pub(super) fn cast(&mut self, name: String, from: &str, to: &str) {
        self.node("Cast", name, &[from], to);
        if let Some(cast) = self.nodes.last_mut() {
            graph::set_int(cast, "to", i64::from(ElementType::F32.0));
        }
    }
}

/// Weights of products are written as `[inputs, outputs]`, however they were stored.
pub(super) fn straight(node: &mut Node, layer: &Layer) {
    if layer.turned {
        graph::set_int(node, "transB", 0);
    }
}

/// Bias in units of the product of the input's and the weights' scales.
fn bias_i32(bias: &[f32], scales: &[f32], x_scale: f32) -> Weights {
    let unit =
        |i: usize| f64::from(scales[if scales.len() == 1 { 0 } else { i }]) * f64::from(x_scale);
    let limit = f64::from(i32::MAX);
    let values: Vec<i32> = bias
        .iter()
        .enumerate()
        .map(|(i, b)| (f64::from(*b) / unit(i)).round().clamp(-limit, limit) as i32)
        .collect();
    Weights::i32(&[values.len()], &values)
}
