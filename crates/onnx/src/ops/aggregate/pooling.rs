//! Pooling over spatial axes.

use crate::ops::axis_rules::AxisRules;
use crate::ops::limits::{AttributeRange, OperatorLimits, WindowRank};

pub(in crate::ops) fn axes(rules: &mut AxisRules) {
    match rules.node.op_type.as_str() {
        "MaxPool" | "AveragePool" | "LpPool" | "GlobalAveragePool" | "GlobalMaxPool" => pool(rules),
        _ => rules.pin_without_rule(),
    }
}

fn pool(rules: &mut AxisRules) {
    let node = rules.node;
    let Some((x, y)) = rules.ends() else { return };
    let reason = format!("node `{}` slides over it", node.name);
    for tensor in [x, y] {
        rules.pin_axes(tensor, 2..rules.rank(tensor), &reason);
    }
    (0..2).for_each(|axis| rules.tie((x, axis), (y, axis)));
    node.output.iter().skip(1).for_each(|indices| rules.pin(indices, "it holds positions"));
}

pub(in crate::ops) fn limits(op_type: &str) -> OperatorLimits {
    let pool = OperatorLimits { window_rank: WindowRank::Kernel, ..OperatorLimits::SAME_RANK };
    let windowed = OperatorLimits { windowed: true, ..pool };
    let power: &[AttributeRange] = const { &[AttributeRange::positive("p")] };
    match op_type {
        "AveragePool" | "MaxPool" => windowed,
        "LpPool" => OperatorLimits { attribute_ranges: power, ..windowed },
        "GlobalLpPool" => OperatorLimits { attribute_ranges: power, ..pool },
        "GlobalAveragePool" | "GlobalMaxPool" => pool,
        "MaxRoiPool" => OperatorLimits { window_rank: WindowRank::Kernel, ..OperatorLimits::NONE },
        // MaxUnpool, QLinearAveragePool.
        _ => OperatorLimits { windowed: true, ..OperatorLimits::NONE },
    }
}
