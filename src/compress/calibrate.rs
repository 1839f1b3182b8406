//! Ranges of activations on calibration samples.

use super::CompressError;
use crate::data::Array;
use crate::engine::{Bindings, Model, Source};
use crate::graph::Graph;
use crate::record::{EngineOptions, Sha256Hex};
use std::collections::BTreeMap;

/// Samples to calibrate on.
#[derive(Clone, Debug)]
pub struct Calibration {
    /// The inputs by name, samples along axis 0.
    pub inputs: BTreeMap<String, Array>,
    /// How many samples the model takes at once.
    pub batch: usize,
    /// Values for symbolic dimensions.
    pub dims: BTreeMap<String, usize>,
    /// Hash of the samples.
    pub sha256: Sha256Hex,
}

/// The smallest and the largest value of a tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// Smallest.
    pub low: f32,
    /// Largest.
    pub high: f32,
}

impl Calibration {
    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.inputs.values().map(Array::rows).min().unwrap_or(0)
    }

    /// The range of each of `tensors` over all samples; a last incomplete batch is left out unless
    /// it is the only one, which then wraps around.
    ///
    /// # Errors
    /// [`CompressError::NotFinite`] names a tensor that is NaN or infinite; the engine's errors.
    pub fn ranges(
        &self,
        graph: &Graph,
        tensors: &[String],
    ) -> Result<BTreeMap<String, Range>, CompressError> {
        let bytes = graph.encode();
        let source = Source::Bytes(graph.name(), &bytes);
        let bindings = Bindings { batch: self.batch, dims: &self.dims };
        let plan =
            Model::load_tensors(source, bindings, tensors)?.optimise(&EngineOptions::default())?;
        let mut ranges: Vec<Option<Range>> = vec![None; tensors.len()];
        let samples = self.samples();
        for batch in 0..(samples / self.batch).max(1) {
            let indices: Vec<usize> =
                (0..self.batch).map(|i| (batch * self.batch + i) % samples.max(1)).collect();
            let arrays = self.inputs.iter().map(|(name, a)| (name.clone(), a.take(&indices)));
            let outputs = plan.run(&plan.inputs(&arrays.collect())?)?;
            for ((range, output), tensor) in ranges.iter_mut().zip(&outputs).zip(tensors) {
                for value in output {
                    if !value.is_finite() {
                        return Err(CompressError::NotFinite(tensor.clone()));
                    }
                    let seen = range.get_or_insert(Range { low: *value, high: *value });
                    *seen = Range { low: seen.low.min(*value), high: seen.high.max(*value) };
                }
            }
        }
        Ok(tensors.iter().cloned().zip(ranges).filter_map(|(t, r)| Some((t, r?))).collect())
    }
}
