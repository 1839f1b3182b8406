//! Reshape and Flatten, which group axes anew; Squeeze, Unsqueeze and Expand.
//!
//! An axis falls apart into factors, or factors become one axis. Heads are the first factor of a row of
//! features, shuffled channels the last of an axis of channels; where all but one factor are kept
//! anyway, that one carries the components.

use crate::ops::axis_rules::{AxisRules, positive};
use crate::ops::limits::{ListedAxes, OperatorLimits, OutputRank};
use std::ops::Range;

pub(in crate::ops) fn axes(rules: &mut AxisRules) {
    match rules.node.op_type.as_str() {
        "Reshape" | "Flatten" => regroup(rules),
        "Squeeze" | "Unsqueeze" => squeeze(rules),
        // What follows the data of an Expand is a shape.
        "Expand" => rules.tie_broadcast(1),
        _ => rules.pin_without_rule(),
    }
}

/// True where the constraints of an operator depend on what those of all other nodes keep.
pub(in crate::ops) fn ties_last(op_type: &str) -> bool {
    ["Reshape", "Flatten"].contains(&op_type)
}

/// Slot of a stored shape.
pub(in crate::ops) fn shape_slot(op_type: &str) -> Option<usize> {
    ["Reshape", "Expand"].contains(&op_type).then_some(1)
}

fn regroup(rules: &mut AxisRules) {
    let node = rules.node;
    let Some((x, y)) = rules.ends() else { return };
    let (Some(xs), Some(ys)) = (rules.shape(x), rules.shape(y)) else {
        return rules.pin_unknown("a shape");
    };
    for (from, to) in groups(xs, ys) {
        let wide = |range: &Range<usize>, shape: &[usize]| -> Vec<usize> {
            range.clone().filter(|axis| shape[*axis] > 1).collect()
        };
        let (from, to) = (wide(&from, xs), wide(&to, ys));
        match (&from[..], &to[..]) {
            ([], _) | (_, []) => {}
            ([a], [b]) => rules.tie((x, *a), (y, *b)),
            ([whole], factors) => rules.factor((x, *whole), (y, factors), xs.len() >= 4),
            (factors, [whole]) => rules.factor((y, *whole), (x, factors), false),
            _ => {
                let reason = format!("node `{}` regroups several axes at once", node.name);
                rules.pin_axes(x, from, &reason);
                rules.pin_axes(y, to, &reason);
            }
        }
    }
}

/// Smallest runs of axes on both sides that hold the same number of elements.
fn groups(xs: &[usize], ys: &[usize]) -> Vec<(Range<usize>, Range<usize>)> {
    let (mut i, mut j, mut found) = (0, 0, Vec::new());
    while i < xs.len() && j < ys.len() {
        let (from, to) = (i, j);
        let (mut left, mut right) = (xs[i], ys[j]);
        (i, j) = (i + 1, j + 1);
        while left != right {
            if left < right && i < xs.len() {
                left *= xs[i];
                i += 1;
            } else if right < left && j < ys.len() {
                right *= ys[j];
                j += 1;
            } else {
                break;
            }
        }
        found.push((from..i, to..j));
    }
    found
}

/// Axes of size 1 come or go, the others keep their order.
fn squeeze(rules: &mut AxisRules) {
    let node = rules.node;
    let Some((x, y)) = rules.ends() else { return };
    let squeezes = node.op_type == "Squeeze";
    let (wide, narrow) = if squeezes { (x, y) } else { (y, x) };
    let Some(shape) = rules.shape(wide) else { return rules.pin_unknown("a shape") };
    let ones = || (0..shape.len()).filter(|a| shape[*a] == 1).collect::<Vec<usize>>();
    let axes = match rules.numbers(1, "axes") {
        Some(axes) => axes.iter().filter_map(|a| positive(*a, shape.len())).collect(),
        None if squeezes && node.input.len() < 2 => ones(),
        None => return rules.pin_unknown("the axis"),
    };
    let rest = (0..shape.len()).filter(|axis| !axes.contains(axis));
    for (to, from) in rest.enumerate() {
        rules.tie((wide, from), (narrow, to));
    }
    rules.pin_axes(wide, axes, &format!("node `{}` adds or drops it", node.name));
}

pub(in crate::ops) fn limits(op_type: &str) -> OperatorLimits {
    let none = OperatorLimits::NONE;
    match op_type {
        "Reshape" => OperatorLimits { output_rank: OutputRank::LengthOf(1), ..none },
        "Flatten" => OperatorLimits { output_rank: OutputRank::Fixed(2), ..none.axis(1, 1) },
        "Expand" => OperatorLimits { output_rank: OutputRank::Expanded, ..none },
        "Unsqueeze" => OperatorLimits {
            output_rank: OutputRank::WithAxes,
            listed_axes: ListedAxes::OfOutput,
            ..none
        },
        _ => OperatorLimits {
            output_rank: OutputRank::WithoutAxes,
            listed_axes: ListedAxes::OfInput,
            ..none
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(xs: &[usize], ys: &[usize], expected: &[(Range<usize>, Range<usize>)]) {
        assert_eq!(groups(xs, ys), expected);
    }

    #[test]
    fn axes_are_matched_by_what_they_hold() {
        is(&[1, 16, 48], &[1, 16, 3, 16], &[(0..1, 0..1), (1..2, 1..2), (2..3, 2..4)]);
        is(&[1, 4, 16, 8], &[4, 16, 8], &[(0..2, 0..1), (2..3, 1..2), (3..4, 2..3)]);
        is(&[2, 6, 5, 5], &[2, 150], &[(0..1, 0..1), (1..4, 1..2)]);
        is(&[1, 64, 1, 1], &[1, 64], &[(0..1, 0..1), (1..2, 1..2)]);
    }
}
