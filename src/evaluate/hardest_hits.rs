//! The samples that a variant hits hardest, and the regions of the data where they lie.

use super::prediction::{ModelOutputs, PredictError};
use paring_agent::engine::{AnalysedModel, DimensionBindings, ModelSource};
use paring_core::schema::{DegradedSample, EngineOptions, FlipKind, SampleNeighbourhood};
use paring_data::Dataset;
use paring_onnx::graph::Graph;
use paring_onnx::ops::is_product;
use std::collections::BTreeMap;

/// Neighbours that make up a region.
const NEIGHBOURS: usize = 10;

/// The `count` samples whose label, or without labels the baseline's class, lost most probability,
/// hardest first. `features` are one row a sample; empty for no regions.
pub fn hardest_hits(
    before: &ModelOutputs,
    after: &ModelOutputs,
    features: &[Vec<f32>],
    count: usize,
) -> Vec<DegradedSample> {
    let (was, now) = (before.predictions(), after.predictions());
    let own = |answers: &ModelOutputs, p: usize| {
        let class = if before.labelled() { Some(before.labels[p]) } else { before.class[p] };
        let class = class.and_then(|class| usize::try_from(class).ok());
        class.and_then(|l| answers.row(p).get(l)).map_or(0.0, |v| f64::from(*v))
    };
    let finite = |v: f64| if v.is_finite() { v } else { 0.0 };
    let lost = |p: usize| finite(own(before, p)) - finite(own(after, p));
    let mut order: Vec<usize> = (0..was.len()).filter(|p| lost(*p) > 0.0).collect();
    order.sort_by(|a, b| lost(*b).total_cmp(&lost(*a)));
    order.truncate(count);
    let hit = |p: usize| DegradedSample {
        sample: before.samples[p],
        label: was[p].label,
        before: was[p].class,
        after: now[p].class,
        flip: FlipKind::of(&was[p], &now[p]),
        lost: lost(p),
        region: (features.len() == was.len() && before.labelled()).then(|| {
            let near = nearest(features, p);
            let share = |of: &dyn Fn(usize) -> bool| {
                near.iter().filter(|n| of(**n)).count() as f64 / near.len().max(1) as f64
            };
            SampleNeighbourhood {
                neighbours: near.iter().map(|n| before.samples[*n]).collect(),
                same_label: share(&|n| before.labels[n] == before.labels[p]),
                accuracy_before: share(&|n| was[n].is_right()),
                accuracy_after: share(&|n| now[n].is_right()),
            }
        }),
    };
    order.into_iter().map(hit).collect()
}

/// Positions of the nearest other rows.
fn nearest(features: &[Vec<f32>], position: usize) -> Vec<usize> {
    let own = &features[position];
    let distance = |other: &[f32]| -> f64 {
        own.iter().zip(other).map(|(a, b)| f64::from(a - b).powi(2)).sum()
    };
    let others = (0..features.len()).filter(|p| *p != position);
    let mut all: Vec<(f64, usize)> = others.map(|p| (distance(&features[p]), p)).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    all.into_iter().take(NEIGHBOURS).map(|(_, p)| p).collect()
}

/// Inputs of the last layer with weights, one row a sample; `None` where no layer has
/// weights.
///
/// # Errors
/// The engine's.
pub fn penultimate(
    graph: &Graph,
    data: &Dataset,
    samples: &[usize],
    batch: usize,
    dims: &BTreeMap<String, usize>,
) -> Result<Option<Vec<Vec<f32>>>, PredictError> {
    let weights = graph.initializer_names();
    let last = graph.nodes().iter().rev().find(|node| {
        is_product(node) && node.input.iter().skip(1).any(|input| weights.contains(input.as_str()))
    });
    let Some(tensor) = last.and_then(|node| node.input.first()) else { return Ok(None) };
    let bytes = graph.encode();
    let source = ModelSource::Bytes(graph.name(), &bytes);
    let bindings = DimensionBindings { batch, dims };
    let model = AnalysedModel::load_tensors(source, bindings, std::slice::from_ref(tensor))?;
    let plan = model.optimise(&EngineOptions::default())?;
    let mut rows = Vec::with_capacity(samples.len());
    for chunk in samples.chunks(batch.max(1)) {
        let filled: Vec<usize> = chunk.iter().copied().cycle().take(batch).collect();
        let outputs = plan.run(&plan.inputs(&data.inputs_at(&filled)?)?)?;
        let Some(output) = outputs.first() else { return Ok(None) };
        let flat: Vec<f32> = output.iter().copied().collect();
        let width = flat.len() / batch.max(1);
        rows.extend(flat.chunks(width.max(1)).take(chunk.len()).map(<[f32]>::to_vec));
    }
    Ok(Some(rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::{GroundTruth, PixelOutputs};
    use paring_core::schema::TaskKind;

    #[test]
    fn the_hardest_hit_come_first_and_know_their_neighbours() {
        let answers = |values: [f32; 6]| ModelOutputs {
            kind: TaskKind::Classification,
            samples: vec![4, 5, 6],
            labels: vec![0, 0, 1],
            truth: GroundTruth::Classes,
            width: 2,
            values: values.to_vec(),
            class: values.chunks(2).map(|row| Some(i64::from(row[1] > row[0]))).collect(),
            pixels: PixelOutputs::default(),
        };
        let before = answers([0.75, 0.25, 0.875, 0.125, 0.25, 0.75]);
        let after = answers([0.625, 0.375, 0.125, 0.875, 0.25, 0.75]);
        let features = vec![vec![0.0], vec![1.0], vec![5.0]];
        let found = hardest_hits(&before, &after, &features, 9);
        assert_eq!(found.iter().map(|h| h.sample).collect::<Vec<_>>(), [5, 4]);
        assert_eq!((found[0].lost, found[0].flip), (0.75, Some(FlipKind::RightToWrong)));
        let region = found[1].region.as_ref().unwrap();
        assert_eq!(region.neighbours, [5, 6]);
        assert_eq!((region.same_label, region.accuracy_after), (0.5, 0.5));
        assert!(hardest_hits(&before, &after, &[], 1)[0].region.is_none());
    }
}
