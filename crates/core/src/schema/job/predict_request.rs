//! The request that `paring-agent predict` answers.

use crate::schema::{EngineOptions, Sha256Hex};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Request to an agent's `predict`. Paths are relative to the folder that holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PredictRequest {
    /// Format version.
    pub schema: u32,
    /// The ONNX file.
    pub model: PathBuf,
    /// Hash of the ONNX file.
    pub model_sha256: Sha256Hex,
    /// Engine options.
    pub options: EngineOptions,
    /// Values for symbolic dimensions other than the batch.
    pub dims: BTreeMap<String, usize>,
    /// Samples in one inference.
    pub batch: usize,
    /// The inputs: safetensors, one tensor an input, samples along axis 0.
    pub inputs: PathBuf,
    /// Hash of the file of inputs.
    pub inputs_sha256: Sha256Hex,
    /// Position of the output that is wanted.
    pub output: usize,
}
