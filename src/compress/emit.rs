//! Writing integer layers into a graph: which tensors exist in int8, which in float, and the
//! conversions between them, each made once.

use super::CompressError;
use super::quantize::{Affine, Layer};
use crate::graph::{self, ElementType, Graph, Node, Weights};
use std::collections::{BTreeMap, BTreeSet};

/// Replaces the layers' nodes. Tensors stay in int8 between two convolutions and become float
/// where anything else reads them.
pub(super) fn emit(
    graph: &mut Graph,
    layers: &[Layer],
    affines: &BTreeMap<String, Affine>,
) -> Result<(), CompressError> {
    let by_position: BTreeMap<usize, &Layer> = layers.iter().map(|l| (l.position, l)).collect();
    let folded: BTreeSet<usize> = layers.iter().filter_map(|l| l.relu).collect();
    let old = graph.nodes().to_vec();
    let outputs: Vec<String> = graph.outputs().into_iter().map(str::to_string).collect();
    let mut writer = Writer {
        graph,
        affines,
        nodes: vec![],
        narrow: BTreeSet::new(),
        only_narrow: BTreeSet::new(),
    };
    for (position, node) in old.iter().enumerate() {
        match by_position.get(&position) {
            _ if folded.contains(&position) => {}
            Some(layer) if node.op_type == "Conv" => writer.convolution(node, layer)?,
            Some(layer) => writer.product(node, layer)?,
            None => {
                node.input.iter().for_each(|tensor| writer.need_float(tensor));
                let behind = old
                    .iter()
                    .find(|n| n.op_type == "Conv" && n.output.first() == node.input.first());
                match behind {
                    Some(_) if node.op_type == "Relu" => writer.relu_as_max(node),
                    _ => writer.nodes.push(node.clone()),
                }
            }
        }
    }
    outputs.iter().for_each(|tensor| writer.need_float(tensor));
    let nodes = writer.nodes;
    graph.set_nodes(nodes);
    graph.tidy();
    Ok(())
}

struct Writer<'a> {
    graph: &'a mut Graph,
    affines: &'a BTreeMap<String, Affine>,
    nodes: Vec<Node>,
    /// Tensors that exist in int8, as `name.q`.
    narrow: BTreeSet<String>,
    /// Those of them that do not exist in float.
    only_narrow: BTreeSet<String>,
}

impl Writer<'_> {
    fn node(&mut self, op: &str, name: String, inputs: &[&str], output: &str) {
        self.nodes.push(Node {
            op_type: op.to_string(),
            name,
            input: inputs.iter().map(|i| (*i).to_string()).collect(),
            output: vec![output.to_string()],
            ..Node::default()
        });
    }

    fn constant(&mut self, name: String, weights: Weights) -> String {
        self.graph.set_weights(&name, weights);
        name
    }

    /// Scale and zero point of a tensor as initializers, and their values.
    fn affine(&mut self, tensor: &str) -> Result<(String, String, Affine), CompressError> {
        let affine = *self
            .affines
            .get(tensor)
            .ok_or_else(|| CompressError::Nothing("calibrate", format!("tensor `{tensor}`")))?;
        let scale = self.constant(format!("{tensor}.scale"), Weights::f32(&[], &[affine.scale]));
        let zero = self.constant(format!("{tensor}.zero"), Weights::i8(&[], &[affine.zero]));
        Ok((scale, zero, affine))
    }

    /// Makes sure that a tensor exists in int8, and gives that one's name.
    fn need_narrow(&mut self, tensor: &str) -> Result<String, CompressError> {
        let narrow = format!("{tensor}.q");
        if self.narrow.insert(tensor.to_string()) {
            let (scale, zero, _) = self.affine(tensor)?;
            self.node(
                "QuantizeLinear",
                format!("{tensor}/QuantizeLinear"),
                &[tensor, &scale, &zero],
                &narrow,
            );
        }
        Ok(narrow)
    }

    /// Makes sure that a tensor exists in float under its own name.
    fn need_float(&mut self, tensor: &str) {
        if self.only_narrow.remove(tensor) {
            let [narrow, scale, zero] =
                ["q", "scale", "zero"].map(|part| format!("{tensor}.{part}"));
            self.node(
                "DequantizeLinear",
                format!("{tensor}/DequantizeLinear"),
                &[&narrow, &scale, &zero],
                tensor,
            );
        }
    }

    /// Writes the Relu behind a convolution that stays in float as a maximum. ONNX Runtime takes
    /// "dequantize, convolve, Relu, quantize" for a layer that was meant to be int8 and quantizes
    /// its float weights, which changed the class of 1 % of the keyword samples.
    fn relu_as_max(&mut self, node: &Node) {
        let zero = self.constant("paring.zero".into(), Weights::f32(&[], &[0.0]));
        self.node("Max", node.name.clone(), &[&node.input[0], &zero], &node.output[0]);
    }

    fn convolution(&mut self, node: &Node, layer: &Layer) -> Result<(), CompressError> {
        let x = self.need_narrow(&node.input[0])?;
        let (x_scale, x_zero, x_affine) = self.affine(&node.input[0])?;
        let (y_scale, y_zero, _) = self.affine(&layer.output)?;
        let dims: &[usize] = if layer.scales.len() == 1 { &[] } else { &[layer.scales.len()] };
        let base = &layer.output;
        let w = self.constant(format!("{base}.weight.q"), layer.weights.clone());
        let w_scale =
            self.constant(format!("{base}.weight.scale"), Weights::f32(dims, &layer.scales));
        let zeros = vec![0; layer.scales.len()];
        let w_zero = self.constant(format!("{base}.weight.zero"), Weights::i8(dims, &zeros));
        let mut inputs = vec![x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero];
        if let Some(bias) = &layer.bias {
            let bias = bias_i32(bias, &layer.scales, x_affine.scale);
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
    fn product(&mut self, node: &Node, layer: &Layer) -> Result<(), CompressError> {
        let x = self.need_narrow(&node.input[0])?;
        let (_, x_zero, x_affine) = self.affine(&node.input[0])?;
        let base = &layer.output;
        let w = self.constant(format!("{base}.weight.q"), layer.weights.clone());
        let w_zero = self.constant(format!("{base}.weight.zero"), Weights::i8(&[], &[0]));
        let mut sum = format!("{base}.sum");
        self.node("MatMulInteger", node.name.clone(), &[&x, &w, &x_zero, &w_zero], &sum);
        if let Some(bias) = &layer.bias {
            let bias = bias_i32(bias, &layer.scales, x_affine.scale);
            let bias = self.constant(format!("{base}.bias.q"), bias);
            let biased = format!("{base}.biased");
            self.node("Add", format!("{}/bias", node.name), &[&sum, &bias], &biased);
            sum = biased;
        }
        let wide = format!("{base}.wide");
        self.node("Cast", format!("{}/cast", node.name), &[&sum], &wide);
        if let Some(cast) = self.nodes.last_mut() {
            graph::set_int(cast, "to", i64::from(ElementType::F32.0));
        }
        let dims: &[usize] = if layer.scales.len() == 1 { &[] } else { &[layer.scales.len()] };
        let factors: Vec<f32> = layer.scales.iter().map(|s| s * x_affine.scale).collect();
        let factor = self.constant(format!("{base}.factor"), Weights::f32(dims, &factors));
        self.node("Mul", format!("{}/scale", node.name), &[&wide, &factor], base);
        Ok(())
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
