//! A graph as its operators with weights: what they compute, which feeds which, and their weights as
//! floats, however they are stored.

use super::stored::{blocks, stored};
use paring_onnx::graph::{self, Graph, GraphIndex, Node};

/// The kind of a weighted operator, beside its width. A 1x1 convolution is a product.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct OperatorForm {
    pub(super) kernel: Vec<usize>,
    pub(super) strides: Vec<i64>,
    pub(super) depthwise: bool,
    pub(super) transposed: bool,
}

/// An operator with weights.
#[derive(Clone, Debug)]
pub(super) struct WeightedOperator {
    pub(super) layer: String,
    /// Its node.
    pub(super) position: usize,
    pub(super) form: OperatorForm,
    /// The tensor it gives, and which of its axes counts channels: 1, or the last.
    pub(super) output: String,
    pub(super) channels_last: bool,
    /// The initializer, and its axes that count outputs and inputs.
    pub(super) weights: String,
    pub(super) output_axis: usize,
    pub(super) input_axis: usize,
    /// `f32`, or `int8 per channel`.
    pub(super) precision: String,
    /// Outputs, inputs, places of the kernel.
    pub(super) dims: [usize; 3],
    /// In that order.
    pub(super) values: Vec<f32>,
    /// The values are in the units of the baseline's.
    pub(super) scaled: bool,
    /// Largest distance of two neighbouring values that can be stored, 0 for floats.
    pub(super) steps: Vec<f32>,
}

impl WeightedOperator {
    /// Entries that the initializer has along one of its two axes.
    pub(super) fn stored_length(&self, axis: usize) -> usize {
        if axis == self.output_axis { self.dims[0] } else { self.dims[1] }
    }
}

/// All operators with weights, in the graph's order.
pub(super) fn operators(graph: &Graph) -> Vec<WeightedOperator> {
    let index = GraphIndex::new(graph);
    let nodes = graph.nodes().iter().enumerate().zip(graph::layer_names(graph));
    nodes
        .filter_map(|((position, node), layer)| operator(graph, &index, position, &layer, node))
        .collect()
}

fn operator(
    graph: &Graph,
    index: &GraphIndex,
    position: usize,
    layer: &str,
    node: &Node,
) -> Option<WeightedOperator> {
    let weights = match node.op_type.as_str() {
        "Conv" | "ConvTranspose" | "Gemm" | "MatMul" | "ConvInteger" | "MatMulInteger" => {
            stored(graph, index, node.input.get(1)?)?
        }
        "MatMulNBits" => blocks(graph, node)?,
        _ => return None,
    };
    let group = graph::int(node, "group").unwrap_or(1);
    let product =
        ["Gemm", "MatMul", "MatMulInteger", "MatMulNBits"].contains(&node.op_type.as_str());
    let transposed = node.op_type == "ConvTranspose";
    let turned = (product && graph::int(node, "transB") != Some(1)) || transposed;
    if weights.dims.len() < 2 || (product && weights.dims.len() != 2) {
        return None;
    }
    let (out, inp) = if turned { (1, 0) } else { (0, 1) };
    let kernel: Vec<usize> = weights.dims[2..].to_vec();
    let places: usize = kernel.iter().product();
    let dims = [weights.dims[out], weights.dims[inp], places];
    let values = (0..dims.iter().product()).map(|at: usize| {
        let (o, i, k) = (at / (dims[1] * places), at / places % dims[1], at % places);
        let (a, b) = if turned { (i, o) } else { (o, i) };
        weights.values[(a * weights.dims[1] + b) * places + k]
    });
    let steps = match &weights.steps {
        (steps, axis) if steps.len() == dims[0] && *axis == out => steps.clone(),
        (steps, _) => vec![steps.iter().copied().fold(0.0, f32::max); dims[0]],
    };
    let point = kernel.iter().all(|k| *k == 1);
    let strides = graph::ints(node, "strides").unwrap_or_else(|| vec![1; kernel.len()]);
    let plain = point && strides.iter().all(|s| *s == 1) && group == 1;
    let depthwise = group > 1 && weights.dims[1] == 1;
    let form = match plain {
        true => OperatorForm { kernel: vec![], strides: vec![], depthwise, transposed: false },
        false => OperatorForm { kernel, strides, depthwise, transposed },
    };
    Some(WeightedOperator {
        layer: layer.to_string(),
        position,
        form,
        output: node.output.first()?.clone(),
        channels_last: product,
        output_axis: weights.axes[out],
        input_axis: weights.axes[inp],
        weights: weights.name,
        precision: weights.precision,
        dims,
        values: values.collect(),
        scaled: weights.scaled,
        steps,
    })
}
