//! QuantizeLinear and DequantizeLinear: scale and zero point of all values, or along one axis.
//!
//! Their values in exact arithmetic: `crates/compress/src/conformance/reference/evaluate.rs`.

use crate::graph::{Node, int};
use crate::ops::axis_rules::AxisRules;
use crate::ops::limits::{AttributeRange, MOST_SPATIAL, OperatorLimits};
use crate::ops::parameter_shapes::{StoredDims, UnmetShape, UnmetShapes};

pub(in crate::ops) fn axes(rules: &mut AxisRules) {
    match rules.node.op_type.as_str() {
        "QuantizeLinear" | "DequantizeLinear" => scaled(rules),
        _ => rules.pin_without_rule(),
    }
}

fn scaled(rules: &mut AxisRules) {
    let node = rules.node;
    rules.tie_same_shape();
    let Some(x) = node.input.first() else { return };
    let Some(axis) = rules.axis(1, rules.rank(x)) else { return };
    for parameter in node.input.iter().skip(1).filter(|i| !i.is_empty()) {
        match rules.shape(parameter) {
            Some([length]) if *length != 1 => rules.tie((parameter, 0), (x, axis)),
            Some([_, _, ..]) => rules.pin_unknown("the rule for blocks of scales"),
            _ => {}
        }
    }
}

pub(in crate::ops) fn limits(op_type: &str) -> OperatorLimits {
    const BLOCK: AttributeRange =
        AttributeRange { name: "block_size", least: 0, most: MOST_SPATIAL };
    match op_type {
        "DynamicQuantizeLinear" => OperatorLimits::SAME_RANK,
        _ => OperatorLimits { attribute_ranges: &[BLOCK], ..OperatorLimits::SAME_RANK.computing() },
    }
}

/// Scale and zero point: of one shape; a scalar, a vector along `axis`, or from version 21 blocks.
pub(in crate::ops) fn unmet_shapes<'a>(
    node: &Node,
    since: i64,
    dims: StoredDims<'a, '_>,
) -> UnmetShapes<'a> {
    let mut unmet = UnmetShapes::default();
    if node.op_type == "DynamicQuantizeLinear" {
        return unmet;
    }
    let scale = dims(1);
    if let (Some(scale), Some(dims)) = (scale, dims(2))
        && scale != dims
        && !(is_single(scale) && is_single(dims))
    {
        let expected = format!("have the shape {scale:?} of the scale");
        unmet.shapes.push(UnmetShape { slot: 2, parameter: "zero point", dims, expected });
    }
    let Some(scale) = scale else { return unmet };
    let blocks = since >= 21 && int(node, "block_size").unwrap_or(0) != 0;
    let expected = match scale {
        [] => None,
        [_, _, ..] if since < 21 => Some("have at most 1 dimension".into()),
        [_] if is_single(scale) => None,
        [size] if since >= 13 && !blocks => {
            dims(0).and_then(|values| unmet_length(node, *size, values))
        }
        _ => None,
    };
    let of_scale = |expected| UnmetShape { slot: 1, parameter: "scale", dims: scale, expected };
    unmet.shapes.extend(expected.map(of_scale));
    unmet
}

/// The requirement that a scale of `size` values does not meet along the axis of `values`.
fn unmet_length(node: &Node, size: i64, values: &[i64]) -> Option<String> {
    let axis = int(node, "axis").unwrap_or(1);
    let rank = values.len() as i64;
    let place = usize::try_from(if axis < 0 { axis + rank } else { axis });
    match place.ok().and_then(|place| values.get(place)) {
        Some(channels) if *channels == size => None,
        Some(channels) => {
            Some(format!("have one value for each of the {channels} slices of axis {axis}"))
        }
        None => Some(format!("belong to an axis of its values, which have {rank}")),
    }
}

/// True of the shape of one value.
fn is_single(dims: &[i64]) -> bool {
    dims.iter().all(|size| *size == 1)
}
