//! Slice, Gather, and others that pick entries by position.

use crate::graph::{Graph, Node, int, ints, set_ints};
use crate::ops::axis_rules::{AxisRules, positive};
use crate::ops::limits::{AttributeRange, ComputedInputs, OperatorLimits, OutputRank};
use crate::ops::width_change::WidthChange;

pub(in crate::ops) fn axes(rules: &mut AxisRules) {
    match rules.node.op_type.as_str() {
        "Slice" => slice(rules),
        "Gather" => gather(rules),
        _ => rules.pin_without_rule(),
    }
}

/// Slot of a table that is read by position, and its axis that counts what is read.
pub(in crate::ops) fn output_axis(node: &Node) -> Option<(usize, usize)> {
    (node.op_type == "Gather").then_some((0, 1))
}

fn slice(rules: &mut AxisRules) {
    let node = rules.node;
    let Some((x, y)) = rules.ends() else { return };
    let (Some(xs), Some(ys)) = (rules.shape(x), rules.shape(y)) else {
        return rules.pin_unknown("a shape");
    };
    let Some(starts) = rules.numbers(1, "starts") else {
        return rules.pin_unknown("the start");
    };
    let every: Vec<i64> = (0..xs.len() as i64).collect();
    let axes = rules.numbers(3, "axes").unwrap_or(every);
    let steps = rules.numbers(4, "steps").unwrap_or_else(|| vec![1; starts.len()]);
    for axis in 0..xs.len() {
        let place = axes.iter().position(|a| positive(*a, xs.len()) == Some(axis));
        let Some(place) = place else {
            rules.tie((x, axis), (y, axis));
            continue;
        };
        let (Some(start), Some(1)) = (starts.get(place), steps.get(place)) else {
            let reason = format!("node `{}` takes steps over it", node.name);
            [x, y].into_iter().for_each(|tensor| rules.pin_axis(tensor, axis, &reason));
            continue;
        };
        let size = xs[axis] as i64;
        let start = if *start < 0 { start + size } else { *start }.clamp(0, size) as usize;
        rules.tie_run((x, axis, start), (y, axis, 0), ys[axis]);
    }
}

/// Constant positions along an axis, or a table that is read by computed ones.
fn gather(rules: &mut AxisRules) {
    let node = rules.node;
    let [x, indices] = node.input.as_slice() else { return };
    let y = &node.output[0];
    let (Some(xs), Some(chosen)) = (rules.shape(x), rules.shape(indices)) else {
        return rules.pin_unknown("a shape");
    };
    let Some(along) = rules.axis(0, xs.len()) else {
        return rules.pin_unknown("the axis");
    };
    for axis in 0..xs.len() {
        let target = if axis > along { axis + chosen.len() - 1 } else { axis };
        if axis != along {
            rules.tie((x, axis), (y, target));
        }
    }
    let known = rules.facts.integers.get(indices).filter(|_| chosen.len() == 1);
    let stored = rules.graph.dims(indices).is_some();
    match known.filter(|_| stored) {
        Some(values) => {
            for (place, value) in values.iter().enumerate() {
                if let Some(index) = positive(*value, xs[along]) {
                    rules.tie_entry((x, along, index), (y, along, place));
                }
            }
        }
        None => {
            let reason = format!("node `{}` reads it by position", node.name);
            rules.pin_axis(x, along, &reason);
            rules.pin(indices, &reason);
            rules.pin_axes(y, along..along + chosen.len(), &reason);
        }
    }
}

/// Bounds of a Slice, positions of a Gather.
pub(in crate::ops) fn adapt(change: &WidthChange, graph: &mut Graph, position: usize, node: &Node) {
    match node.op_type.as_str() {
        "Slice" => adapt_slice(change, graph, position, node),
        "Gather" => adapt_gather(change, graph, position, node),
        _ => {}
    }
}

fn adapt_slice(change: &WidthChange, graph: &mut Graph, position: usize, node: &Node) {
    let Some(x) = node.input.first() else { return };
    if !change.changed(x) {
        return;
    }
    let rank = change.facts.shapes.get(x).map_or(0, Vec::len) as i64;
    let numbers = |slot: usize, attribute| match node.input.get(slot).filter(|i| !i.is_empty()) {
        Some(input) => change.facts.integers.get(input).cloned(),
        None => ints(node, attribute),
    };
    let Some((starts, ends)) = numbers(1, "starts").zip(numbers(2, "ends")) else { return };
    let axes = numbers(3, "axes").unwrap_or_else(|| (0..starts.len() as i64).collect());
    let shift = |values: &[i64]| -> Vec<i64> {
        let each = values.iter().zip(&axes).map(|(value, axis)| {
            let axis = (if *axis < 0 { axis + rank } else { *axis }) as usize;
            let size = change.facts.shapes[x][axis] as i64;
            if change.gone(x, axis).is_empty() || *value >= size {
                return *value;
            }
            change.moved(x, axis, if *value < 0 { value + size } else { *value }.max(0))
        });
        each.collect()
    };
    let (starts, ends) = (shift(&starts), shift(&ends));
    if graph.opset() >= 10 {
        graph.set_integer_input(position, 1, &[starts.len()], &starts);
        graph.set_integer_input(position, 2, &[ends.len()], &ends);
    } else if let Some(node) = graph.node_mut(position) {
        set_ints(node, "starts", starts);
        set_ints(node, "ends", ends);
    }
}

fn adapt_gather(change: &WidthChange, graph: &mut Graph, position: usize, node: &Node) {
    let [x, indices] = node.input.as_slice() else { return };
    let Some(shape) = change.facts.shapes.get(x) else { return };
    let axis = int(node, "axis").unwrap_or(0);
    let axis = (if axis < 0 { axis + shape.len() as i64 } else { axis }) as usize;
    let Some(values) = graph.integers(indices).filter(|_| !change.gone(x, axis).is_empty()) else {
        return;
    };
    let size = shape[axis] as i64;
    let kept: Vec<i64> = values
        .iter()
        .map(|v| if *v < 0 { v + size } else { *v })
        .filter(|v| !change.gone(x, axis).contains(&(*v as usize)))
        .map(|v| change.moved(x, axis, v))
        .collect();
    graph.set_integer_input(position, 1, &[kept.len()], &kept);
}

pub(in crate::ops) fn limits(op_type: &str) -> OperatorLimits {
    const COUNT: AttributeRange = AttributeRange { name: "k", least: 0, most: i64::MAX };
    let none = OperatorLimits::NONE;
    let number = OperatorLimits { computed: ComputedInputs::Slots(&[1]), ..none };
    match op_type {
        "Slice" => OperatorLimits::SAME_RANK,
        "Gather" => OperatorLimits { output_rank: OutputRank::Indexed, ..none.axis(0, 0) },
        "GatherElements" | "ScatterElements" | "Compress" => none.axis(0, 0),
        "TopK" => OperatorLimits { attribute_ranges: &[COUNT], ..number.axis(-1, 0) },
        "OneHot" => number,
        "NonZero" => OperatorLimits { output_rank: OutputRank::Fixed(2), ..none },
        _ => none,
    }
}
