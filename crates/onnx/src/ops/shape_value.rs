//! Operators that give shapes, or values of a given shape: Shape, Size, ConstantOfShape, Range.

use super::axis_rules::AxisRules;
use super::limits::{OperatorLimits, OutputRank};

pub(super) fn axes(rules: &mut AxisRules) {
    // Shape and Size read the shape alone.
    if !["Shape", "Size"].contains(&rules.node.op_type.as_str()) {
        rules.pin_without_rule();
    }
}

pub(super) fn limits(op_type: &str) -> OperatorLimits {
    let ranked = |output_rank| OperatorLimits { output_rank, ..OperatorLimits::NONE };
    match op_type {
        "Shape" => ranked(OutputRank::Fixed(1)),
        "ConstantOfShape" => ranked(OutputRank::LengthOf(0)),
        "Range" => OperatorLimits::NONE.computing(),
        _ => OperatorLimits::NONE,
    }
}
