//! Resize, Upsample and Pad: axes that become longer or shorter.

use crate::ops::axis_rules::{AxisRules, positive};
use crate::ops::limits::{ComputedInputs, OperatorLimits};

pub(in crate::ops) fn axes(rules: &mut AxisRules) {
    match rules.node.op_type.as_str() {
        "Resize" | "Upsample" => resize(rules),
        "Pad" => pad(rules),
        _ => rules.pin_without_rule(),
    }
}

fn pad(rules: &mut AxisRules) {
    let node = rules.node;
    let Some((x, y)) = rules.ends() else { return };
    let (Some(xs), Some(ys)) = (rules.shape(x), rules.shape(y)) else {
        return rules.pin_unknown("a shape");
    };
    let Some(pads) = rules.numbers(1, "pads") else {
        return rules.pin_unknown("the padding");
    };
    let every: Vec<i64> = (0..xs.len() as i64).collect();
    let axes = rules.numbers(3, "axes").unwrap_or(every);
    for axis in 0..xs.len() {
        let place = axes.iter().position(|a| positive(*a, xs.len()) == Some(axis));
        let before = place.and_then(|p| pads.get(p)).copied().unwrap_or(0);
        if xs[axis] == ys[axis] && before == 0 {
            rules.tie((x, axis), (y, axis));
            continue;
        }
        let reason = format!("node `{}` pads it", node.name);
        [x, y].into_iter().for_each(|tensor| rules.pin_axis(tensor, axis, &reason));
    }
}

fn resize(rules: &mut AxisRules) {
    let node = rules.node;
    let Some((x, y)) = rules.ends() else { return };
    let (Some(xs), Some(ys)) = (rules.shape(x), rules.shape(y)) else {
        return rules.pin_unknown("a shape");
    };
    let reason = format!("node `{}` resamples it", node.name);
    for axis in 0..xs.len().min(ys.len()) {
        // Channels stand at axis 1, or at the end; what keeps its size is not resampled.
        if xs[axis] == ys[axis] && (axis < 2 || axis + 1 == xs.len()) {
            rules.tie((x, axis), (y, axis));
        } else {
            [x, y].into_iter().for_each(|tensor| rules.pin_axis(tensor, axis, &reason));
        }
    }
}

/// Slot of the sizes of a Resize.
pub(in crate::ops) fn shape_slot(op_type: &str) -> Option<usize> {
    (op_type == "Resize").then_some(3)
}

pub(in crate::ops) fn limits(op_type: &str) -> OperatorLimits {
    match op_type {
        // The value that it pads with.
        "Pad" => {
            OperatorLimits { computed: ComputedInputs::Slots(&[2]), ..OperatorLimits::SAME_RANK }
        }
        _ => OperatorLimits::SAME_RANK,
    }
}
