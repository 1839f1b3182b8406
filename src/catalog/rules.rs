//! How each operator ties the axes of its inputs, weights and outputs together.
//!
//! An operator without a rule keeps everything that it touches, and says so.

use super::elements::Elements;
use crate::graph::{Graph, Node, int, ints};

const ELEMENTWISE: [&str; 28] = [
    "Relu",
    "LeakyRelu",
    "Sigmoid",
    "Tanh",
    "Elu",
    "Selu",
    "Celu",
    "HardSigmoid",
    "HardSwish",
    "Clip",
    "Erf",
    "Exp",
    "Log",
    "Sqrt",
    "Reciprocal",
    "Abs",
    "Neg",
    "Floor",
    "Ceil",
    "Round",
    "Softplus",
    "Softsign",
    "Gelu",
    "Mish",
    "Identity",
    "Dropout",
    "Cast",
    "Sign",
];
const BROADCASTING: [&str; 7] = ["Add", "Sub", "Mul", "Div", "Min", "Max", "Pow"];

/// Applies the rule of every node, and keeps what enters and leaves the graph.
pub(super) fn apply(graph: &Graph, elements: &mut Elements) {
    for node in graph.nodes() {
        apply_node(graph, node, elements);
    }
    graph.inputs().iter().for_each(|tensor| elements.pin(tensor, "it is an input of the model"));
    graph.outputs().iter().for_each(|tensor| elements.pin(tensor, "it is an output of the model"));
}

fn apply_node(graph: &Graph, node: &Node, e: &mut Elements) {
    match node.op_type.as_str() {
        "Conv" => conv(node, e),
        "BatchNormalization" => batch_normalization(node, e),
        "Concat" => concat(node, e),
        "Flatten" => flatten(node, e),
        "Gemm" => gemm(node, e),
        "MatMul" => matmul(graph, node, e),
        "Transpose" => transpose(node, e),
        "Softmax" | "LogSoftmax" => softmax(graph, node, e),
        "MaxPool" | "AveragePool" | "GlobalAveragePool" | "GlobalMaxPool" => pool(node, e),
        op if ELEMENTWISE.contains(&op) => same_shape(node, e),
        op if BROADCASTING.contains(&op) => broadcast(node, e),
        op => keep_all(node, e, &format!("operator {op} (node `{}`) has no rule", node.name)),
    }
}

fn keep_all(node: &Node, e: &mut Elements, reason: &str) {
    node.input.iter().chain(&node.output).for_each(|tensor| e.pin(tensor, reason));
    // What a subgraph reads from outside is read by this node.
    let bodies = node.attribute.iter().filter_map(|a| a.g.as_ref()).flat_map(|g| &g.node);
    bodies.flat_map(|n| &n.input).for_each(|tensor| e.pin(tensor, reason));
}

fn tie_axis(node: &Node, e: &mut Elements, a: (&str, usize), b: (&str, usize)) {
    e.tie_axes(a, b, &node.name);
}

fn keep_spatial(node: &Node, e: &mut Elements, tensor: &str) {
    let rank = e.shape(tensor).map_or(0, <[usize]>::len);
    let reason = format!("node `{}` slides over it", node.name);
    (2..rank).for_each(|axis| e.pin_axis(tensor, axis, &reason));
}

fn conv(node: &Node, e: &mut Elements) {
    let [x, w, ..] = node.input.as_slice() else { return keep_all(node, e, "it has no weights") };
    let (y, bias) = (&node.output[0], node.input.get(2).filter(|b| !b.is_empty()));
    let group = int(node, "group").unwrap_or(1).max(1) as usize;
    let (Some(xs), Some(ws)) =
        (e.shape(x).map(<[usize]>::to_vec), e.shape(w).map(<[usize]>::to_vec))
    else {
        return keep_all(node, e, &format!("the shapes of node `{}` are unknown", node.name));
    };
    tie_axis(node, e, (x, 0), (y, 0));
    [x, w, y].into_iter().for_each(|tensor| keep_spatial(node, e, tensor));
    if let Some(bias) = bias {
        tie_axis(node, e, (bias, 0), (w, 0));
    }
    tie_axis(node, e, (w, 0), (y, 1));
    if group == 1 {
        return tie_axis(node, e, (x, 1), (w, 1));
    }
    if xs.get(1) == Some(&group) && ws.get(1) == Some(&1) {
        let multiplier = ws[0] / group;
        e.pin_axis(w, 1, "a depthwise filter has one input channel");
        (0..ws[0]).for_each(|out| e.tie((x, 1, out / multiplier), (w, 0, out)));
        return;
    }
    let reason = format!("node `{}` is a grouped convolution, which has no rule yet", node.name);
    [(x, 1), (w, 0), (w, 1)]
        .into_iter()
        .for_each(|(tensor, axis)| e.pin_axis(tensor, axis, &reason));
}

fn batch_normalization(node: &Node, e: &mut Elements) {
    let Some(x) = node.input.first() else { return };
    same_shape(node, e);
    node.input.iter().skip(1).for_each(|parameter| tie_axis(node, e, (x, 1), (parameter, 0)));
    node.output.iter().skip(1).for_each(|extra| e.pin(extra, "it is a training output"));
}

/// Ties all axes of the first input and the first output; further inputs must not depend on them.
fn same_shape(node: &Node, e: &mut Elements) {
    let (Some(x), Some(y)) = (node.input.first(), node.output.first()) else { return };
    let rank = e.shape(x).map_or(0, <[usize]>::len);
    (0..rank).for_each(|axis| tie_axis(node, e, (x, axis), (y, axis)));
}

fn broadcast(node: &Node, e: &mut Elements) {
    let y = &node.output[0];
    let Some(ys) = e.shape(y).map(<[usize]>::to_vec) else {
        return keep_all(node, e, &format!("the shapes of node `{}` are unknown", node.name));
    };
    for x in &node.input {
        let Some(xs) = e.shape(x).map(<[usize]>::to_vec) else { continue };
        for (axis, size) in xs.iter().enumerate() {
            let target = axis + ys.len() - xs.len();
            // A size of 1 serves all entries of the other side, whichever remain.
            if *size != 1 || ys[target] == 1 {
                tie_axis(node, e, (x, axis), (y, target));
            }
        }
    }
}

fn concat(node: &Node, e: &mut Elements) {
    let y = &node.output[0];
    let rank = e.shape(y).map_or(0, <[usize]>::len);
    let axis = int(node, "axis").map(|a| if a < 0 { a + rank as i64 } else { a });
    let Some(along) = axis.and_then(|a| usize::try_from(a).ok()).filter(|a| *a < rank) else {
        return keep_all(node, e, &format!("the axis of node `{}` is unknown", node.name));
    };
    let mut offset = 0;
    for x in &node.input {
        let Some(xs) = e.shape(x).map(<[usize]>::to_vec) else {
            return keep_all(node, e, &format!("the shapes of node `{}` are unknown", node.name));
        };
        for (axis, size) in xs.iter().enumerate() {
            if axis == along {
                (0..*size).for_each(|i| e.tie((x, axis, i), (y, axis, offset + i)));
            } else {
                tie_axis(node, e, (x, axis), (y, axis));
            }
        }
        offset += xs[along];
    }
}

fn flatten(node: &Node, e: &mut Elements) {
    let (x, y) = (&node.input[0], &node.output[0]);
    let shape = e.shape(x).map(<[usize]>::to_vec).filter(|s| s.len() >= 2);
    let (Some(xs), 1) = (shape, int(node, "axis").unwrap_or(1)) else {
        return keep_all(
            node,
            e,
            &format!("node `{}` flattens from another axis than 1", node.name),
        );
    };
    keep_spatial(node, e, x);
    tie_axis(node, e, (x, 0), (y, 0));
    let inner: usize = xs[2..].iter().product();
    for channel in 0..xs[1] {
        (0..inner).for_each(|i| e.tie((x, 1, channel), (y, 1, channel * inner + i)));
    }
}

fn gemm(node: &Node, e: &mut Elements) {
    let [a, b, ..] = node.input.as_slice() else { return keep_all(node, e, "it has no weights") };
    let y = &node.output[0];
    let flipped = |name| int(node, name) == Some(1);
    let (a_rows, a_depth) = if flipped("transA") { (1, 0) } else { (0, 1) };
    let (b_depth, b_columns) = if flipped("transB") { (1, 0) } else { (0, 1) };
    tie_axis(node, e, (a, a_rows), (y, 0));
    tie_axis(node, e, (a, a_depth), (b, b_depth));
    tie_axis(node, e, (b, b_columns), (y, 1));
    if let Some(c) = node.input.get(2).filter(|c| !c.is_empty()) {
        let dims = e.shape(c).map(<[usize]>::to_vec).unwrap_or_default();
        for (axis, size) in dims.iter().enumerate() {
            if *size != 1 {
                tie_axis(node, e, (c, axis), (y, axis + 2 - dims.len()));
            }
        }
    }
}

fn matmul(graph: &Graph, node: &Node, e: &mut Elements) {
    let (a, b, y) = (&node.input[0], &node.input[1], &node.output[0]);
    let rank = e.shape(a).map_or(0, <[usize]>::len);
    if rank == 0 || graph.dims(b).is_none_or(|dims| dims.len() != 2) {
        let reason =
            format!("both factors of node `{}` are computed, which has no rule yet", node.name);
        return keep_all(node, e, &reason);
    }
    (0..rank - 1).for_each(|axis| tie_axis(node, e, (a, axis), (y, axis)));
    tie_axis(node, e, (a, rank - 1), (b, 0));
    tie_axis(node, e, (b, 1), (y, rank - 1));
}

fn transpose(node: &Node, e: &mut Elements) {
    let (x, y) = (&node.input[0], &node.output[0]);
    let rank = e.shape(x).map_or(0, <[usize]>::len);
    let order = ints(node, "perm").unwrap_or_else(|| (0..rank as i64).rev().collect());
    for (to, from) in order.iter().enumerate() {
        tie_axis(node, e, (x, *from as usize), (y, to));
    }
}

fn softmax(graph: &Graph, node: &Node, e: &mut Elements) {
    let x = &node.input[0];
    let rank = e.shape(x).map_or(0, <[usize]>::len);
    let default = if graph.opset() < 13 { 1 } else { -1 };
    let axis = int(node, "axis").unwrap_or(default);
    let first = if axis < 0 { axis + rank as i64 } else { axis } as usize;
    same_shape(node, e);
    // Before operator set 13 the axis and all behind it are normalised together.
    let last = if graph.opset() < 13 { rank } else { first + 1 };
    let reason = format!("node `{}` normalises over it", node.name);
    (first..last).for_each(|axis| e.pin_axis(x, axis, &reason));
}

fn pool(node: &Node, e: &mut Elements) {
    let (x, y) = (&node.input[0], &node.output[0]);
    [x, y].into_iter().for_each(|tensor| keep_spatial(node, e, tensor));
    (0..2).for_each(|axis| tie_axis(node, e, (x, axis), (y, axis)));
    node.output.iter().skip(1).for_each(|indices| e.pin(indices, "it holds positions"));
}
