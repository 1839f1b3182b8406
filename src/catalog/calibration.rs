//! Samples to look at a graph with: any of its tensors on all of them.

use super::CatalogError;
use crate::data::Array;
use crate::engine::{Bindings, Model, Source};
use crate::graph::Graph;
use crate::record::{EngineOptions, Sha256Hex};
use ndarray::ArrayD;
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

    /// Number of batches that [`Calibration::visit`] makes of them.
    pub fn batches(&self) -> usize {
        (self.samples() / self.batch).max(1)
    }

    /// Hands the values of `tensors` to `look`, batch by batch with the batch's number; a last
    /// incomplete batch is left out unless it is the only one, which then wraps around.
    ///
    /// # Errors
    /// [`CatalogError::NotFinite`] names a tensor that is NaN or infinite; the engine's errors.
    pub fn visit(
        &self,
        graph: &Graph,
        tensors: &[String],
        look: &mut dyn FnMut(usize, &[ArrayD<f32>]),
    ) -> Result<(), CatalogError> {
        let bytes = graph.encode();
        let source = Source::Bytes(graph.name(), &bytes);
        let bindings = Bindings { batch: self.batch, dims: &self.dims };
        let plan =
            Model::load_tensors(source, bindings, tensors)?.optimise(&EngineOptions::default())?;
        let samples = self.samples().max(1);
        for batch in 0..self.batches() {
            let indices: Vec<usize> =
                (0..self.batch).map(|i| (batch * self.batch + i) % samples).collect();
            let arrays = self.inputs.iter().map(|(name, a)| (name.clone(), a.take(&indices)));
            let outputs = plan.run(&plan.inputs(&arrays.collect())?)?;
            for (output, tensor) in outputs.iter().zip(tensors) {
                if output.iter().any(|value| !value.is_finite()) {
                    return Err(CatalogError::NotFinite(tensor.clone()));
                }
            }
            look(batch, &outputs);
        }
        Ok(())
    }

    /// The range of each of `tensors` over all samples.
    ///
    /// # Errors
    /// Those of [`Calibration::visit`].
    pub fn ranges(
        &self,
        graph: &Graph,
        tensors: &[String],
    ) -> Result<BTreeMap<String, Range>, CatalogError> {
        let mut ranges: Vec<Option<Range>> = vec![None; tensors.len()];
        self.visit(graph, tensors, &mut |_, outputs| {
            for (range, value) in ranges.iter_mut().zip(outputs).flat_map(|(range, output)| {
                let low = output.iter().copied().reduce(f32::min);
                Some((range, (low?, output.iter().copied().reduce(f32::max)?)))
            }) {
                let seen = range.get_or_insert(Range { low: value.0, high: value.1 });
                *seen = Range { low: seen.low.min(value.0), high: seen.high.max(value.1) };
            }
        })?;
        Ok(tensors.iter().cloned().zip(ranges).filter_map(|(t, r)| Some((t, r?))).collect())
    }
}
