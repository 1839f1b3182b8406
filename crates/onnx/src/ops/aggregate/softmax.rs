//! Softmax, LogSoftmax, Hardmax: values along an axis against each other.

use crate::ops::axis_rules::AxisRules;
use crate::ops::limits::OperatorLimits;

pub(in crate::ops) fn axes(rules: &mut AxisRules) {
    let Some(x) = rules.node.input.first() else { return };
    let rank = rules.rank(x);
    let old = rules.graph.opset() < 13;
    let Some(first) = rules.axis(if old { 1 } else { -1 }, rank) else {
        return rules.pin_unknown("the axis");
    };
    rules.tie_same_shape();
    // Before operator set 13 the axis and all behind it are normalised together.
    let last = if old { rank } else { first + 1 };
    let reason = format!("node `{}` normalises over it", rules.node.name);
    rules.pin_axes(x, first..last, &reason);
}

pub(in crate::ops) fn limits(op_type: &str) -> OperatorLimits {
    match op_type {
        "Hardmax" => OperatorLimits::NONE.axis(-1, 1),
        _ => OperatorLimits::SAME_RANK.axis(-1, 1),
    }
}
