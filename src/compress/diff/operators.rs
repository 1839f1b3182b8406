//! A graph as its operators with weights: what they compute, which feeds which, and their weights as
//! floats, however they are stored.

use crate::graph::{self, ElementType, Graph, Index, Node};
use std::collections::{BTreeMap, BTreeSet};

/// What an operator does, beside how wide it is. A 1x1 convolution is a product.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Form {
    pub(super) kernel: Vec<usize>,
    pub(super) strides: Vec<i64>,
    pub(super) depthwise: bool,
    pub(super) transposed: bool,
}

/// An operator with weights.
#[derive(Clone, Debug)]
pub(super) struct Operator {
    pub(super) layer: String,
    pub(super) form: Form,
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
    /// Whether the values are in the units of the baseline's.
    pub(super) scaled: bool,
    /// Largest distance of two neighbouring values that can be stored, 0 for floats.
    pub(super) steps: Vec<f32>,
    /// Operators with weights that it reads of, through others without.
    pub(super) before: BTreeSet<usize>,
}

impl Operator {
    /// Entries that the initializer has along one of its two axes.
    pub(super) fn stored_length(&self, axis: usize) -> usize {
        if axis == self.output_axis { self.dims[0] } else { self.dims[1] }
    }
}

/// All operators with weights, in the graph's order.
pub(super) fn operators(graph: &Graph) -> Vec<Operator> {
    let index = Index::new(graph);
    let mut nearest: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    let mut found: Vec<Operator> = Vec::new();
    for (node, layer) in graph.nodes().iter().zip(graph::layer_names(graph)) {
        let of = |t: &String| nearest.get(t.as_str()).into_iter().flatten().copied();
        let before: BTreeSet<usize> = node.input.iter().flat_map(of).collect();
        let gives = match operator(graph, &index, &layer, node) {
            Some(operator) => {
                found.push(Operator { before, ..operator });
                BTreeSet::from([found.len() - 1])
            }
            None => before,
        };
        nearest.extend(node.output.iter().map(|o| (o.as_str(), gives.clone())));
    }
    found
}

/// Weights as floats, and how they are stored.
struct Stored {
    name: String,
    /// For each axis as the operator sees it, the axis of the initializer.
    axes: Vec<usize>,
    dims: Vec<usize>,
    values: Vec<f32>,
    precision: String,
    scaled: bool,
    /// One for all or one for each entry of axis `.1`.
    steps: (Vec<f32>, usize),
}

fn operator(graph: &Graph, index: &Index, layer: &str, node: &Node) -> Option<Operator> {
    let quantized = |slot: usize| -> Option<Stored> {
        let plain = stored(graph, index, node.input.get(slot)?)?;
        dequantized(graph, plain, node.input.get(slot + 1), node.input.get(slot + 2), Some(0))
    };
    let weights = match node.op_type.as_str() {
        "Conv" | "ConvTranspose" | "Gemm" | "MatMul" | "ConvInteger" | "MatMulInteger" => {
            stored(graph, index, node.input.get(1)?)?
        }
        "QLinearConv" | "QLinearMatMul" => quantized(3)?,
        _ => return None,
    };
    let group = graph::int(node, "group").unwrap_or(1);
    let product =
        ["Gemm", "MatMul", "MatMulInteger", "QLinearMatMul"].contains(&node.op_type.as_str());
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
        true => Form { kernel: vec![], strides: vec![], depthwise, transposed: false },
        false => Form { kernel, strides, depthwise, transposed },
    };
    Some(Operator {
        layer: layer.to_string(),
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
        before: BTreeSet::new(),
    })
}

/// The weights behind a tensor.
fn stored(graph: &Graph, index: &Index, tensor: &str) -> Option<Stored> {
    if let Some(dims) = graph.dims(tensor) {
        let weights = graph.weights(tensor).ok()?;
        let values = weights.numbers()?;
        return Some(Stored {
            name: tensor.to_string(),
            axes: (0..dims.len()).collect(),
            dims,
            values,
            precision: weights.element.name().to_string(),
            scaled: weights.element == ElementType::F32 || weights.element.0 == 10,
            steps: (vec![0.0], 0),
        });
    }
    let node = &graph.nodes()[index.producer(tensor)?];
    let inner = stored(graph, index, node.input.first()?)?;
    match node.op_type.as_str() {
        "Identity" | "Cast" => Some(inner),
        "DequantizeLinear" => {
            let axis = graph::int(node, "axis").unwrap_or(1);
            let axis = if axis < 0 { axis + inner.dims.len() as i64 } else { axis };
            dequantized(
                graph,
                inner,
                node.input.get(1),
                node.input.get(2),
                usize::try_from(axis).ok(),
            )
        }
        "Transpose" => {
            let rank = inner.dims.len();
            let order =
                graph::ints(node, "perm").unwrap_or_else(|| (0..rank as i64).rev().collect());
            transposed(inner, &order.iter().map(|a| *a as usize).collect::<Vec<_>>())
        }
        _ => None,
    }
}

fn transposed(inner: Stored, order: &[usize]) -> Option<Stored> {
    if order.len() != inner.dims.len() || order.iter().any(|a| *a >= inner.dims.len()) {
        return None;
    }
    let array = ndarray::ArrayD::from_shape_vec(inner.dims.clone(), inner.values).ok()?;
    let turned = array.permuted_axes(order.to_vec());
    let axis = order.iter().position(|a| *a == inner.steps.1).unwrap_or(0);
    Some(Stored {
        axes: order.iter().map(|a| inner.axes[*a]).collect(),
        dims: turned.shape().to_vec(),
        values: turned.iter().copied().collect(),
        steps: (inner.steps.0, axis),
        ..inner
    })
}

/// Integers times their scale, per tensor or along `axis`.
fn dequantized(
    graph: &Graph,
    plain: Stored,
    scale: Option<&String>,
    zero: Option<&String>,
    axis: Option<usize>,
) -> Option<Stored> {
    let scales = graph.weights(scale?).ok()?.to_f32()?;
    let zeros = match zero.filter(|z| !z.is_empty()) {
        Some(zero) => graph.weights(zero).ok()?.numbers()?,
        None => vec![0.0],
    };
    let axis = axis.filter(|a| *a < plain.dims.len())?;
    let inner: usize = plain.dims[axis + 1..].iter().product();
    let width = plain.dims[axis];
    let pick = |all: &[f32], at: usize| all[if all.len() == 1 { 0 } else { at / inner % width }];
    if [scales.len(), zeros.len()].iter().any(|n| *n != 1 && *n != width) {
        return None;
    }
    let values = plain.values.iter().enumerate();
    let values = values.map(|(at, v)| (v - pick(&zeros, at)) * pick(&scales, at)).collect();
    let per = if scales.len() > 1 { "channel" } else { "tensor" };
    let precision = format!("{} per {per}", plain.precision);
    Some(Stored { values, precision, scaled: true, steps: (scales, axis), ..plain })
}
