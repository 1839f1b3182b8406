//! Concat and Split: parts of one axis.

use crate::graph::{Graph, Node, int, set_ints};
use crate::ops::axis_rules::{AxisRules, positive};
use crate::ops::limits::{AttributeRange, OperatorLimits};
use crate::ops::width_change::WidthChange;

pub(in crate::ops) fn axes(rules: &mut AxisRules) {
    match rules.node.op_type.as_str() {
        "Concat" => concat(rules),
        "Split" => split(rules),
        _ => rules.pin_without_rule(),
    }
}

fn concat(rules: &mut AxisRules) {
    let node = rules.node;
    let y = &node.output[0];
    let rank = rules.rank(y);
    let Some(along) = int(node, "axis").and_then(|a| positive(a, rank)) else {
        return rules.pin_unknown("the axis");
    };
    let mut offset = 0;
    for x in &node.input {
        let Some(xs) = rules.shape(x).filter(|xs| xs.len() == rank) else {
            return rules.pin_unknown("a shape");
        };
        tie_part(rules, x, (y, offset), along);
        offset += xs[along];
    }
}

fn split(rules: &mut AxisRules) {
    let node = rules.node;
    let Some(x) = node.input.first() else { return };
    let rank = rules.rank(x);
    let Some(along) = rules.axis(0, rank) else { return rules.pin_unknown("the axis") };
    let mut offset = 0;
    for y in &node.output {
        let Some(ys) = rules.shape(y).filter(|ys| ys.len() == rank) else {
            return rules.pin_unknown("a shape");
        };
        tie_part(rules, y, (x, offset), along);
        offset += ys[along];
    }
}

/// Ties all of `part` to `whole` from an index on along one axis, and the other axes as they are.
fn tie_part<'a>(
    rules: &mut AxisRules<'a>,
    part: &'a str,
    (whole, offset): (&'a str, usize),
    along: usize,
) {
    for (axis, size) in rules.shape(part).unwrap_or_default().iter().enumerate() {
        match axis == along {
            true => rules.tie_run((part, axis, 0), (whole, axis, offset), *size),
            false => rules.tie((part, axis), (whole, axis)),
        }
    }
}

/// Sizes of the parts of a Split.
pub(in crate::ops) fn adapt(change: &WidthChange, graph: &mut Graph, position: usize, node: &Node) {
    let Some(x) = node.input.first().filter(|_| node.op_type == "Split") else { return };
    if !change.changed(x) {
        return;
    }
    let rank = change.shape(x).len() as i64;
    let axis = int(node, "axis").unwrap_or(0);
    let axis = (if axis < 0 { axis + rank } else { axis }) as usize;
    let sizes: Vec<i64> = node
        .output
        .iter()
        .filter_map(|y| change.shape(y).get(axis).map(|size| *size as i64))
        .collect();
    if graph.opset() >= 13 {
        graph.set_integer_input(position, 1, &[sizes.len()], &sizes);
        if let Some(node) = graph.node_mut(position) {
            node.attribute.retain(|a| a.name != "num_outputs");
        }
    } else if let Some(node) = graph.node_mut(position) {
        set_ints(node, "split", sizes);
    }
}

pub(in crate::ops) fn limits(op_type: &str) -> OperatorLimits {
    const PARTS: &[AttributeRange] = &[AttributeRange::positive("num_outputs")];
    let same = OperatorLimits::SAME_RANK;
    match op_type {
        "Concat" => OperatorLimits { equal_ranks: true, ..same.axis(1, 0) },
        // Sizes of the parts; from version 13 on they are an input.
        "Split" => {
            OperatorLimits { sizes: Some("split"), attribute_ranges: PARTS, ..same.axis(0, 0) }
        }
        _ => OperatorLimits { attribute_ranges: PARTS, ..OperatorLimits::NONE },
    }
}
