//! Conformance of an engine to ONNX, pattern by pattern of quantized layers.

use serde::{Deserialize, Serialize};

/// Conformance of an engine on one target, for every pattern that quantization writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineConformance {
    /// Format version.
    pub schema: u32,
    /// The target.
    pub target: String,
    /// Engine and version.
    pub engine: String,
    /// Its processor, as far as it says what it is.
    pub cpu: Option<String>,
    /// One a pattern.
    pub patterns: Vec<PatternConformance>,
}

/// Conformance of one pattern.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatternConformance {
    /// The kind of layer.
    pub operator: String,
    /// The precision, as decisions call it.
    pub precision: String,
    /// `small`, `medium` or `large`.
    pub size: String,
    /// Shape of the input.
    pub shape: Vec<usize>,
    /// Its execution.
    pub ran: PatternExecution,
    /// Kernels of the layer's own nodes.
    pub kernels: Vec<String>,
    /// Outputs that are not what the exact reference says.
    pub differing: usize,
    /// Outputs in all.
    pub outputs: usize,
    /// Largest difference: in steps of the output where that is int8, else relative to the largest
    /// output.
    pub largest: f64,
    /// True if `largest` counts steps.
    pub in_steps: bool,
    /// The layer's own time in float over its own time so, in the same run.
    pub speed: Option<f64>,
    /// The same with the conversions around it.
    pub speed_converted: Option<f64>,
}

/// Execution of a pattern by an engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "as", rename_all = "lowercase")]
pub enum PatternExecution {
    /// By integer kernels.
    Integer,
    /// In float.
    Float,
    /// Not at all.
    Rejected {
        /// The engine's words.
        reason: String,
    },
    /// Otherwise than ONNX says.
    Wrong {
        /// By how much.
        reason: String,
    },
}
