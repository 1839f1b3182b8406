//! Static int8: which layers, with which scales.
//!
//! Convolutions become QLinearConv and matrix products with weights MatMulInteger, the forms that
//! the engine runs on integer kernels. Weights are symmetric, activations asymmetric with an exact
//! zero, so that a Relu behind a convolution is the saturation of its output.

use super::emit::emit;
use super::fold::fold_batch_normalization;
use super::{CompressError, Draft, Granularity, Made, Paring};
use crate::catalog::{Calibration, Range};
use crate::graph::{self, Graph, Index, Node, Weights};
use crate::record::{Origins, Precision};
use std::collections::{BTreeMap, BTreeSet};

/// A layer that will run in integers.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) name: String,
    /// Position of the node.
    pub(super) position: usize,
    /// The tensor it gives: behind the Relu where that is folded.
    pub(super) output: String,
    /// Position of a Relu that its output's saturation replaces.
    pub(super) relu: Option<usize>,
    /// Weights in int8, `[outputs, …]` for convolutions, `[inputs, outputs]` for products.
    pub(super) weights: Weights,
    /// One scale, or one an output.
    pub(super) scales: Vec<f32>,
    /// Bias in float, one an output.
    pub(super) bias: Option<Vec<f32>>,
}

/// Scale and zero point of an activation in int8.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Affine {
    pub(super) scale: f32,
    pub(super) zero: i8,
}

impl Affine {
    /// Covers the range and zero: q = round(x / scale) + zero.
    pub(super) fn covering(range: Range) -> Affine {
        let (low, high) = (f64::from(range.low.min(0.0)), f64::from(range.high.max(0.0)));
        // A tensor that is always 0 has no scale of its own; any will do.
        let scale = if high > low { (high - low) / 255.0 } else { 1.0 };
        let zero = (-128.0 - low / scale).round().clamp(-128.0, 127.0);
        Affine { scale: scale as f32, zero: zero as i8 }
    }
}

/// Turns every convolution and matrix product that has weights into integers.
///
/// # Errors
/// [`CompressError`] where there is no such layer, no calibration sample, or a tensor is not finite.
pub fn quantize_int8(
    mut graph: Graph,
    origins: Origins,
    calibration: &Calibration,
    granularity: Granularity,
) -> Result<Made, CompressError> {
    if calibration.samples() == 0 {
        return Err(CompressError::NoCalibration("static int8"));
    }
    graph.require_opset(10, "QLinearConv")?;
    let mut decisions = fold_batch_normalization(&mut graph)?;
    let (layers, refusals) = layers(&graph, granularity);
    if layers.is_empty() {
        let reasons: Vec<String> = refusals.iter().map(|(l, r)| format!("`{l}`: {r}")).collect();
        let none = "it has no convolution and no matrix product".to_string();
        let why = if reasons.is_empty() { none } else { reasons.join("; ") };
        return Err(CompressError::Nothing("quantize", why));
    }
    let tensors: BTreeSet<String> = layers
        .iter()
        .flat_map(|layer| [graph.nodes()[layer.position].input[0].clone(), layer.output.clone()])
        .collect();
    let tensors: Vec<String> = tensors.into_iter().collect();
    let ranges = calibration.ranges(&graph, &tensors)?;
    let affines: BTreeMap<String, Affine> =
        ranges.into_iter().map(|(tensor, range)| (tensor, Affine::covering(range))).collect();
    decisions.extend(layers.iter().map(|layer| draft(&graph, layer, &affines, calibration)));
    emit(&mut graph, &layers, &affines)?;
    Ok(Made { graph, origins, decisions, refusals })
}

/// Layers that can run in integers, and those that cannot, with the reason.
fn layers(graph: &Graph, granularity: Granularity) -> (Vec<Layer>, Vec<(String, String)>) {
    let index = Index::new(graph);
    let (mut layers, mut refusals) = (Vec::new(), Vec::new());
    for (position, node) in graph.nodes().iter().enumerate() {
        if !["Conv", "ConvTranspose", "Gemm", "MatMul"].contains(&node.op_type.as_str()) {
            continue;
        }
        match layer(graph, &index, position, node, granularity) {
            Ok(layer) => layers.push(layer),
            Err(reason) => refusals.push((graph::layer_name(node, position), reason)),
        }
    }
    (layers, refusals)
}

fn layer(
    graph: &Graph,
    index: &Index,
    position: usize,
    node: &Node,
    granularity: Granularity,
) -> Result<Layer, String> {
    let floats = |name: &String| {
        let weights =
            graph.weights(name).map_err(|_| format!("`{name}` is computed, not stored"))?;
        let values = weights.to_f32();
        values.map(|v| (weights.dims, v)).ok_or_else(|| format!("`{name}` is not made of f32"))
    };
    let (dims, values) = floats(&node.input[1])?;
    let name = graph::layer_name(node, position);
    let output = node.output[0].clone();
    let bias = node.input.get(2).filter(|b| !b.is_empty()).map(floats).transpose()?;
    if node.op_type == "Conv"
        && graph::int(node, "group").unwrap_or(1) > 1
        && dims.get(1) == Some(&1)
    {
        return Err(
            "the engine has no integer kernel for depthwise convolutions; float is faster".into()
        );
    }
    if node.op_type == "Conv" {
        let per = if granularity == Granularity::Channel { dims[0] } else { 1 };
        let (weights, scales) = symmetric(&dims, &values, per);
        let relu = following_relu(graph, index, &output);
        let output = relu.map_or(output, |relu| graph.nodes()[relu].output[0].clone());
        return Ok(Layer {
            name,
            position,
            output,
            relu,
            weights,
            scales,
            bias: bias.map(|b| b.1),
        });
    }
    let flat = bias.as_ref().is_none_or(|(dims, b)| b.len() == *dims.last().unwrap_or(&0));
    check_product(node, &dims, flat)?;
    let turned = graph::int(node, "transB").unwrap_or(0) != 0;
    let (dims, values) = if turned { transposed(&dims, &values) } else { (dims, values) };
    let (weights, scales) = if granularity == Granularity::Channel {
        columns(&dims, &values)
    } else {
        symmetric(&dims, &values, 1)
    };
    Ok(Layer { name, position, output, relu: None, weights, scales, bias: bias.map(|b| b.1) })
}

/// Why a product with weights of these dimensions cannot run in integers, if so; `flat` says whether
/// its bias is one value an output.
fn check_product(node: &Node, dims: &[usize], flat: bool) -> Result<(), String> {
    let plain = |attribute| graph::int(node, attribute).unwrap_or(0) == 0;
    let unit = |attribute| graph::float(node, attribute).unwrap_or(1.0) == 1.0;
    match node.op_type.as_str() {
        "ConvTranspose" => Err("transposed convolutions have no integer kernel".into()),
        "MatMul" if dims.len() != 2 => Err("its weights are not a matrix".into()),
        "Gemm" if !plain("transA") || !unit("alpha") || !unit("beta") => {
            Err("it transposes its input or scales its terms".into())
        }
        "Gemm" if !flat => Err("its bias is not one value an output".into()),
        _ => Ok(()),
    }
}

/// Position of a Relu that alone reads `tensor`.
fn following_relu(graph: &Graph, index: &Index, tensor: &str) -> Option<usize> {
    let [(only, _)] = index.consumers(tensor) else { return None };
    let relu = graph.nodes()[*only].op_type == "Relu" && !graph.outputs().contains(&tensor);
    relu.then_some(*only)
}

/// int8 weights with a scale for each of `parts` equal parts: q = round(w / scale), |q| ≤ 127.
fn symmetric(dims: &[usize], values: &[f32], parts: usize) -> (Weights, Vec<f32>) {
    let each = (values.len() / parts.max(1)).max(1);
    let scales: Vec<f32> = values.chunks(each).map(scale_of).collect();
    let quantized: Vec<i8> =
        values.iter().enumerate().map(|(i, v)| narrow(*v, scales[i / each])).collect();
    (Weights::i8(dims, &quantized), scales)
}

/// [`symmetric`] with a scale for each column of a matrix.
fn columns(dims: &[usize], values: &[f32]) -> (Weights, Vec<f32>) {
    let width = dims[1].max(1);
    let column = |c: usize| values.iter().skip(c).step_by(width).copied().collect::<Vec<f32>>();
    let scales: Vec<f32> = (0..width).map(|c| scale_of(&column(c))).collect();
    let quantized: Vec<i8> =
        values.iter().enumerate().map(|(i, v)| narrow(*v, scales[i % width])).collect();
    (Weights::i8(dims, &quantized), scales)
}

fn scale_of(values: &[f32]) -> f32 {
    let largest = values.iter().fold(0.0f32, |most, v| most.max(v.abs()));
    if largest > 0.0 { largest / 127.0 } else { 1.0 }
}

fn narrow(value: f32, scale: f32) -> i8 {
    (value / scale).round().clamp(-127.0, 127.0) as i8
}

fn transposed(dims: &[usize], values: &[f32]) -> (Vec<usize>, Vec<f32>) {
    let (rows, width) = (dims[0], dims[1]);
    let at = |i: usize| values[(i % rows) * width + i / rows];
    (vec![width, rows], (0..values.len()).map(at).collect())
}

fn draft(
    graph: &Graph,
    layer: &Layer,
    affines: &BTreeMap<String, Affine>,
    calibration: &Calibration,
) -> Draft {
    let node = &graph.nodes()[layer.position];
    let stored = node.input[1..].iter().filter(|name| !name.is_empty());
    let originals = stored.filter_map(|name| Some((name.clone(), graph.weights(name).ok()?)));
    let format = |tensor: &String| {
        affines
            .get(tensor)
            .map_or("no samples".into(), |a| format!("scale {:e}, zero point {}", a.scale, a.zero))
    };
    let input = format(&node.input[0]);
    let output = match node.op_type.as_str() {
        "Conv" => format(&layer.output),
        _ => "float".to_string(),
    };
    let weights = match layer.scales.as_slice() {
        [one] => format!("per tensor, scale {one:e}"),
        many => format!("per channel, {} scales", many.len()),
    };
    let folded = if layer.relu.is_some() { "; Relu is the output's saturation" } else { "" };
    Draft {
        operation: "quantize int8".into(),
        coupling: layer.name.clone(),
        precision: Some(Precision {
            from: "f32".into(),
            to: "int8".into(),
            scheme: format!("weights symmetric {weights}; input {input}; output {output}{folded}"),
        }),
        criterion: Some("minmax".into()),
        calibration_sha256: Some(calibration.sha256.clone()),
        paring: Paring(originals.collect()),
        reason: format!(
            "every layer with stored weights, ranges from {} samples",
            calibration.samples()
        ),
        ..Draft::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_exact_and_a_relu_saturates_at_it() {
        let relu = Affine::covering(Range { low: 0.0, high: 6.0 });
        assert_eq!(relu.zero, -128);
        let both = Affine::covering(Range { low: -1.0, high: 3.0 });
        assert_eq!(both.zero, -64);
        let positive = Affine::covering(Range { low: 2.0, high: 4.0 });
        assert_eq!((positive.zero, positive.scale), (-128, 4.0 / 255.0));
        assert_eq!(Affine::covering(Range { low: 0.0, high: 0.0 }).scale, 1.0);
    }

    #[test]
    fn columns_are_rows_of_the_transposed() {
        let (dims, values) = ([2, 3], [1.0, -20.0, 3.0, 4.0, 5.0, -300.0]);
        let (by_column, scales) = columns(&dims, &values);
        let (flipped_dims, flipped) = transposed(&dims, &values);
        let (by_row, same) = symmetric(&flipped_dims, &flipped, 3);
        assert_eq!(scales, same);
        assert_eq!(by_column.bytes[1], by_row.bytes[2]);
    }
}
