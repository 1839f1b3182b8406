//! ONNX Runtime's fused attention operators, in which a head is a block of columns.
//!
//! The Attention of the standard's own domain is another operator and has no rule.

use crate::graph::{Graph, Node, int, set_int};
use crate::ops::axis_rules::AxisRules;
use crate::ops::limits::{AttributeRange, OperatorLimits};
use crate::ops::operands::ProductOperands;
use crate::ops::width_change::WidthChange;

/// Input and weights of `Attention`.
pub(in crate::ops) fn operands(node: &Node) -> Option<ProductOperands> {
    let fused = node.op_type == "Attention" && !node.domain.is_empty();
    fused.then_some(ProductOperands::float(Some(2)))
}

/// The axis of the tensor in `slot` that is summed over.
pub(in crate::ops) fn summed_axis(slot: usize) -> Option<usize> {
    (slot == 0).then_some(2)
}

/// Slot of the weights, and their axis that counts the columns of all heads.
pub(in crate::ops) fn output_axis(node: &Node) -> Option<(usize, usize)> {
    (node.op_type == "Attention").then_some((1, 1))
}

/// True where the last axis of a node's output counts heads.
pub(in crate::ops) fn counts_heads(node: &Node) -> bool {
    ["Attention", "MultiHeadAttention"].contains(&node.op_type.as_str())
}

/// The number of heads, whose size stays.
pub(in crate::ops) fn adapt(change: &WidthChange, graph: &mut Graph, position: usize, node: &Node) {
    if !counts_heads(node) {
        return;
    }
    let (Some(y), Some(heads)) = (node.output.first(), int(node, "num_heads")) else { return };
    let width = change.facts.shapes.get(y).and_then(|s| s.last()).copied().unwrap_or(0);
    let size = width / heads.max(1) as usize;
    if let (Some(node), true) = (graph.node_mut(position), size > 0) {
        set_int(node, "num_heads", heads - (change.gone(y, 2).len() / size) as i64);
    }
}

pub(in crate::ops) fn axes(rules: &mut AxisRules) {
    match rules.node.op_type.as_str() {
        "Attention" if !rules.node.domain.is_empty() => fused(rules),
        "MultiHeadAttention" => multi_head(rules),
        _ => rules.pin_without_rule(),
    }
}

/// Bias and the inputs behind it.
fn bias_and_rest(inputs: &[String]) -> (Option<&String>, &[String]) {
    match inputs {
        [bias, rest @ ..] => (Some(bias).filter(|b| !b.is_empty()), rest),
        [] => (None, inputs),
    }
}

/// `Attention`: input `[batch, sequence, features]`, weights `[features, 3 · heads · size]`.
fn fused(rules: &mut AxisRules) {
    let node = rules.node;
    let [x, w, others @ ..] = node.input.as_slice() else { return };
    let y = &node.output[0];
    let heads = int(node, "num_heads").unwrap_or(0).max(0) as usize;
    let width = rules.shape(w).and_then(|s| s.get(1).copied()).unwrap_or(0);
    let plain = heads > 0
        && width.is_multiple_of(3 * heads)
        && node.attribute.iter().all(|a| a.name != "qkv_hidden_sizes");
    if !plain || rules.rank(x) != 3 {
        return rules.pin_unknown("the layout");
    }
    let (bias, rest) = bias_and_rest(others);
    let reason = format!("node `{}` reads it", node.name);
    rest.iter().chain(node.output.iter().skip(1)).for_each(|t| rules.pin(t, &reason));
    rules.tie((x, 0), (y, 0));
    rules.tie((x, 1), (y, 1));
    rules.tie((x, 2), (w, 0));
    let size = width / (3 * heads);
    for column in 0..width {
        let first = (y.as_str(), 2, column / size % heads * size);
        rules.tie_entry(first, (w, 1, column));
        if let Some(bias) = bias {
            rules.tie_entry(first, (bias, 0, column));
        }
    }
    (0..heads * size).for_each(|i| rules.tie_entry((y, 2, i / size * size), (y, 2, i)));
}

/// `MultiHeadAttention`: query, key and value `[batch, sequence, heads · size]`.
fn multi_head(rules: &mut AxisRules) {
    let node = rules.node;
    let y = &node.output[0];
    let heads = int(node, "num_heads").unwrap_or(0).max(0) as usize;
    let (three, others) = node.input.split_at(node.input.len().min(3));
    let widths: Vec<usize> = three
        .iter()
        .filter_map(|t| rules.shape(t).filter(|s| s.len() == 3).map(|s| s[2]))
        .collect();
    if heads == 0 || widths.len() != 3 || widths.iter().any(|w| w % heads != 0) {
        return rules.pin_unknown("the layout");
    }
    let (bias, rest) = bias_and_rest(others);
    let reason = format!("node `{}` reads it", node.name);
    rest.iter().chain(node.output.iter().skip(1)).for_each(|t| rules.pin(t, &reason));
    let value = widths[2] / heads;
    let mut offset = 0;
    for (tensor, width) in three.iter().zip(&widths) {
        rules.pin_axes(tensor, 0..2, &reason);
        for column in 0..*width {
            let first = (y.as_str(), 2, column / (width / heads) * value);
            rules.tie_entry(first, (tensor, 2, column));
            if let Some(bias) = bias {
                rules.tie_entry(first, (bias, 0, offset + column));
            }
        }
        offset += width;
    }
    rules.pin_axes(y, 0..2, &reason);
    (0..heads * value).for_each(|i| rules.tie_entry((y, 2, i / value * value), (y, 2, i)));
}

pub(in crate::ops) fn limits(op_type: &str) -> OperatorLimits {
    const HEADS: AttributeRange = AttributeRange::positive("num_heads");
    const QUERY_HEADS: AttributeRange = AttributeRange::positive("q_num_heads");
    const KEY_HEADS: AttributeRange = AttributeRange::positive("kv_num_heads");
    let attribute_ranges: &[AttributeRange] = match op_type {
        "MultiHeadAttention" => &[HEADS],
        "GroupQueryAttention" => &[HEADS, KEY_HEADS],
        _ => &[HEADS, QUERY_HEADS, KEY_HEADS],
    };
    OperatorLimits { attribute_ranges, ..OperatorLimits::NONE }
}
