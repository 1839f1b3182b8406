//! Evening out the ranges of channels between neighbouring layers: one scale a tensor then loses
//! hardly more than one a channel. What the network computes does not change.

use crate::{DecisionDraft, Paring};
use paring_onnx::graph::{self, Graph, GraphError, GraphIndex, Weights};
use std::collections::{BTreeMap, BTreeSet};

/// Passes over all pairs, at most.
const PASSES: usize = 20;
/// Factors this close to 1 are not worth another pass.
const SETTLED: f32 = 1e-3;
/// A channel is scaled by no more than this, so that dead ones do not run away.
const MOST: f32 = 1e3;

/// A convolution and the only one that reads it, at most a Relu between them.
struct ConvolutionPair {
    first: usize,
    second: usize,
    channels: usize,
}

/// Scales output i of the first layer of every pair by 1/s and input i of the second by s, with
/// s = √(r₁·r₂)/r₂ from the largest magnitudes r₁ and r₂ of their weights.
///
/// Source: M. Nagel et al. 2019, arXiv 1906.04721, section 4.1.
///
/// # Errors
/// [`GraphError`] where weights cannot be read.
pub(super) fn equalize(graph: &mut Graph) -> Result<Vec<DecisionDraft>, GraphError> {
    let pairs = pairs(graph);
    let mut originals: BTreeMap<String, Weights> = BTreeMap::new();
    for pair in &pairs {
        for position in [pair.first, pair.second] {
            for name in stored(graph, position) {
                originals.insert(name.clone(), graph.weights(&name)?);
            }
        }
    }
    let mut values: BTreeMap<String, Vec<f32>> = BTreeMap::new();
    for (name, weights) in &originals {
        let floats = weights.to_f32().ok_or_else(|| GraphError::Tensor {
            tensor: name.clone(),
            problem: "is not made of f32".into(),
        })?;
        values.insert(name.clone(), floats);
    }
    for _ in 0..PASSES {
        let moved = pairs.iter().map(|pair| even_out(graph, pair, &originals, &mut values));
        if moved.fold(0.0f32, f32::max) < SETTLED {
            break;
        }
    }
    for (name, floats) in &values {
        graph.set_weights(name, Weights::f32(&originals[name].dims, floats));
    }
    Ok(drafts(graph, &pairs, originals, &values))
}

/// Weights and bias of a node.
fn stored(graph: &Graph, position: usize) -> Vec<String> {
    let inputs = graph.nodes()[position].input.iter().skip(1);
    inputs.filter(|name| !name.is_empty()).cloned().collect()
}

fn pairs(graph: &Graph) -> Vec<ConvolutionPair> {
    let index = GraphIndex::new(graph);
    let outputs: BTreeSet<&str> = graph.outputs().into_iter().collect();
    let only_reader = |tensor: &str| match index.only_consumer(tensor) {
        Some((position, 0)) if !outputs.contains(tensor) => Some(position),
        _ => None,
    };
    // Weights of one's own, made of floats.
    let own = |position: usize| {
        stored(graph, position).iter().all(|name| {
            let floats = graph.weights(name).is_ok_and(|w| w.to_f32().is_some());
            floats && index.only_consumer(name).is_some() && !outputs.contains(name.as_str())
        })
    };
    let mut pairs = Vec::new();
    for (first, node) in graph.nodes().iter().enumerate() {
        if node.op_type != "Conv" || !own(first) {
            continue;
        }
        let Some(mut second) = only_reader(&node.output[0]) else { continue };
        if graph.nodes()[second].op_type == "Relu" {
            let Some(behind) = only_reader(&graph.nodes()[second].output[0]) else { continue };
            second = behind;
        }
        let reader = &graph.nodes()[second];
        if reader.op_type != "Conv" || !own(second) {
            continue;
        }
        let (Some(from), Some(to)) = (graph.dims(&node.input[1]), graph.dims(&reader.input[1]))
        else {
            continue;
        };
        let group = graph::int(reader, "group").unwrap_or(1).max(1) as usize;
        let channels = from[0];
        let depthwise = group == channels && to.get(1) == Some(&1);
        if depthwise || (group == 1 && to.get(1) == Some(&channels)) {
            pairs.push(ConvolutionPair { first, second, channels });
        }
    }
    pairs
}

/// Evens out one pair; gives how far its channels moved, as the largest |ln s|.
fn even_out(
    graph: &Graph,
    pair: &ConvolutionPair,
    shapes: &BTreeMap<String, Weights>,
    values: &mut BTreeMap<String, Vec<f32>>,
) -> f32 {
    let (first, second) = (&graph.nodes()[pair.first], &graph.nodes()[pair.second]);
    let (w1, w2) = (&first.input[1], &second.input[1]);
    let of_second = InputChannelWeights::new(&shapes[w2].dims, pair.channels);
    let rows = values[w1].len() / pair.channels;
    let mut factors = vec![1.0f32; pair.channels];
    for (channel, factor) in factors.iter_mut().enumerate() {
        let row = &values[w1][channel * rows..(channel + 1) * rows];
        let r1 = row.iter().fold(0.0f32, |most, v| most.max(v.abs()));
        let column = of_second.of(channel, values[w2].len());
        let r2 = column.fold(0.0f32, |most, i| most.max(values[w2][i].abs()));
        if r1 > 0.0 && r2 > 0.0 {
            *factor = ((r1 * r2).sqrt() / r2).clamp(1.0 / MOST, MOST);
        }
    }
    if let Some(weights) = values.get_mut(w1) {
        weights.iter_mut().enumerate().for_each(|(i, v)| *v /= factors[i / rows]);
    }
    if let Some(bias) = first.input.get(2).and_then(|name| values.get_mut(name)) {
        bias.iter_mut().zip(&factors).for_each(|(v, factor)| *v /= factor);
    }
    if let Some(weights) = values.get_mut(w2) {
        let count = weights.len();
        for (channel, factor) in factors.iter().enumerate() {
            of_second.of(channel, count).for_each(|i| weights[i] *= factor);
        }
    }
    factors.iter().fold(0.0, |most, factor| most.max(factor.ln().abs()))
}

/// The positions of one input channel's weights.
struct InputChannelWeights {
    depthwise: bool,
    channels: usize,
    /// Places of the kernel.
    area: usize,
}

impl InputChannelWeights {
    fn new(dims: &[usize], channels: usize) -> InputChannelWeights {
        let depthwise = dims[1] != channels || (channels == 1 && dims[1] == 1);
        InputChannelWeights { depthwise, channels, area: dims[2..].iter().product() }
    }

    fn of(&self, channel: usize, count: usize) -> impl Iterator<Item = usize> + use<> {
        let (area, channels) = (self.area, self.channels);
        let (blocks, stride, start) = match self.depthwise {
            // All filters of a channel stand together.
            true => (1, 0, channel * (count / channels)),
            false => (count / (channels * area), channels * area, channel * area),
        };
        let length = if self.depthwise { count / channels } else { area };
        (0..blocks).flat_map(move |block| (0..length).map(move |i| start + block * stride + i))
    }
}

/// One decision a layer that changed.
fn drafts(
    graph: &Graph,
    pairs: &[ConvolutionPair],
    mut originals: BTreeMap<String, Weights>,
    values: &BTreeMap<String, Vec<f32>>,
) -> Vec<DecisionDraft> {
    let positions: BTreeSet<usize> = pairs.iter().flat_map(|p| [p.first, p.second]).collect();
    let spread = |floats: &[f32], outputs: usize| -> f64 {
        let each = floats.chunks((floats.len() / outputs.max(1)).max(1));
        let largest = each.map(|row| row.iter().fold(0.0f32, |most, v| most.max(v.abs())));
        let largest: Vec<f32> = largest.filter(|r| *r > 0.0).collect();
        let most = largest.iter().copied().fold(0.0, f32::max);
        f64::from(most / largest.iter().copied().fold(most, f32::min).max(f32::MIN_POSITIVE))
    };
    let mut drafts = Vec::new();
    let layers = graph::layer_names(graph);
    for position in positions {
        let node = &graph.nodes()[position];
        let weights = &node.input[1];
        let Some(before) = originals.get(weights).and_then(Weights::to_f32) else { continue };
        let outputs = originals[weights].dims[0];
        let reason = format!(
            "ranges of its outputs' weights differed by a factor of {:.1}, now by {:.1}; the function is the same",
            spread(&before, outputs),
            spread(&values[weights], outputs)
        );
        let names = stored(graph, position);
        let taken = names.into_iter().filter_map(|n| originals.remove(&n).map(|w| (n, w)));
        drafts.push(DecisionDraft {
            operation: "equalize".into(),
            coupling: layers[position].clone(),
            paring: Paring(taken.collect()),
            reason,
            ..DecisionDraft::default()
        });
    }
    drafts
}
