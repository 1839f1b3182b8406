//! Functions of one tensor, value by value.

use crate::ops::axis_rules::AxisRules;
use crate::ops::limits::{ComputedInputs, OperatorLimits};

/// Operators whose output's values each depend on one value of the first input.
const RULED: [&str; 42] = [
    "Abs",
    "Atan",
    "BitwiseNot",
    "Cast",
    "CastLike",
    "Ceil",
    "Celu",
    "Clip",
    "Cos",
    "Dropout",
    "Elu",
    "Erf",
    "Exp",
    "FastGelu",
    "Floor",
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "IsInf",
    "IsNaN",
    "LeakyRelu",
    "Log",
    "Mish",
    "Neg",
    "Not",
    "QuickGelu",
    "Reciprocal",
    "Relu",
    "Round",
    "Selu",
    "Shrink",
    "Sigmoid",
    "Sign",
    "Sin",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Swish",
    "Tan",
    "Tanh",
    "ThresholdedRelu",
];

pub(in crate::ops) fn axes(rules: &mut AxisRules) {
    match RULED.contains(&rules.node.op_type.as_str()) {
        true => rules.tie_same_shape(),
        false => rules.pin_without_rule(),
    }
}

pub(in crate::ops) fn limits(op_type: &str) -> OperatorLimits {
    /// Operators whose ranks nothing is said of.
    const UNRANKED: [&str; 8] =
        ["Atan", "BitwiseNot", "FastGelu", "IsInf", "IsNaN", "QuickGelu", "Shrink", "Tan"];
    match op_type {
        "Clip" => OperatorLimits::SAME_RANK.computing(),
        // One number says where they begin.
        "CumSum" | "Trilu" => {
            OperatorLimits { computed: ComputedInputs::Slots(&[1]), ..OperatorLimits::SAME_RANK }
        }
        op if UNRANKED.contains(&op) => OperatorLimits::NONE,
        _ => OperatorLimits::SAME_RANK,
    }
}
