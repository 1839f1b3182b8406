//! Normalisations: by stored statistics or over an axis, and ONNX Runtime's fused embedding, which ends
//! in one.

use crate::graph::Node;
use crate::ops::axis_rules::AxisRules;
use crate::ops::limits::{AttributeRange, OperatorLimits, ParameterRank};
use crate::ops::parameter_shapes::{StoredDims, UnmetShape, UnmetShapes};

pub(in crate::ops) fn axes(rules: &mut AxisRules) {
    match rules.node.op_type.as_str() {
        "BatchNormalization" | "InstanceNormalization" => per_channel(rules),
        "LayerNormalization"
        | "RMSNormalization"
        | "SimplifiedLayerNormalization"
        | "SkipLayerNormalization"
        | "SkipSimplifiedLayerNormalization" => over_axis(rules),
        "EmbedLayerNormalization" => embedding(rules),
        _ => rules.pin_without_rule(),
    }
}

/// Parameters with one entry a channel (axis 1).
fn per_channel(rules: &mut AxisRules) {
    let node = rules.node;
    let Some(x) = node.input.first() else { return };
    rules.tie_same_shape();
    for parameter in node.input.iter().skip(1) {
        rules.tie((x, 1), (parameter, 0));
    }
    node.output.iter().skip(1).for_each(|extra| rules.pin(extra, "it is a training output"));
    if node.op_type == "InstanceNormalization" {
        let reason = format!("node `{}` normalises over it", node.name);
        rules.pin_axes(x, 2..rules.rank(x), &reason);
    }
}

/// Removing an entry changes the statistics of the others: possible, but not exact.
fn over_axis(rules: &mut AxisRules) {
    let node = rules.node;
    let Some((x, y)) = rules.ends() else { return };
    let rank = rules.rank(x);
    let Some(first) = rules.axis(-1, rank) else { return rules.pin_unknown("the axis") };
    rules.tie_same_shape();
    for other in node.input.iter().skip(1).filter(|i| !i.is_empty()) {
        let shape = rules.shape(other).unwrap_or_default();
        let lead = rank.saturating_sub(shape.len());
        for (axis, size) in shape.iter().enumerate().filter(|(_, size)| **size != 1) {
            debug_assert!(*size > 1);
            rules.tie((other, axis), (y, axis + lead));
        }
    }
    let skips = node.op_type.starts_with("Skip");
    for (slot, extra) in node.output.iter().enumerate().skip(1).filter(|(_, o)| !o.is_empty()) {
        // The sum of both inputs is as wide as they are; the others are statistics.
        match skips && slot == 3 {
            true => (0..rank).for_each(|axis| rules.tie((extra, axis), (y, axis))),
            false => rules.pin(extra, "it is a statistic"),
        }
    }
    let reason = format!("node `{}` normalises over it: its statistics change", node.name);
    (first..rank).for_each(|axis| rules.lossy(x, axis, &reason));
}

/// ONNX Runtime's fused embedding: three tables, scale, shift.
fn embedding(rules: &mut AxisRules) {
    let node = rules.node;
    let Some(y) = node.output.first() else { return };
    let last = rules.rank(y).saturating_sub(1);
    for (slot, table) in node.input.iter().enumerate().filter(|(_, i)| !i.is_empty()) {
        match slot {
            2..=4 => {
                rules.pin_axis(table, 0, "a table is read by position");
                rules.tie((table, 1), (y, last));
            }
            5 | 6 => rules.tie((table, 0), (y, last)),
            _ => rules.pin(table, "it is an input of an embedding"),
        }
    }
    rules.pin_axes(y, 0..last, "a table is read by position");
    node.output.iter().skip(1).for_each(|extra| rules.pin(extra, "it is a mask"));
    let reason = format!("node `{}` normalises over it: its statistics change", node.name);
    rules.lossy(y, last, &reason);
}

const SCALE: ParameterRank = ParameterRank::new(1, "scale", 1, 1);
const SHIFT: ParameterRank = ParameterRank::new(2, "B", 1, 1);

pub(in crate::ops) fn limits(op_type: &str) -> OperatorLimits {
    let same = OperatorLimits::SAME_RANK;
    match op_type {
        "BatchNormalization" => OperatorLimits {
            parameter_ranks: const {
                &[
                    SCALE,
                    SHIFT,
                    ParameterRank::new(3, "input_mean", 1, 1),
                    ParameterRank::new(4, "input_var", 1, 1),
                ]
            },
            ..same.computing()
        },
        "InstanceNormalization" => {
            OperatorLimits { parameter_ranks: const { &[SCALE, SHIFT] }, ..same.computing() }
        }
        "GroupNormalization" => OperatorLimits {
            attribute_ranges: const { &[AttributeRange::positive("num_groups")] },
            ..same.computing()
        },
        "LayerNormalization" | "RMSNormalization" => same.computing().axis(-1, 0),
        "LpNormalization" => OperatorLimits {
            attribute_ranges: const { &[AttributeRange::positive("p")] },
            ..same.axis(-1, 0)
        },
        "LRN" => OperatorLimits {
            attribute_ranges: const { &[AttributeRange::positive("size")] },
            ..same
        },
        _ => OperatorLimits::NONE,
    }
}

/// Parameters of a BatchNormalization against its channels.
pub(in crate::ops) fn unmet_shapes<'a>(node: &Node, dims: StoredDims<'a, '_>) -> UnmetShapes<'a> {
    let mut unmet = UnmetShapes::default();
    let stored = dims(1).filter(|_| node.op_type == "BatchNormalization");
    let Some(scale @ [channels]) = stored else { return unmet };
    // Of a single axis there is one channel.
    let read = dims(0).map(|values| values.get(1).copied().unwrap_or(1));
    if let Some(read) = read.filter(|read| read != channels) {
        let expected = format!("have one value for each of {read} channels");
        unmet.shapes.push(UnmetShape { slot: 1, parameter: "scale", dims: scale, expected });
    }
    for (slot, parameter) in [(2, "B"), (3, "input_mean"), (4, "input_var")] {
        if let Some(dims @ [size]) = dims(slot)
            && size != channels
        {
            let expected = format!("have the {channels} values of `scale`");
            unmet.shapes.push(UnmetShape { slot, parameter, dims, expected });
        }
    }
    unmet
}
