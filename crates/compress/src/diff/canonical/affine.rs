//! Scales and shifts of a product's outputs, folded into its weights and bias.
//!
//! With y = W x + b behind it s·y + t: W' = s·W and b' = s·b + t, for each output channel.
//! Source: Jacob et al. 2018, arXiv 1712.05877, section 3.2.

use super::rewriter::{GraphRewriter, NodeRemoval};
use paring_onnx::graph::{self, GraphIndex, Node, layer_name};
use std::collections::{BTreeMap, BTreeSet};

/// A factor and a shift of every output channel.
struct ChannelScaling {
    factors: Vec<f64>,
    shifts: Vec<f64>,
    /// The name of the bias where there is none yet.
    bias: String,
}

/// Folds all that can be folded, from the inputs on.
pub(super) fn fold(rewriter: &mut GraphRewriter) {
    for position in 0..rewriter.graph.nodes().len() {
        fold_factors(rewriter, position);
    }
    while let Some((product, behind)) = next(rewriter) {
        let node = rewriter.graph.nodes()[behind].clone();
        let done = attach_bias(rewriter, product, &node)
            || affine(rewriter, product, &node)
                .and_then(|affine| apply(rewriter, product, &affine))
                .is_some();
        if !done {
            return;
        }
        let layer = layer_name(&rewriter.graph.nodes()[product], product);
        let kind = match node.op_type.as_str() {
            "Add" | "Sub" => format!("{} read as the bias of", node.op_type),
            other => format!("{other} folded into"),
        };
        rewriter.note(&kind, layer);
        if let Some(product) = rewriter.graph.node_mut(product) {
            product.output.clone_from(&node.output);
        }
        rewriter.bypass(&NodeRemoval { gone: BTreeSet::from([behind]), renamed: BTreeMap::new() });
    }
}

/// A product, and the node behind it that can be folded into it.
fn next(rewriter: &GraphRewriter) -> Option<(usize, usize)> {
    let index = GraphIndex::new(&rewriter.graph);
    let nodes = rewriter.graph.nodes().iter().enumerate();
    let mut products = nodes.filter(|(_, node)| is_product(rewriter, node));
    products.find_map(|(position, node)| {
        let (behind, _) = rewriter.sole_reader(&index, node.output.first()?)?;
        let next = &rewriter.graph.nodes()[behind];
        let fits = bias_operand(rewriter, node, next).is_some()
            || (sole_constants(rewriter, &index, node)
                && affine(rewriter, position, next).is_some());
        fits.then_some((position, behind))
    })
}

/// True of a node that multiplies by weights that do not depend on the inputs.
pub(super) fn is_product(rewriter: &GraphRewriter, node: &Node) -> bool {
    let matrix = |w: &String| stored_dims(rewriter, w).is_some_and(|d| d.len() == 2);
    match node.op_type.as_str() {
        "Conv" | "ConvTranspose" => {
            node.input.get(1).is_some_and(|w| stored_dims(rewriter, w).is_some())
        }
        "Gemm" => node.input.get(1).is_some_and(matrix) && graph::int(node, "transA") != Some(1),
        "MatMul" => node.input.get(1).is_some_and(matrix),
        _ => false,
    }
}

/// Shape of an initializer, also behind DequantizeLinear and the like.
fn stored_dims(rewriter: &GraphRewriter, tensor: &str) -> Option<Vec<usize>> {
    if rewriter.is_constant(tensor) {
        return rewriter.graph.dims(tensor);
    }
    let producer = rewriter.graph.nodes().iter().find(|n| n.output.iter().any(|o| o == tensor))?;
    let passes = ["DequantizeLinear", "Cast", "Identity"].contains(&producer.op_type.as_str());
    let turns = producer.op_type == "Transpose";
    let mut dims = stored_dims(rewriter, producer.input.first()?).filter(|_| passes || turns)?;
    if turns {
        dims.reverse();
    }
    Some(dims)
}

fn outputs_of(rewriter: &GraphRewriter, node: &Node) -> Option<usize> {
    let dims = stored_dims(rewriter, node.input.get(1)?)?;
    let group = usize::try_from(graph::int(node, "group").unwrap_or(1)).ok()?;
    match node.op_type.as_str() {
        "Conv" => dims.first().copied(),
        "ConvTranspose" => Some(dims.get(1)? * group),
        "Gemm" if graph::int(node, "transB") == Some(1) => dims.first().copied(),
        _ => dims.get(1).copied(),
    }
}

/// True if nothing else reads the weights and the bias.
fn sole_constants(rewriter: &GraphRewriter, index: &GraphIndex, node: &Node) -> bool {
    node.input[1..].iter().filter(|i| !i.is_empty()).all(|name| {
        rewriter.is_constant(name)
            && index.consumers(name).len() == 1
            && rewriter.floats(name).is_some()
    })
}

/// The operand of an addition that is a whole bias of a product without one.
fn bias_operand(rewriter: &GraphRewriter, product: &Node, next: &Node) -> Option<String> {
    let bare = product.input.get(2).is_none_or(String::is_empty);
    if next.op_type != "Add" || !bare || product.op_type == "ConvTranspose" {
        return None;
    }
    let width = outputs_of(rewriter, product)?;
    let y = product.output.first()?;
    let operand = next.input.iter().find(|i| *i != y)?;
    let dims = stored_dims(rewriter, operand)?;
    (along_channels(product, &dims, width) && dims.iter().product::<usize>() == width)
        .then(|| operand.clone())
}

fn attach_bias(rewriter: &mut GraphRewriter, position: usize, next: &Node) -> bool {
    let product = rewriter.graph.nodes()[position].clone();
    let Some(bias) = bias_operand(rewriter, &product, next) else { return false };
    let Some(node) = rewriter.graph.node_mut(position) else { return false };
    node.input.truncate(2);
    node.input.push(bias);
    true
}

/// True of a shape that broadcasts along the output channels of a product and nothing else.
fn along_channels(product: &Node, dims: &[usize], width: usize) -> bool {
    let spatial = match product.op_type.as_str() {
        "Conv" | "ConvTranspose" => {
            let kernel = graph::ints(product, "kernel_shape").map(|k| k.len());
            match kernel {
                Some(spatial) => spatial,
                // Without it: as many as there are axes behind the channels.
                None => dims.iter().rev().take_while(|d| **d == 1).count(),
            }
        }
        _ => 0,
    };
    let elements: usize = dims.iter().product();
    elements == 1 || (elements == width && dims.iter().rev().nth(spatial) == Some(&width))
}

/// The scale and shift that a node means to the outputs of the product before it.
fn affine(rewriter: &GraphRewriter, position: usize, node: &Node) -> Option<ChannelScaling> {
    let product = &rewriter.graph.nodes()[position];
    let width = outputs_of(rewriter, product)?;
    let y = product.output.first()?;
    if node.op_type == "BatchNormalization" {
        let used = node.output.iter().filter(|o| !o.is_empty()).count();
        return (used == 1 && node.input.first() == Some(y) && product.op_type != "MatMul")
            .then(|| normalization(rewriter, node, width))?;
    }
    // Factors of matrix products stay where they are: exporters move them along the data flow.
    if !product.op_type.starts_with("Conv") && !["Add", "Sub"].contains(&node.op_type.as_str()) {
        return None;
    }
    let left = node.input.first() == Some(y);
    let operand = node.input.iter().find(|i| *i != y)?;
    let (dims, values) = rewriter.floats(operand)?;
    if node.input.len() != 2 || !along_channels(product, &dims, width) {
        return None;
    }
    let value = |c: usize| f64::from(values[if values.len() == 1 { 0 } else { c }]);
    let all = |of: &dyn Fn(f64) -> f64| (0..width).map(|c| of(value(c))).collect::<Vec<f64>>();
    let (ones, zeros) = (vec![1.0; width], vec![0.0; width]);
    let (factors, shifts) = match (node.op_type.as_str(), left) {
        ("Add", _) => (ones, all(&|v| v)),
        ("Sub", true) => (ones, all(&|v| -v)),
        ("Sub", false) => (vec![-1.0; width], all(&|v| v)),
        ("Mul", _) => (all(&|v| v), zeros),
        ("Div", true) => (all(&|v| 1.0 / v), zeros),
        _ => return None,
    };
    Some(ChannelScaling { factors, shifts, bias: operand.clone() })
}

fn normalization(rewriter: &GraphRewriter, node: &Node, width: usize) -> Option<ChannelScaling> {
    let epsilon = f64::from(graph::float(node, "epsilon").unwrap_or(1e-5));
    let parameters: Option<Vec<Vec<f32>>> =
        node.input.get(1..5)?.iter().map(|name| Some(rewriter.floats(name)?.1)).collect();
    let parameters = parameters.filter(|p| p.iter().all(|values| values.len() == width))?;
    let at = |which: usize, c: usize| f64::from(parameters[which][c]);
    let factors: Vec<f64> = (0..width).map(|c| at(0, c) / (at(3, c) + epsilon).sqrt()).collect();
    let shifts = (0..width).map(|c| at(1, c) - at(2, c) * factors[c]).collect();
    Some(ChannelScaling { factors, shifts, bias: node.input.get(2)?.clone() })
}

fn apply(rewriter: &mut GraphRewriter, position: usize, affine: &ChannelScaling) -> Option<()> {
    let product = rewriter.graph.nodes()[position].clone();
    let bias = product.input.get(2).filter(|b| !b.is_empty());
    let old = match bias {
        Some(name) => rewriter.floats(name)?.1,
        None => vec![0.0; affine.shifts.len()],
    };
    if affine.factors.iter().any(|f| *f != 1.0) {
        scale_weights(rewriter, &product, &affine.factors)?;
    }
    let channels = affine.factors.iter().zip(&affine.shifts).enumerate();
    let own =
        |c: usize| f64::from(old.get(if old.len() == 1 { 0 } else { c }).copied().unwrap_or(0.0));
    let folded: Vec<f32> = channels.map(|(c, (f, t))| (own(c) * f + t) as f32).collect();
    if bias.is_none() && folded.iter().all(|b| *b == 0.0) {
        return Some(());
    }
    let name = bias.unwrap_or(&affine.bias).clone();
    let half = product.input[1..].iter().chain([&affine.bias]).any(|i| rewriter.is_half(i));
    rewriter.store_floats(&name, &[folded.len()], &folded, half);
    let node = rewriter.graph.node_mut(position)?;
    node.input.truncate(2);
    node.input.push(name);
    Some(())
}

fn scale_weights(rewriter: &mut GraphRewriter, product: &Node, factors: &[f64]) -> Option<()> {
    let name = product.input.get(1)?;
    let (dims, mut values) = rewriter.floats(name)?;
    let group = usize::try_from(graph::int(product, "group").unwrap_or(1)).ok()?.max(1);
    let turned = graph::int(product, "transB") == Some(1);
    let places: usize = dims.get(2..).map_or(1, |k| k.iter().product());
    let first = *dims.first()?;
    let channel = |at: usize| match product.op_type.as_str() {
        "Conv" => at / (values_each(&dims)),
        "ConvTranspose" => {
            let (input, output) = (at / places / dims[1], at / places % dims[1]);
            input / (first / group).max(1) * dims[1] + output
        }
        _ if turned => at / dims[1],
        _ => at % dims[1],
    };
    for (at, value) in values.iter_mut().enumerate() {
        *value = (f64::from(*value) * factors.get(channel(at))?) as f32;
    }
    rewriter.store_floats(name, &dims, &values, rewriter.is_half(name));
    Some(())
}

fn values_each(dims: &[usize]) -> usize {
    dims.get(1..).map_or(1, |rest| rest.iter().product::<usize>()).max(1)
}

/// alpha and beta of Gemm as part of weights and bias.
fn fold_factors(rewriter: &mut GraphRewriter, position: usize) {
    let node = rewriter.graph.nodes()[position].clone();
    let index = GraphIndex::new(&rewriter.graph);
    if node.op_type != "Gemm" || !is_product(rewriter, &node) {
        return;
    }
    let factor = |name: &str| f64::from(graph::float(&node, name).unwrap_or(1.0));
    let (alpha, beta) = (factor("alpha"), factor("beta"));
    if (alpha == 1.0 && beta == 1.0) || !sole_constants(rewriter, &index, &node) {
        return;
    }
    let Some(width) = outputs_of(rewriter, &node) else { return };
    if scale_weights(rewriter, &node, &vec![alpha; width]).is_none() {
        return;
    }
    if let Some(bias) = node.input.get(2).filter(|b| !b.is_empty())
        && let Some((dims, values)) = rewriter.floats(bias)
    {
        let scaled: Vec<f32> = values.iter().map(|v| (f64::from(*v) * beta) as f32).collect();
        rewriter.store_floats(bias, &dims, &scaled, rewriter.is_half(bias));
    }
    if let Some(node) = rewriter.graph.node_mut(position) {
        node.attribute.retain(|a| a.name != "alpha" && a.name != "beta");
    }
}
