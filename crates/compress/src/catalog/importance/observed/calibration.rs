//! Samples to look at a graph with: any of its tensors on all of them.

use super::super::error::CatalogError;
use crate::prediction::DecisionRule;
use ndarray::ArrayD;
use paring_agent::arrays::Array;
use paring_agent::engine::{AnalysedModel, DimensionBindings, InferencePlan, ModelSource};
use paring_core::schema::{EngineOptions, Sha256Hex};
use paring_onnx::graph::Graph;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Samples to calibrate on.
#[derive(Clone, Debug)]
pub struct Calibration {
    /// The inputs by name, samples along axis 0.
    pub inputs: BTreeMap<String, Array>,
    /// Their classes, one a sample; empty where they have none or nobody asks.
    pub labels: Vec<i64>,
    /// The output that the labels are about, and the meaning of its numbers; `None` where nobody asks.
    pub rule: Option<DecisionRule>,
    /// Number of samples that the model takes at once.
    pub batch: usize,
    /// Values for symbolic dimensions.
    pub dims: BTreeMap<String, usize>,
    /// Hash of the samples.
    pub sha256: Sha256Hex,
}

/// The smallest and the largest value of a tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ActivationRange {
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
        let source = ModelSource::Bytes(graph.name(), &bytes);
        let bindings = DimensionBindings { batch: self.batch, dims: &self.dims };
        let plan = AnalysedModel::load_tensors(source, bindings, tensors)?
            .optimise(&EngineOptions::default())?;
        let each = |batch: usize| run_finite(&plan, &self.arrays(batch), tensors);
        in_order(self.batches(), each, &mut |batch, outputs| look(batch, &outputs))
    }

    /// The inputs of the first batch.
    pub fn first(&self) -> BTreeMap<String, Array> {
        self.arrays(0)
    }

    /// The inputs of one batch.
    pub fn arrays(&self, batch: usize) -> BTreeMap<String, Array> {
        let samples = self.samples().max(1);
        let indices: Vec<usize> =
            (0..self.batch).map(|i| (batch * self.batch + i) % samples).collect();
        self.inputs.iter().map(|(name, a)| (name.clone(), a.take(&indices))).collect()
    }

    /// The range of each of `tensors` over all samples.
    ///
    /// # Errors
    /// Those of [`Calibration::visit`].
    pub fn ranges(
        &self,
        graph: &Graph,
        tensors: &[String],
    ) -> Result<BTreeMap<String, ActivationRange>, CatalogError> {
        let mut ranges: Vec<Option<ActivationRange>> = vec![None; tensors.len()];
        self.visit(graph, tensors, &mut |_, outputs| {
            for (range, value) in ranges.iter_mut().zip(outputs).flat_map(|(range, output)| {
                let low = output.iter().copied().reduce(f32::min);
                Some((range, (low?, output.iter().copied().reduce(f32::max)?)))
            }) {
                let seen = range.get_or_insert(ActivationRange { low: value.0, high: value.1 });
                *seen =
                    ActivationRange { low: seen.low.min(value.0), high: seen.high.max(value.1) };
            }
        })?;
        Ok(tensors.iter().cloned().zip(ranges).filter_map(|(t, r)| Some((t, r?))).collect())
    }
}

/// Runs a plan, and refuses outputs that are no numbers; `tensors` are their names.
pub(super) fn run_finite(
    plan: &InferencePlan,
    inputs: &BTreeMap<String, Array>,
    tensors: &[String],
) -> Result<Vec<ArrayD<f32>>, CatalogError> {
    let outputs = plan.run(&plan.inputs(inputs)?)?;
    let broken = |output: &ArrayD<f32>| output.iter().any(|value| !value.is_finite());
    match outputs.iter().zip(tensors).find(|(output, _)| broken(output)) {
        Some((_, tensor)) => Err(CatalogError::NotFinite(tensor.clone())),
        None => Ok(outputs),
    }
}

/// Does something for every batch on all cores, and looks at what came of it in the batches' order,
/// holding no more of it than there are cores.
pub(super) fn in_order<T: Send>(
    batches: usize,
    each: impl Fn(usize) -> Result<T, CatalogError> + Sync,
    look: &mut dyn FnMut(usize, T),
) -> Result<(), CatalogError> {
    let cores = rayon::current_num_threads().max(1);
    for first in (0..batches).step_by(cores) {
        let some = first..batches.min(first + cores);
        let made: Vec<T> = some.into_par_iter().map(&each).collect::<Result<_, _>>()?;
        made.into_iter().enumerate().for_each(|(own, value)| look(first + own, value));
    }
    Ok(())
}
