//! Activations and scalings that exporters write in several ways, in one.

use super::rewriter::GraphRewriter;
use paring_onnx::graph::{GraphIndex, Node};

/// Clip from zero on as Relu, division by a constant as a product, and the error-function form of
/// GELU as one operator.
pub(super) fn normalize(rewriter: &mut GraphRewriter) {
    gelus(rewriter);
    for position in 0..rewriter.graph.nodes().len() {
        let node = rewriter.graph.nodes()[position].clone();
        match node.op_type.as_str() {
            "Clip" => clip(rewriter, position, &node),
            "Div" => division(rewriter, position, &node),
            _ => {}
        }
    }
}

fn clip(rewriter: &mut GraphRewriter, position: usize, node: &Node) {
    let bound = |slot: usize| node.input.get(slot).filter(|i| !i.is_empty());
    let from_zero = bound(1).is_some_and(|low| rewriter.scalar(low) == Some(0.0));
    let open =
        bound(2).is_none_or(|high| rewriter.scalar(high).is_some_and(|high| high >= f32::MAX));
    if from_zero
        && open
        && let Some(node) = rewriter.graph.node_mut(position)
    {
        node.op_type = "Relu".into();
        node.input.truncate(1);
    }
}

fn division(rewriter: &mut GraphRewriter, position: usize, node: &Node) {
    let [x, divisor] = node.input.as_slice() else { return };
    if rewriter.is_constant(x) {
        return;
    }
    let Some((dims, values)) = rewriter.floats(divisor) else { return };
    let reciprocals: Vec<f32> = values.iter().map(|v| (1.0 / f64::from(*v)) as f32).collect();
    let name = format!("{divisor}#reciprocal");
    rewriter.store_floats(&name, &dims, &reciprocals, rewriter.is_half(divisor));
    if let Some(node) = rewriter.graph.node_mut(position) {
        node.op_type = "Mul".into();
        node.input[1] = name;
    }
}

/// x · ½ · (1 + erf(x / √2)), in whatever order it is multiplied. Source: Hendrycks & Gimpel 2016,
/// arXiv 1606.08415.
fn gelus(rewriter: &mut GraphRewriter) {
    let index = GraphIndex::new(&rewriter.graph);
    let found: Vec<(usize, String)> = (0..rewriter.graph.nodes().len())
        .filter_map(|position| gelu(rewriter, &index, position))
        .collect();
    for (last, x) in found {
        if let Some(node) = rewriter.graph.node_mut(last) {
            node.op_type = "Gelu".into();
            node.input = vec![x];
            node.attribute.clear();
        }
    }
    rewriter.drop_dead();
}

/// The last product of a GELU around an Erf, and what the GELU reads.
fn gelu(rewriter: &GraphRewriter, index: &GraphIndex, position: usize) -> Option<(usize, String)> {
    let nodes = rewriter.graph.nodes();
    let node = nodes.get(position).filter(|n| n.op_type == "Erf")?;
    let near = |value: Option<f32>, expected: f32| {
        value.is_some_and(|v| (v - expected).abs() < 1e-3 * expected)
    };
    let scaled = &nodes[index.producer(&node.input[0])?];
    let (x, scale) = operands(rewriter, scaled)?;
    let right = match scaled.op_type.as_str() {
        "Div" => near(Some(scale), std::f32::consts::SQRT_2),
        "Mul" => near(Some(scale), std::f32::consts::FRAC_1_SQRT_2),
        _ => false,
    };
    let (sum, _) = rewriter.sole_reader(index, &node.output[0])?;
    let (_, one) = operands(rewriter, &nodes[sum])?;
    if !right || nodes[sum].op_type != "Add" || !near(Some(one), 1.0) {
        return None;
    }
    let multiplied = |tensor: &String| {
        let (reader, _) = rewriter.sole_reader(index, tensor)?;
        (nodes[reader].op_type == "Mul").then_some(reader)
    };
    let other =
        |reader: usize, tensor: &String| nodes[reader].input.iter().find(|i| *i != tensor).cloned();
    let half = |tensor: &String| near(rewriter.scalar(tensor), 0.5);
    let first = multiplied(&nodes[sum].output[0])?;
    let factor = other(first, &nodes[sum].output[0])?;
    // ½x made before.
    let halved = index.producer(&factor).map(|p| &nodes[p]).filter(|n| n.op_type == "Mul");
    if halved
        .and_then(|n| operands(rewriter, n))
        .is_some_and(|(of, by)| of == x && near(Some(by), 0.5))
    {
        return Some((first, x));
    }
    let second = multiplied(&nodes[first].output[0])?;
    let last = other(second, &nodes[first].output[0])?;
    let fits = (factor == x && half(&last)) || (half(&factor) && last == x);
    fits.then_some((second, x))
}

/// The computed and the constant operand of a node with two.
fn operands(rewriter: &GraphRewriter, node: &Node) -> Option<(String, f32)> {
    let [a, b] = node.input.as_slice() else { return None };
    match (rewriter.scalar(a), rewriter.scalar(b)) {
        (None, Some(value)) => Some((a.clone(), value)),
        (Some(value), None) if node.op_type != "Div" => Some((b.clone(), value)),
        _ => None,
    }
}
