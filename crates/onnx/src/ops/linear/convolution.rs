//! Convolutions: Conv, FusedConv, ConvTranspose, ConvInteger, QLinearConv.
//!
//! Their values in exact arithmetic: `crates/compress/src/conformance/reference/convolution.rs`.
//!
//! Weights are `[outputs, inputs / group, …]`, of ConvTranspose `[inputs, outputs / group, …]`.

use crate::graph::{Graph, Node, TensorFacts, int, ints, set_int};
use crate::ops::axis_rules::AxisRules;
use crate::ops::limits::{AttributeRange, OperatorLimits, ParameterRank, WindowRank};
use crate::ops::operands::{LinearMap, MapForm, ProductOperands};
use crate::ops::parameter_shapes::{StoredDims, UnmetLength, UnmetShape, UnmetShapes};
use crate::ops::width_change::WidthChange;
use paring_core::schema::LayerPrecision;

pub(in crate::ops) fn operands(node: &Node) -> Option<ProductOperands> {
    match node.op_type.as_str() {
        "Conv" | "FusedConv" | "ConvTranspose" => Some(ProductOperands::float(Some(2))),
        "ConvInteger" => Some(ProductOperands::INTEGER),
        "QLinearConv" => Some(ProductOperands::requantized(Some(8))),
        _ => None,
    }
}

/// Multiply-accumulates; `None` beyond what a count holds.
pub(in crate::ops) fn multiply_accumulates(
    node: &Node,
    data: &[usize],
    weights: &[usize],
    output: u64,
) -> Option<u64> {
    let kernel = elements(weights.get(1..)?)?;
    match node.op_type.as_str() {
        // Every input element meets all kernels of its group.
        "ConvTranspose" => elements(data)?.checked_mul(kernel),
        _ => output.checked_mul(kernel),
    }
}

fn elements(dims: &[usize]) -> Option<u64> {
    dims.iter().try_fold(1, |all: u64, size| all.checked_mul(*size as u64))
}

/// The axis of the tensor in `slot` that is summed over.
pub(in crate::ops) fn summed_axis(facts: &TensorFacts, node: &Node, slot: usize) -> Option<usize> {
    if node.op_type == "ConvTranspose" {
        return (slot == 0).then_some(1);
    }
    let channels = *facts.shapes.get(node.input.first()?)?.get(1)?;
    let depthwise = channels > 1 && int(node, "group").unwrap_or(1) == channels as i64;
    (slot == 0 && !depthwise).then_some(1)
}

/// Slot of the weights, and their axis that counts outputs.
pub(in crate::ops) fn output_axis(node: &Node) -> Option<(usize, usize)> {
    let axis = usize::from(node.op_type == "ConvTranspose");
    operands(node).map(|operands| (operands.weights, axis))
}

/// The linear map that float weights of these dimensions are; `None` of those that go channel by
/// channel.
pub(in crate::ops) fn linear_map(node: &Node, dims: &[usize]) -> Option<LinearMap> {
    let group = int(node, "group").unwrap_or(1);
    match node.op_type.as_str() {
        "Conv" if group <= 1 || dims.get(1) != Some(&1) => Some(LinearMap {
            form: MapForm::Patches,
            input_axis: 1,
            output_axis: 0,
            bias_slot: Some(2),
        }),
        "ConvTranspose" if group <= 1 && dims.len() > 2 => Some(LinearMap {
            form: MapForm::Pixels,
            input_axis: 0,
            output_axis: 1,
            bias_slot: None,
        }),
        _ => None,
    }
}

/// The reason why a convolution with float weights of these dimensions cannot have a precision, if there
/// is one.
pub(in crate::ops) fn quantizability(
    node: &Node,
    dims: &[usize],
    scheme: LayerPrecision,
    depthwise: bool,
) -> Result<(), &'static str> {
    let integer = matches!(scheme, LayerPrecision::Static(_) | LayerPrecision::Dynamic(_));
    if node.op_type == "ConvTranspose" {
        return Err("transposed convolutions have no integer kernel");
    }
    if scheme == LayerPrecision::Weights4 {
        return Err("four-bit weights exist for matrix products alone");
    }
    if dims.len() < 3 {
        return Err("its weights have no places");
    }
    if integer && int(node, "group").unwrap_or(1) > 1 && dims[1] == 1 && !depthwise {
        return Err("the engine has no integer kernel for depthwise convolutions; float is faster");
    }
    Ok(())
}

/// Depthwise convolutions have a group for each channel.
pub(in crate::ops) fn adapt(change: &WidthChange, graph: &mut Graph, position: usize, node: &Node) {
    if node.op_type == "ConvTranspose" {
        return;
    }
    let group = int(node, "group").unwrap_or(1);
    let (Some(x), true) = (node.input.first(), group > 1) else { return };
    let channels = change.facts.shapes.get(x).and_then(|s| s.get(1)).copied().unwrap_or(0);
    if let (true, Some(node)) = (channels as i64 == group, graph.node_mut(position)) {
        set_int(node, "group", group - change.gone(x, 1).len() as i64);
    }
}

pub(in crate::ops) fn axes(rules: &mut AxisRules) {
    match rules.node.op_type.as_str() {
        "Conv" => convolution(rules, 1, Some(2)),
        "FusedConv" => fused(rules),
        "ConvInteger" => integer(rules, (1, None), &[3]),
        "QLinearConv" => integer(rules, (3, Some(8)), &[4, 5]),
        "ConvTranspose" => transposed(rules),
        _ => rules.pin_without_rule(),
    }
}

fn pin_spatial<'a>(rules: &mut AxisRules<'a>, tensor: &'a str) {
    let reason = format!("node `{}` slides over it", rules.node.name);
    rules.pin_axes(tensor, 2..rules.rank(tensor), &reason);
}

/// `weights` and `bias` are the slots of both.
fn convolution(rules: &mut AxisRules, weights: usize, bias: Option<usize>) {
    let node = rules.node;
    let (Some(x), Some(w)) = (node.input.first(), node.input.get(weights)) else { return };
    let y = &node.output[0];
    let group = int(node, "group").unwrap_or(1).max(1) as usize;
    let (Some(xs), Some(ws)) = (rules.shape(x), rules.shape(w)) else {
        return rules.pin_unknown("a shape");
    };
    let (&[_, inputs, ..], &[outputs, each, ..]) = (xs, ws) else {
        return rules.pin_unknown("the number of channels");
    };
    rules.tie((x, 0), (y, 0));
    [x, w, y].into_iter().for_each(|tensor| pin_spatial(rules, tensor));
    let bias = bias.and_then(|slot| node.input.get(slot)).filter(|b| !b.is_empty());
    if let Some(bias) = bias {
        rules.tie((bias, 0), (w, 0));
    }
    rules.tie((w, 0), (y, 1));
    if group == 1 {
        return rules.tie((x, 1), (w, 1));
    }
    if each * group != inputs || outputs % group != 0 {
        return rules.pin_unknown("the size of the groups");
    }
    if each == 1 {
        rules.pin_axis(w, 1, "a depthwise filter has one input channel");
        let multiplier = outputs / group;
        (0..outputs).for_each(|out| rules.tie_entry((x, 1, out / multiplier), (w, 0, out)));
        return;
    }
    // The same number from every group: the first of each, the second of each …
    (0..inputs).for_each(|i| rules.tie_entry((x, 1, i), (w, 1, i % each)));
    let of_group = outputs / group;
    (of_group..outputs).for_each(|out| rules.tie_entry((w, 0, out), (w, 0, out % of_group)));
}

/// Convolutions of integers; `vectors` are the slots of scales and zero points that may have an entry
/// an output.
fn integer(rules: &mut AxisRules, (weights, bias): (usize, Option<usize>), vectors: &[usize]) {
    convolution(rules, weights, bias);
    let node = rules.node;
    let Some(w) = node.input.get(weights) else { return };
    for vector in vectors.iter().filter_map(|slot| node.input.get(*slot)) {
        if rules.shape(vector).is_some_and(|s| s.len() == 1 && s[0] > 1) {
            rules.tie((vector, 0), (w, 0));
        }
    }
}

/// ONNX Runtime's convolution with an activation, and a fourth input that is added to the sums.
fn fused(rules: &mut AxisRules) {
    convolution(rules, 1, Some(2));
    let node = rules.node;
    let (Some(y), Some(z)) = (node.output.first(), node.input.get(3)) else { return };
    (0..rules.rank(z)).for_each(|axis| rules.tie((z, axis), (y, axis)));
}

fn transposed(rules: &mut AxisRules) {
    let node = rules.node;
    let [x, w, ..] = node.input.as_slice() else { return };
    let y = &node.output[0];
    rules.tie((x, 0), (y, 0));
    [x, w, y].into_iter().for_each(|tensor| pin_spatial(rules, tensor));
    let grouped = int(node, "group").unwrap_or(1) > 1;
    if grouped {
        let reason = format!("node `{}` is a grouped transposed convolution", node.name);
        [(x, 1), (y, 1), (w, 0), (w, 1)]
            .into_iter()
            .for_each(|(tensor, axis)| rules.pin_axis(tensor, axis, &reason));
    }
    if let Some(bias) = node.input.get(2).filter(|b| !b.is_empty()) {
        rules.tie((bias, 0), (y, 1));
    }
    if !grouped {
        rules.tie((x, 1), (w, 0));
        rules.tie((w, 1), (y, 1));
    }
}

const GROUP: &[AttributeRange] = &[AttributeRange::positive("group")];

pub(in crate::ops) fn limits(op_type: &str) -> OperatorLimits {
    let window = OperatorLimits {
        attribute_ranges: GROUP,
        windowed: true,
        window_rank: WindowRank::Weights,
        ..OperatorLimits::SAME_RANK.computing()
    };
    match op_type {
        "Conv" | "ConvTranspose" => OperatorLimits {
            parameter_ranks: const {
                &[ParameterRank::new(1, "W", 3, usize::MAX), ParameterRank::new(2, "B", 1, 1)]
            },
            ..window
        },
        "ConvInteger" => OperatorLimits {
            parameter_ranks: const { &[ParameterRank::new(1, "w", 3, usize::MAX)] },
            ..window
        },
        "QLinearConv" => OperatorLimits {
            parameter_ranks: const {
                &[
                    ParameterRank::new(3, "w", 3, usize::MAX),
                    ParameterRank::new(4, "w_scale", 0, 1),
                    ParameterRank::new(5, "w_zero_point", 0, 1),
                    ParameterRank::new(8, "B", 1, 1),
                ]
            },
            window_rank: WindowRank::Nothing,
            ..window
        },
        _ => OperatorLimits::NONE,
    }
}

/// Weights against window attributes, groups and bias.
pub(in crate::ops) fn unmet_shapes<'a>(node: &Node, dims: StoredDims<'a, '_>) -> UnmetShapes<'a> {
    let mut unmet = UnmetShapes::default();
    if !["Conv", "ConvTranspose"].contains(&node.op_type.as_str()) {
        return unmet;
    }
    let Some(weights) = dims(1) else { return unmet };
    let [first, second, spatial @ ..] = weights else { return unmet };
    for (attribute, each) in [("kernel_shape", 1), ("strides", 1), ("dilations", 1), ("pads", 2)] {
        let Some(found) = ints(node, attribute).map(|list| list.len()) else { continue };
        let expected = each * spatial.len();
        if found != expected && found > 0 {
            unmet.lengths.push(UnmetLength { attribute, found, expected });
        }
    }
    let mut weights_must = |expected: String| {
        unmet.shapes.push(UnmetShape { slot: 1, parameter: "W", dims: weights, expected });
    };
    if let Some(kernel) = ints(node, "kernel_shape")
        && kernel.len() == spatial.len()
        && kernel != spatial
    {
        weights_must(format!("end with `kernel_shape` {kernel:?}"));
    }
    let group = int(node, "group").unwrap_or(1);
    if group < 1 || first % group != 0 {
        weights_must(format!("begin with a multiple of `group` {group}"));
    }
    let transposed = node.op_type == "ConvTranspose";
    let channels = if transposed { second.checked_mul(group) } else { Some(*first) };
    if let (Some(dims @ [bias]), Some(channels)) = (dims(2), channels)
        && *bias != channels
    {
        let expected = format!("have one value for each of {channels} output channels");
        unmet.shapes.push(UnmetShape { slot: 2, parameter: "B", dims, expected });
    }
    unmet
}
