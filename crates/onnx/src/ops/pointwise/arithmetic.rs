//! Functions of several tensors that are broadcast against each other.

use crate::ops::axis_rules::AxisRules;
use crate::ops::limits::{OperatorLimits, OutputRank};

/// Operators whose output's values each depend on one value of each input.
const RULED: [&str; 21] = [
    "Add",
    "And",
    "BiasGelu",
    "Div",
    "Equal",
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "Max",
    "Mean",
    "Min",
    "Mod",
    "Mul",
    "Or",
    "PRelu",
    "Pow",
    "Sub",
    "Sum",
    "Where",
    "Xor",
];

pub(in crate::ops) fn axes(rules: &mut AxisRules) {
    match RULED.contains(&rules.node.op_type.as_str()) {
        true => rules.tie_broadcast(rules.node.input.len()),
        false => rules.pin_without_rule(),
    }
}

pub(in crate::ops) fn limits(op_type: &str) -> OperatorLimits {
    match op_type {
        "BiasGelu" => OperatorLimits::NONE,
        "PRelu" => OperatorLimits::SAME_RANK.computing(),
        _ => OperatorLimits {
            output_rank: OutputRank::Broadcast,
            ..OperatorLimits::NONE.computing()
        },
    }
}
