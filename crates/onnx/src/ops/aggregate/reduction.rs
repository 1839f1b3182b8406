//! Reductions of whole axes, and the indices of their largest and smallest values.

use crate::graph::int;
use crate::ops::axis_rules::{AxisRules, positive};
use crate::ops::limits::{AttributeRange, ListedAxes, OperatorLimits, OutputRank};

pub(in crate::ops) fn axes(rules: &mut AxisRules) {
    match rules.node.op_type.starts_with("Reduce") {
        true => reduce(rules),
        false => rules.pin_without_rule(),
    }
}

/// A mean over an axis is another mean without one of its entries; other reductions keep it.
fn reduce(rules: &mut AxisRules) {
    let node = rules.node;
    let Some((x, y)) = rules.ends() else { return };
    let rank = rules.rank(x);
    let given = rules.numbers(1, "axes");
    if given.is_none() && node.input.get(1).is_some_and(|i| !i.is_empty()) {
        return rules.pin_unknown("the axis");
    }
    let axes: Vec<usize> = match given.as_deref() {
        None | Some([]) => (0..rank).collect(),
        Some(axes) => axes.iter().filter_map(|a| positive(*a, rank)).collect(),
    };
    let keeps = int(node, "keepdims").unwrap_or(1) == 1;
    let mut target = 0;
    for axis in 0..rank {
        let reduced = axes.contains(&axis);
        if !reduced {
            rules.tie((x, axis), (y, target));
        } else if node.op_type == "ReduceMean" {
            let reason =
                format!("node `{}` takes the mean over it: its statistics change", node.name);
            rules.lossy(x, axis, &reason);
        } else {
            rules.pin_axis(x, axis, &format!("node `{}` reduces it", node.name));
        }
        target += usize::from(!reduced || keeps);
    }
}

pub(in crate::ops) fn limits(op_type: &str) -> OperatorLimits {
    let reduced = OperatorLimits { output_rank: OutputRank::Reduced, ..OperatorLimits::NONE };
    let listed = OperatorLimits { listed_axes: ListedAxes::OfInput, ..reduced };
    match op_type {
        "ArgMax" | "ArgMin" => reduced.axis(0, 0),
        "ReduceL1" => OperatorLimits {
            attribute_ranges: const { &[AttributeRange::positive("p")] },
            ..listed
        },
        op if op.starts_with("Reduce") => listed,
        _ => reduced,
    }
}
