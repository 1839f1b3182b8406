//! Activations of both models' operators on the same samples, channel by channel.

use crate::CompressError;
use crate::catalog::Calibration;
use crate::diff::operators::WeightedOperator;
use ndarray::{ArrayD, Axis};
use paring_onnx::graph::Graph;
use std::collections::BTreeMap;

/// The most values of a channel that are compared.
const VALUES: usize = 1_000;

/// Values of every channel, by operator.
pub(in crate::diff) type ChannelActivations = BTreeMap<usize, Vec<Vec<f32>>>;

/// Activations of both models' operators on the same samples, channel by channel.
pub(in crate::diff) fn observed(
    base: &Graph,
    variant: &Graph,
    ours: &[WeightedOperator],
    theirs: &[WeightedOperator],
    data: &Calibration,
) -> Result<(ChannelActivations, ChannelActivations), CompressError> {
    let renamed = |graph: &Graph| -> Calibration {
        // Inputs that exporters called otherwise, in order.
        let names = graph.inputs().into_iter().map(str::to_string);
        let same = graph.inputs().iter().all(|name| data.inputs.contains_key(*name));
        let inputs = match same {
            true => data.inputs.clone(),
            false => {
                let order = base.inputs().into_iter().filter_map(|name| data.inputs.get(name));
                names.zip(order.cloned()).collect()
            }
        };
        Calibration { inputs, ..data.clone() }
    };
    Ok((seen(base, ours, &renamed(base))?, seen(variant, theirs, &renamed(variant))?))
}

fn seen(
    graph: &Graph,
    operators: &[WeightedOperator],
    data: &Calibration,
) -> Result<ChannelActivations, CompressError> {
    let tensors: Vec<String> = operators.iter().map(|o| o.output.clone()).collect();
    let mut channels: ChannelActivations = BTreeMap::new();
    let each = (VALUES / data.samples().max(1)).max(1);
    data.visit(graph, &tensors, &mut |_, outputs| {
        for (position, (operator, output)) in operators.iter().zip(outputs).enumerate() {
            let axis = if operator.channels_last { output.ndim() - 1 } else { 1 };
            let own = channels.entry(position).or_default();
            own.resize(output.len_of(Axis(axis)), Vec::new());
            for (channel, values) in own.iter_mut().enumerate() {
                append(&output.index_axis(Axis(axis), channel).to_owned(), each, values);
            }
        }
    })?;
    // Correlation is the cosine once means are taken off.
    for values in channels.values_mut().flatten() {
        let mean = values.iter().sum::<f32>() / values.len().max(1) as f32;
        values.iter_mut().for_each(|v| *v -= mean);
    }
    Ok(channels)
}

/// Appends values spread evenly over a channel.
fn append(channel: &ArrayD<f32>, most: usize, into: &mut Vec<f32>) {
    let stride = channel.len().div_ceil(most).max(1);
    into.extend(channel.iter().step_by(stride));
}
