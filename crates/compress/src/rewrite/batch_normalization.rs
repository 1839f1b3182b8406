//! Folding BatchNormalization into the convolution before it: lossless but for rounding.

use crate::{DecisionDraft, Paring};
use paring_onnx::graph::{self, ElementType, Graph, GraphError, GraphIndex, Node, Weights};
use std::collections::BTreeSet;

/// Folds every normalisation whose only input is a convolution with weights of its own.
///
/// With the factor f = scale / √(var + ε): w' = w · f and b' = (b − mean) · f + bias, per output
/// channel. Source: Jacob et al. 2018, arXiv 1712.05877, section 3.2.
///
/// # Errors
/// [`GraphError`] where a parameter is not made of 32-bit floats.
pub(crate) fn fold_batch_normalization(
    graph: &mut Graph,
) -> Result<Vec<DecisionDraft>, GraphError> {
    let index = GraphIndex::new(graph);
    let outputs: BTreeSet<String> = graph.outputs().into_iter().map(str::to_string).collect();
    let names = graph::layer_names(graph);
    let initializers: BTreeSet<String> =
        graph.initializer_names().into_iter().map(str::to_string).collect();
    let (mut drafts, mut gone) = (Vec::new(), BTreeSet::new());
    for position in 0..graph.nodes().len() {
        let norm = &graph.nodes()[position];
        if norm.op_type != "BatchNormalization" || norm.output.len() != 1 || trains(graph, norm) {
            continue;
        }
        let Some(conv_position) = index.producer(&norm.input[0]) else { continue };
        let conv = &graph.nodes()[conv_position];
        let constant = |name: &String| initializers.contains(name);
        let foldable = conv.op_type == "Conv"
            && index.only_consumer(&norm.input[0]).is_some()
            && !outputs.contains(&norm.input[0])
            && norm.input[1..].iter().all(constant)
            && conv.input[1..]
                .iter()
                .all(|name| constant(name) && index.only_consumer(name).is_some());
        if foldable && fits(graph, conv, norm) {
            drafts.push(fold(graph, (conv_position, position), &names[conv_position])?);
            gone.insert(position);
        }
    }
    let nodes = graph.nodes().iter().enumerate();
    let kept = nodes.filter(|(p, _)| !gone.contains(p)).map(|(_, node)| node.clone()).collect();
    graph.set_nodes(kept);
    graph.tidy();
    Ok(drafts)
}

fn floats(graph: &Graph, name: &str) -> Result<(Weights, Vec<f32>), GraphError> {
    let weights = graph.weights(name)?;
    let values = weights.to_f32().ok_or_else(|| GraphError::Tensor {
        tensor: name.to_string(),
        problem: format!("holds {}, folding needs f32", weights.element.name()),
    })?;
    Ok((weights, values))
}

/// True of a normalisation that takes its statistics from the batch, or one for every element: operator sets
/// before 9 said so by attributes, those from 14 on by another one.
fn trains(graph: &Graph, norm: &Node) -> bool {
    let is = |attribute: &str, value: i64| graph::int(norm, attribute) == Some(value);
    is("training_mode", 1) || is("spatial", 0) || (graph.opset() < 7 && !is("is_test", 1))
}

/// True of a normalisation that has its five inputs, each one value an output of the convolution, and all of
/// both are 32-bit floats.
fn fits(graph: &Graph, conv: &Node, norm: &Node) -> bool {
    let width = conv.input.get(1).and_then(|w| graph.dims(w)).and_then(|d| d.first().copied());
    let vector = |name: &String| {
        graph.dims(name).is_some_and(|d| Some(&d[..]) == width.as_ref().map(std::slice::from_ref))
    };
    let stored = conv.input[1..].iter().chain(&norm.input[1..]);
    let floats = |name: &String| graph.weights(name).is_ok_and(|w| w.element == ElementType::F32);
    norm.input.len() == 5
        && norm.input[1..].iter().chain(conv.input.get(2)).all(vector)
        && stored.into_iter().all(floats)
}

/// Multiplies each output's weights by a factor of its own; outputs are the first axis.
fn multiply_rows(values: &mut [f32], factors: &[f64]) {
    let each = (values.len() / factors.len().max(1)).max(1);
    for (row, factor) in values.chunks_mut(each).zip(factors) {
        row.iter_mut().for_each(|value| *value = (f64::from(*value) * factor) as f32);
    }
}

fn fold(
    graph: &mut Graph,
    (conv, norm): (usize, usize),
    layer: &str,
) -> Result<DecisionDraft, GraphError> {
    let (conv_node, norm_node) = (graph.nodes()[conv].clone(), graph.nodes()[norm].clone());
    let epsilon = f64::from(graph::float(&norm_node, "epsilon").unwrap_or(1e-5));
    let mut paring = Paring::default();
    let mut parameters = Vec::new();
    for name in &norm_node.input[1..] {
        let (weights, values) = floats(graph, name)?;
        paring.0.insert(name.clone(), weights);
        parameters.push(values);
    }
    let [scale, shift, mean, variance] = parameters.as_slice() else {
        let problem = format!("belongs to `{}`, which has not five inputs", norm_node.name);
        return Err(GraphError::Tensor { tensor: norm_node.input[0].clone(), problem });
    };
    let (weights, mut values) = floats(graph, &conv_node.input[1])?;
    paring.0.insert(conv_node.input[1].clone(), weights.clone());
    let bias = match conv_node.input.get(2) {
        None => vec![0.0; scale.len()],
        Some(name) => {
            let (weights, values) = floats(graph, name)?;
            paring.0.insert(name.clone(), weights);
            values
        }
    };
    let factors: Vec<f64> = scale
        .iter()
        .zip(variance)
        .map(|(s, v)| f64::from(*s) / (f64::from(*v) + epsilon).sqrt())
        .collect();
    multiply_rows(&mut values, &factors);
    let centred = bias.iter().zip(mean).map(|(b, m)| f64::from(*b) - f64::from(*m));
    let scaled = centred.zip(&factors).map(|(value, factor)| value * factor);
    let folded: Vec<f32> = scaled.zip(shift).map(|(v, s)| (v + f64::from(*s)) as f32).collect();
    // The normalisation's own shift becomes the bias, unless others read it too.
    let bias_name = match conv_node.input.get(2) {
        Some(name) => name.clone(),
        None => graph.own_initializer(norm, 2).unwrap_or_else(|| norm_node.input[2].clone()),
    };
    graph.set_weights(&conv_node.input[1], Weights::f32(&weights.dims, &values));
    graph.set_weights(&bias_name, Weights::f32(&[folded.len()], &folded));
    if let Some(node) = graph.node_mut(conv) {
        node.input.truncate(2);
        node.input.push(bias_name);
        node.output = norm_node.output.clone();
    }
    Ok(DecisionDraft {
        operation: "fold batch normalization".into(),
        coupling: layer.to_string(),
        paring,
        reason:
            "the same function with the normalisation inside weights and bias; integers need it so"
                .into(),
        ..DecisionDraft::default()
    })
}
