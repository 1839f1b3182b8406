//! Calibration samples as training sees them: mixed in pairs, moved by a few places, with noise.
//!
//! No label is asked for: the baseline answers the same inputs, whatever they show.

use crate::distillation::settings::Distillation;
use ndarray::{ArrayD, ArrayViewMutD, Axis};
use paring_agent::arrays::Array;
use paring_core::stats;
use rand::RngExt;
use std::collections::BTreeMap;

/// Axes shorter than this are channels rather than places.
const SHORTEST: usize = 5;

/// Calibration samples, and the changes that are drawn for them.
pub(in crate::distillation) struct AugmentedInputs<'a> {
    inputs: &'a BTreeMap<String, Array>,
    /// Standard deviation of each input of 32-bit floats.
    deviations: BTreeMap<&'a str, f32>,
    how: &'a Distillation,
    seed: u64,
    /// True where every input is made of floats, so that two samples have something between them.
    mixes: bool,
}

/// The changes of one sample.
struct SampleChange {
    /// The sample that it is mixed with, and the share of that.
    partner: Option<(usize, f32)>,
    generator: stats::SeededGenerator,
}

impl<'a> AugmentedInputs<'a> {
    /// Samples along axis 0 of each input.
    pub(in crate::distillation) fn new(
        inputs: &'a BTreeMap<String, Array>,
        how: &'a Distillation,
        seed: u64,
    ) -> AugmentedInputs<'a> {
        let floats = |(name, array): (&'a String, &'a Array)| match array {
            Array::F32(values) => Some((name.as_str(), deviation(values))),
            _ => None,
        };
        let deviations: BTreeMap<&str, f32> = inputs.iter().filter_map(floats).collect();
        // Labels of a mixture are nobody's.
        let mixes = deviations.len() == inputs.len() && how.labels == 0.0;
        AugmentedInputs { inputs, deviations, how, seed, mixes }
    }

    /// Samples as an epoch sees them: the same in every run and in whatever order they are asked for.
    pub(in crate::distillation) fn at(
        &self,
        epoch: usize,
        indices: &[usize],
    ) -> BTreeMap<String, Array> {
        let mut changes: Vec<SampleChange> =
            indices.iter().map(|sample| self.change(epoch, *sample)).collect();
        let each = self.inputs.iter().map(|(name, array)| {
            let (Array::F32(all), Some(deviation)) = (array, self.deviations.get(name.as_str()))
            else {
                return (name.clone(), array.take(indices));
            };
            let mut rows = all.select(Axis(0), indices);
            for (mut row, change) in rows.axis_iter_mut(Axis(0)).zip(&mut changes) {
                if let Some((partner, share)) = change.partner {
                    let other = all.index_axis(Axis(0), partner);
                    row.zip_mut_with(&other, |a, b| *a += share * (b - *a));
                }
                shift(row.view_mut(), self.how.shift, &mut change.generator);
                noise(row, self.how.noise as f32 * deviation, &mut change.generator);
            }
            (name.clone(), Array::F32(rows))
        });
        each.collect()
    }

    fn change(&self, epoch: usize, sample: usize) -> SampleChange {
        let mut generator = stats::generator(self.seed, &format!("distill {epoch} {sample}"));
        let samples = self.inputs.values().map(Array::rows).min().unwrap_or(0);
        let mixed = generator.random::<f64>() < self.how.mix;
        let partner = (mixed && self.mixes && samples > 1)
            .then(|| (generator.random_range(0..samples), generator.random::<f32>()));
        SampleChange { partner, generator }
    }
}

fn deviation(values: &ArrayD<f32>) -> f32 {
    let count = values.len().max(1) as f64;
    let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / count;
    let variance = values.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / count;
    variance.sqrt() as f32
}

/// The axes along which a sample can be moved: the last two that are long enough to be places of an
/// image, or the only one of a signal. Of two long axes alone nothing tells which one is time.
fn places(shape: &[usize]) -> Vec<usize> {
    let long: Vec<usize> = (0..shape.len()).filter(|axis| shape[*axis] >= SHORTEST).collect();
    match (shape.len(), long.len()) {
        (0 | 1, _) | (2, 2) => vec![],
        (_, count) => long[count.saturating_sub(2)..].to_vec(),
    }
}

/// Moves a sample along each axis of places by at most a share of it, either way; the border repeats.
fn shift(mut row: ArrayViewMutD<f32>, share: f64, generator: &mut stats::SeededGenerator) {
    for axis in places(row.shape()) {
        let size = row.shape()[axis];
        let most = (share * size as f64).round() as i64;
        let by = generator.random_range(-most..=most);
        if by == 0 {
            continue;
        }
        let from = |i: usize| (i as i64 + by).clamp(0, size as i64 - 1) as usize;
        let indices: Vec<usize> = (0..size).map(from).collect();
        let moved = row.select(Axis(axis), &indices);
        row.assign(&moved);
    }
}

/// Normal noise, both numbers of a pair.
fn noise(mut row: ArrayViewMutD<f32>, deviation: f32, generator: &mut stats::SeededGenerator) {
    if deviation <= 0.0 {
        return;
    }
    let mut second = None;
    row.mapv_inplace(|value| {
        let normal = second.take().unwrap_or_else(|| {
            let [first, other] = stats::standard_normal_pair(generator);
            second = Some(other);
            first
        });
        value + deviation * normal as f32
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::IxDyn;

    fn images(samples: usize) -> BTreeMap<String, Array> {
        let values = (0..samples * 100).map(|i| (i % 100) as f32).collect();
        let array = ArrayD::from_shape_vec(IxDyn(&[samples, 1, 10, 10]), values).unwrap();
        BTreeMap::from([("x".to_string(), Array::F32(array))])
    }

    fn only(change: impl Fn(&mut Distillation)) -> Distillation {
        let mut how = Distillation { shift: 0.0, noise: 0.0, mix: 0.0, ..Distillation::default() };
        change(&mut how);
        how
    }

    fn changed(inputs: &BTreeMap<String, Array>, how: &Distillation) -> ArrayD<f32> {
        let Array::F32(found) = AugmentedInputs::new(inputs, how, 3).at(2, &[0, 1])["x"].clone()
        else {
            panic!()
        };
        found
    }

    #[test]
    fn changes_are_as_large_as_they_say_and_repeat() {
        let inputs = images(2);
        let Array::F32(given) = &inputs["x"] else { panic!() };
        assert_eq!(changed(&inputs, &only(|_| {})), given);
        let noisy = changed(&inputs, &only(|how| how.noise = 0.5));
        let off = (&noisy - given).mapv(|v| v * v).mean().unwrap().sqrt() / deviation(given);
        assert!((off - 0.5).abs() < 0.07, "{off}");
        assert_eq!(noisy, changed(&inputs, &only(|how| how.noise = 0.5)));
        // Pixels are 10 y + x: a move is the same number everywhere but at the border.
        let moved = changed(&inputs, &only(|how| how.shift = 0.2));
        let middle = |array: &ArrayD<f32>| array[[0, 0, 4, 4]];
        let by = middle(&moved) - middle(given);
        let (down, right) = ((by / 10.0).round(), by - 10.0 * (by / 10.0).round());
        assert!(down.abs() <= 2.0 && right.abs() <= 2.0 && by.fract() == 0.0, "{by}");
    }

    #[test]
    fn only_floats_are_mixed_and_only_places_moved() {
        let mut inputs = images(2);
        let Array::F32(images) = inputs.get_mut("x").unwrap() else { panic!() };
        images.index_axis_mut(Axis(0), 1).fill(-100.0);
        let mixed = changed(&inputs, &only(|how| how.mix = 1.0));
        let Array::F32(given) = &inputs["x"] else { panic!() };
        assert_ne!(mixed, given);
        let between = |v: &f32| (-100.0..=99.0).contains(v);
        assert!(mixed.iter().all(between));
        let labelled = only(|how| (how.mix, how.labels) = (1.0, 1.0));
        assert_eq!(changed(&inputs, &labelled), given);
        for (shape, axes) in [
            (&[30][..], &[][..]),
            (&[20, 64], &[]),
            (&[1, 100], &[1]),
            (&[3, 32, 32], &[1, 2]),
            (&[32, 32, 3], &[0, 1]),
            (&[64, 8, 8], &[1, 2]),
        ] {
            assert_eq!(places(shape), axes, "{shape:?}");
        }
    }
}
