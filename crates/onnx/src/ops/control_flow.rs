//! If, Loop and Scan: their bodies read tensors of the graph around them, all of which stay as they are.

use super::axis_rules::AxisRules;
use super::limits::{ComputedInputs, OperatorLimits};

pub(super) fn axes(rules: &mut AxisRules) {
    rules.pin_without_rule();
}

pub(super) fn limits(op_type: &str) -> OperatorLimits {
    match op_type {
        "If" => OperatorLimits::NONE.computing(),
        // Most iterations, and whether to begin.
        "Loop" => {
            OperatorLimits { computed: ComputedInputs::Slots(&[0, 1]), ..OperatorLimits::NONE }
        }
        _ => OperatorLimits::NONE,
    }
}
