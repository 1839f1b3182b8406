//! Transpose, and operators that move blocks of channels to places and back.

use crate::graph::ints;
use crate::ops::axis_rules::{AxisRules, positive};
use crate::ops::limits::{AttributeRange, OperatorLimits};

pub(in crate::ops) fn axes(rules: &mut AxisRules) {
    match rules.node.op_type.as_str() {
        "Transpose" => transpose(rules),
        _ => rules.pin_without_rule(),
    }
}

fn transpose(rules: &mut AxisRules) {
    let Some((x, y)) = rules.ends() else { return };
    let rank = rules.rank(x);
    let order = ints(rules.node, "perm").unwrap_or_else(|| (0..rank as i64).rev().collect());
    for (to, from) in order.iter().enumerate() {
        if let Some(from) = positive(*from, rank) {
            rules.tie((x, from), (y, to));
        }
    }
}

pub(in crate::ops) fn limits(op_type: &str) -> OperatorLimits {
    match op_type {
        "Transpose" => OperatorLimits { permutes: true, ..OperatorLimits::SAME_RANK },
        _ => OperatorLimits {
            attribute_ranges: const { &[AttributeRange::positive("blocksize")] },
            ..OperatorLimits::SAME_RANK
        },
    }
}
