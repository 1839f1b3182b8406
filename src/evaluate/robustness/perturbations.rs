//! Inputs that are not quite those in the data: the same changes for every model.

use ndarray::{ArrayD, ArrayViewMutD, Axis, Slice};
use paring_agent::arrays::Array;
use paring_core::schema::InputDisturbance;
use paring_core::stats;
use rand::RngExt;
use std::collections::BTreeMap;

/// Axes shorter than this are channels rather than places.
const SHORTEST: usize = 5;

/// Range and standard deviation of an input over the samples that are looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InputSpread {
    /// Smallest.
    pub low: f32,
    /// Largest.
    pub high: f32,
    /// Standard deviation.
    pub deviation: f32,
}

impl InputSpread {
    /// Of all numbers of an array; `None` of none.
    pub fn of(array: &ArrayD<f32>) -> Option<InputSpread> {
        let count = array.len() as f64;
        let mean = array.iter().map(|v| f64::from(*v)).sum::<f64>() / count;
        let variance = array.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / count;
        let bounds = array
            .iter()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)));
        (count > 0.0).then(|| InputSpread {
            low: bounds.0,
            high: bounds.1,
            deviation: variance.sqrt() as f32,
        })
    }
}

/// The spread of every float input.
pub fn spreads(inputs: &BTreeMap<String, Array>) -> BTreeMap<String, InputSpread> {
    let each = inputs.iter().filter_map(|(name, array)| match array {
        Array::F32(values) => Some((name.clone(), InputSpread::of(values)?)),
        _ => None,
    });
    each.collect()
}

/// Changes the float inputs of the samples at `indices`, one row a sample; the others stay. The same
/// sample, seed and strength give the same change, whichever model is asked and in whatever order.
pub fn perturb_inputs(
    inputs: &BTreeMap<String, Array>,
    indices: &[usize],
    spreads: &BTreeMap<String, InputSpread>,
    how: InputDisturbance,
    strength: f64,
    seed: u64,
) -> BTreeMap<String, Array> {
    let each = inputs.iter().map(|(name, array)| {
        let Array::F32(values) = array else { return (name.clone(), array.clone()) };
        let Some(spread) = spreads.get(name).copied() else { return (name.clone(), array.clone()) };
        let mut values = values.clone();
        for (row, sample) in values.axis_iter_mut(Axis(0)).zip(indices) {
            let mut rng = stats::generator(seed, &format!("{how} {name} {sample}"));
            match how {
                InputDisturbance::Noise => noise(row, strength as f32 * spread.deviation, &mut rng),
                InputDisturbance::Brightness => {
                    let added = strength as f32 * spread.deviation;
                    let sign = if rng.random::<bool>() { 1.0 } else { -1.0 };
                    map(row, |v| v + sign * added);
                }
                InputDisturbance::Shift => shift(row, strength.round() as usize, &mut rng),
                InputDisturbance::Occlusion => occlude(row, strength, &mut rng),
                InputDisturbance::Quantized => quantize(row, strength, spread),
                // Found by looking at a model, not drawn.
                _ => {}
            }
        }
        (name.clone(), Array::F32(values))
    });
    each.collect()
}

fn map(mut row: ArrayViewMutD<f32>, of: impl Fn(f32) -> f32) {
    row.mapv_inplace(of);
}

/// Normal noise.
fn noise(mut row: ArrayViewMutD<f32>, deviation: f32, rng: &mut stats::SeededGenerator) {
    row.mapv_inplace(|v| v + deviation * stats::standard_normal_pair(rng)[0] as f32);
}

/// The last two axes that are long enough to be places.
fn places(shape: &[usize]) -> Vec<usize> {
    let long: Vec<usize> = (0..shape.len()).filter(|axis| shape[*axis] >= SHORTEST).collect();
    long[long.len().saturating_sub(2)..].to_vec()
}

/// Moves by so many entries along each axis of places, either way; the border repeats.
fn shift(mut row: ArrayViewMutD<f32>, by: usize, rng: &mut stats::SeededGenerator) {
    for axis in places(row.shape()) {
        let size = row.shape()[axis];
        let back = rng.random::<bool>();
        let indices: Vec<usize> = (0..size)
            .map(|i| if back { i.saturating_sub(by) } else { (i + by).min(size - 1) })
            .collect();
        let moved = row.select(Axis(axis), &indices);
        row.assign(&moved);
    }
}

/// A rectangle with so large a share of the places becomes the sample's mean.
fn occlude(mut row: ArrayViewMutD<f32>, share: f64, rng: &mut stats::SeededGenerator) {
    let mean = row.mean().unwrap_or(0.0);
    let axes = places(row.shape());
    let part = share.clamp(0.0, 1.0).powf(1.0 / axes.len().max(1) as f64);
    let mut hidden = row.view_mut();
    for axis in axes {
        let size = hidden.shape()[axis];
        let side = ((part * size as f64).round() as usize).clamp(1, size);
        let start = rng.random_range(0..=size - side);
        hidden.slice_axis_inplace(Axis(axis), Slice::from(start..start + side));
    }
    hidden.fill(mean);
}

fn quantize(row: ArrayViewMutD<f32>, bits: f64, spread: InputSpread) {
    let steps = (2f64.powf(bits.clamp(1.0, 16.0)) - 1.0) as f32;
    let scale = (spread.high - spread.low) / steps;
    if scale > 0.0 {
        map(row, |v| spread.low + ((v - spread.low) / scale).round() * scale);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::IxDyn;

    fn inputs(samples: usize) -> BTreeMap<String, Array> {
        let values = (0..samples * 64).map(|i| (i % 64) as f32).collect();
        let array = ArrayD::from_shape_vec(IxDyn(&[samples, 1, 8, 8]), values).unwrap();
        BTreeMap::from([("x".to_string(), Array::F32(array))])
    }

    fn changed(how: InputDisturbance, strength: f64) -> ArrayD<f32> {
        let found = perturb_inputs(&inputs(2), &[3, 9], &spreads(&inputs(2)), how, strength, 5);
        let Array::F32(array) = &found["x"] else { panic!() };
        array.clone()
    }

    #[test]
    fn every_change_is_as_strong_as_it_says() {
        let Array::F32(before) = &inputs(2)["x"] else { panic!() };
        let off = |array: &ArrayD<f32>| {
            ((array - before).mapv(|v| v * v).mean().unwrap()).sqrt()
                / InputSpread::of(before).unwrap().deviation
        };
        assert!((off(&changed(InputDisturbance::Noise, 0.5)) - 0.5).abs() < 0.1);
        assert!((off(&changed(InputDisturbance::Brightness, 0.25)) - 0.25).abs() < 1e-4);
        let hidden = changed(InputDisturbance::Occlusion, 0.25);
        let mean = 31.5;
        let covered = hidden.index_axis(Axis(0), 0).iter().filter(|v| **v == mean).count();
        assert_eq!(covered, 16);
        let coarse = changed(InputDisturbance::Quantized, 1.0);
        assert!(coarse.iter().all(|v| *v == 0.0 || *v == 63.0));
        let moved = changed(InputDisturbance::Shift, 1.0);
        let steps: Vec<f32> = (&moved - before).iter().map(|v| v.abs()).collect();
        assert!(steps.iter().all(|s| [0.0, 1.0, 7.0, 8.0, 9.0].contains(s)), "{steps:?}");
    }

    #[test]
    fn a_sample_is_changed_alike_wherever_it_stands() {
        let one =
            perturb_inputs(&inputs(1), &[9], &spreads(&inputs(1)), InputDisturbance::Shift, 2.0, 5);
        let Array::F32(one) = &one["x"] else { panic!() };
        let two = changed(InputDisturbance::Shift, 2.0);
        assert_eq!(one.index_axis(Axis(0), 0), two.index_axis(Axis(0), 1));
    }
}
