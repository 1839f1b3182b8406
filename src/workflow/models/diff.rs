//! Comparison of two models, also where other tools made the second.

use super::SampleOptions;
use crate::workflow::WorkflowError;
use paring_agent::engine::DimensionBindings;
use paring_compress::ModelDifference;
use paring_onnx::graph::Graph;
use std::path::PathBuf;

/// Two models, and data to compare them with.
#[derive(Clone, Debug)]
pub struct DiffOptions {
    /// The ONNX file before.
    pub base: PathBuf,
    /// The ONNX file after.
    pub variant: PathBuf,
    /// Data and sizes, by the first model's inputs.
    pub samples: SampleOptions,
}

/// Differences in structure, weights and activations.
///
/// # Errors
/// [`WorkflowError`] where a model or the data cannot be used.
pub fn diff(options: &DiffOptions) -> Result<ModelDifference, WorkflowError> {
    let (base, variant) = (Graph::load(&options.base)?, Graph::load(&options.variant)?);
    let samples = options.samples.open(&options.base)?;
    let bindings = DimensionBindings { batch: samples.batch, dims: &samples.dims };
    Ok(paring_compress::compare(&base, &variant, bindings, samples.calibration.as_ref())?)
}
