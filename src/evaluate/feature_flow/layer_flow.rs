//! Feature flow: what each layer gives, before and after.

use super::representation_similarity::{centred, effective_rank, linear_cka};
use crate::evaluate::prediction::PredictError;
use faer::Mat;
use ndarray::{ArrayD, Axis};
use paring_agent::arrays::Array;
use paring_agent::engine::{AnalysedModel, DimensionBindings, ModelSource};
use paring_core::schema::{
    ActivationStatistics, AttentionHeadStatistics, EngineOptions, LayerFlow,
};
use paring_onnx::graph::{Graph, GraphIndex, Node, layer_names};
use paring_onnx::ops::is_product;
use std::collections::BTreeMap;

/// Rows of a layer that are looked at.
const MOST_ROWS: usize = 1_024;

/// Operators behind a layer that belong to it.
const ACTIVATIONS: [&str; 12] = [
    "BatchNormalization",
    "Relu",
    "Clip",
    "Sigmoid",
    "HardSigmoid",
    "HardSwish",
    "LeakyRelu",
    "Elu",
    "Gelu",
    "Tanh",
    "PRelu",
    "Max",
];

/// A layer and the tensor that stands for it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct WatchedLayer {
    layer: String,
    tensor: String,
    attention: bool,
}

/// Activation statistics of each layer of `baseline`, and of the layer of `variant` whose tensor has the
/// same name, on the same inputs. `bindings.batch` is the number of rows of `inputs`.
///
/// # Errors
/// The engine's.
pub fn layer_flows(
    baseline: &Graph,
    variant: Option<&Graph>,
    inputs: &BTreeMap<String, Array>,
    bindings: DimensionBindings,
) -> Result<Vec<LayerFlow>, PredictError> {
    let watched = watched(baseline);
    let before = tensors(baseline, &watched, inputs, bindings)?;
    let there: Vec<WatchedLayer> = variant.map_or(vec![], |graph| {
        let gives = |w: &&WatchedLayer| graph.nodes().iter().any(|n| n.output.contains(&w.tensor));
        watched.iter().filter(gives).cloned().collect()
    });
    let after = match variant {
        Some(graph) => tensors(graph, &there, inputs, bindings)?,
        None => BTreeMap::new(),
    };
    let mut all = Vec::new();
    for own in &watched {
        let Some(x) = before.get(&own.tensor) else { continue };
        let (x_rows, y) = (rows(x), after.get(&own.tensor));
        let y_rows = y.map(rows);
        let similarity = y_rows.as_ref().filter(|y| y.nrows() == x_rows.nrows());
        let similarity = similarity.and_then(|y| linear_cka(&centred(&x_rows), &centred(y)));
        all.push(LayerFlow {
            layer: own.layer.clone(),
            tensor: own.tensor.clone(),
            before: activation_statistics(x, &x_rows, own.attention),
            after: y
                .zip(y_rows)
                .map(|(y, y_rows)| activation_statistics(y, &y_rows, own.attention)),
            similarity,
        });
    }
    Ok(all)
}

/// Layers with weights, each with what its activation gives, and attention.
fn watched(graph: &Graph) -> Vec<WatchedLayer> {
    let index = GraphIndex::new(graph);
    let weights = graph.initializer_names();
    let mut all: Vec<WatchedLayer> = Vec::new();
    for (node, layer) in graph.nodes().iter().zip(layer_names(graph)) {
        let weighted = is_product(node)
            && node.input.iter().skip(1).any(|input| weights.contains(input.as_str()));
        let reader = |tensor: &str| {
            let [(reader, _)] = index.consumers(tensor) else { return None };
            Some(&graph.nodes()[*reader])
        };
        let Some(mut tensor) = node.output.first().cloned() else { continue };
        let attention = node.op_type == "Softmax"
            && index.consumers(&tensor).iter().any(|(r, _)| graph.nodes()[*r].op_type == "MatMul");
        if !weighted && !attention {
            continue;
        }
        while let Some(next) = reader(&tensor).filter(|_| weighted) {
            let biased = next.op_type == "Add"
                && next.input.iter().any(|input| weights.contains(input.as_str()));
            match (follows(next) || biased, next.output.first()) {
                (true, Some(output)) => tensor = output.clone(),
                _ => break,
            }
        }
        if !all.iter().any(|w| w.tensor == tensor) {
            all.push(WatchedLayer { layer, tensor, attention });
        }
    }
    all
}

fn follows(node: &Node) -> bool {
    ACTIVATIONS.contains(&node.op_type.as_str())
}

fn tensors(
    graph: &Graph,
    watched: &[WatchedLayer],
    inputs: &BTreeMap<String, Array>,
    bindings: DimensionBindings,
) -> Result<BTreeMap<String, ArrayD<f32>>, PredictError> {
    if watched.is_empty() {
        return Ok(BTreeMap::new());
    }
    let names: Vec<String> = watched.iter().map(|w| w.tensor.clone()).collect();
    let bytes = graph.encode();
    let source = ModelSource::Bytes(graph.name(), &bytes);
    let plan = AnalysedModel::load_tensors(source, bindings, &names)?
        .optimise(&EngineOptions::default())?;
    let rows = inputs.values().map(Array::rows).min().unwrap_or(0);
    let mut parts: Vec<Vec<ArrayD<f32>>> = vec![vec![]; names.len()];
    for start in (0..rows).step_by(bindings.batch.max(1)) {
        let own: Vec<usize> = (start..start + bindings.batch).map(|i| i % rows).collect();
        let given = inputs.iter().map(|(name, array)| (name.clone(), array.take(&own)));
        let outputs = plan.run(&plan.inputs(&given.collect())?)?;
        parts.iter_mut().zip(outputs).for_each(|(all, output)| all.push(output));
    }
    let joined = names.into_iter().zip(parts).filter_map(|(name, parts)| {
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        Some((name, ndarray::concatenate(Axis(0), &views).ok()?))
    });
    Ok(joined.collect())
}

/// The axis of channels: the second of images, the last of anything else.
fn channel_axis(x: &ArrayD<f32>) -> usize {
    match x.ndim() {
        4 | 5 => 1,
        rank => rank.saturating_sub(1),
    }
}

/// Rows of channels at evenly spaced samples and places.
fn rows(x: &ArrayD<f32>) -> Mat<f64> {
    let axis = channel_axis(x);
    let channels = x.shape().get(axis).copied().unwrap_or(1).max(1);
    let lanes: Vec<_> = x.lanes(Axis(axis)).into_iter().collect();
    let take = lanes.len().min(MOST_ROWS);
    Mat::from_fn(take, channels, |r, c| f64::from(lanes[r * lanes.len() / take.max(1)][c]))
}

fn activation_statistics(
    x: &ArrayD<f32>,
    rows: &Mat<f64>,
    attention: bool,
) -> ActivationStatistics {
    let count = x.len().max(1) as f64;
    let mean = x.iter().map(|v| f64::from(*v)).sum::<f64>() / count;
    let deviation = (x.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / count).sqrt();
    let axis = channel_axis(x);
    let dead = x.axis_iter(Axis(axis)).filter(|channel| {
        let first = channel.iter().next().copied().unwrap_or(0.0);
        channel.iter().all(|v| f64::from((v - first).abs()) <= 1e-6 * deviation)
    });
    let channels = x.shape().get(axis).copied().unwrap_or(0);
    ActivationStatistics {
        channels,
        rows: rows.nrows(),
        mean,
        deviation,
        zeros: x.iter().filter(|v| **v == 0.0).count() as f64 / count,
        dead: dead.count() as f64 / channels.max(1) as f64,
        effective_rank: effective_rank(&centred(rows)).unwrap_or(0.0),
        heads: if attention { heads(x) } else { vec![] },
    }
}

/// Entropy and distance of each head of `[samples, heads, places, places]`.
fn heads(x: &ArrayD<f32>) -> Vec<AttentionHeadStatistics> {
    if x.ndim() != 4 {
        return vec![];
    }
    let each = x.axis_iter(Axis(1)).map(|head| {
        let (mut entropy, mut distance, mut places) = (0.0, 0.0, 0.0);
        for sample in head.axis_iter(Axis(0)) {
            for (from, row) in sample.axis_iter(Axis(0)).enumerate() {
                places += 1.0;
                for (to, p) in
                    row.iter().map(|p| f64::from(*p)).enumerate().filter(|(_, p)| *p > 0.0)
                {
                    entropy -= p * p.ln();
                    distance += p * from.abs_diff(to) as f64;
                }
            }
        }
        AttentionHeadStatistics {
            entropy: entropy / f64::max(places, 1.0),
            distance: distance / f64::max(places, 1.0),
        }
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::IxDyn;

    #[test]
    fn heads_say_how_wide_and_how_far_they_look() {
        // One head looks at its own place, the other evenly at both.
        let values = vec![1.0, 0.0, 0.0, 1.0, 0.5, 0.5, 0.5, 0.5];
        let x = ArrayD::from_shape_vec(IxDyn(&[1, 2, 2, 2]), values).unwrap();
        let found = heads(&x);
        assert_eq!((found[0].entropy, found[0].distance), (0.0, 0.0));
        assert!((found[1].entropy - 2f64.ln()).abs() < 1e-12);
        assert!((found[1].distance - 0.5).abs() < 1e-12);
    }

    #[test]
    fn channels_that_never_vary_are_dead() {
        let x = ArrayD::from_shape_fn(IxDyn(&[4, 3, 2, 2]), |i| match i[1] {
            0 => 0.0,
            1 => 2.5,
            _ => i[0] as f32,
        });
        let found = activation_statistics(&x, &rows(&x), false);
        assert!((found.dead - 2.0 / 3.0).abs() < 1e-12);
        assert!((found.effective_rank - 1.0).abs() < 1e-3);
        assert!((found.zeros - 5.0 / 12.0).abs() < 1e-12);
    }
}
