//! Measured costs: an input of compression, frozen in the run.

use super::{ConfidenceInterval, EngineOptions, LayerPrecision, Sha256Hex};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the nodes of a baseline cost on one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostTable {
    /// Format version.
    pub schema: u32,
    /// The target.
    pub target: String,
    /// Engine and version.
    pub engine: String,
    /// Median time by name of the ONNX node, in nanoseconds; what the engine adds is counted to the
    /// node that it was added for.
    pub nodes_ns: BTreeMap<String, f64>,
}

impl CostTable {
    /// All of it, in nanoseconds.
    pub fn total_ns(&self) -> f64 {
        self.nodes_ns.values().sum()
    }
}

/// Forms of one model that lose nothing, and how fast each is on one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TuneTable {
    /// Format version.
    pub schema: u32,
    /// The target.
    pub target: String,
    /// Engine and version.
    pub engine: String,
    /// Hash of the model, its options and the samples.
    pub key: Sha256Hex,
    /// All forms but the one that was there already.
    pub tried: Vec<TuneCandidate>,
}

/// One form of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TuneCandidate {
    /// `as given`, or `rewritten`: folded, constants computed, copies and repetitions left out.
    pub form: String,
    /// Engine options.
    pub options: EngineOptions,
    /// Largest difference of outputs, relative to the largest output.
    pub apart: f64,
    /// Samples predicted differently.
    pub flips: usize,
    /// Samples that were looked at.
    pub samples: usize,
    /// Whether both are small enough.
    pub lossless: bool,
    /// Baseline over this form, with a 99 % interval over blocks; not measured where something is
    /// lost.
    pub speedup: Option<ConfidenceInterval>,
    /// Share of its rounds on a quiet machine.
    pub quiet_share: Option<f64>,
}

/// What an engine does on one target with every pattern that quantization writes.
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

/// How one pattern is executed.
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
    /// What became of it.
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
    /// Whether `largest` counts steps.
    pub in_steps: bool,
    /// The layer's own time in float over its own time so, in the same run.
    pub speed: Option<f64>,
    /// The same with the conversions around it.
    pub speed_converted: Option<f64>,
}

/// What an engine makes of a pattern.
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

/// What the choice of precisions goes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrecisionObjective {
    /// Time of an inference on the target.
    #[default]
    Latency,
    /// Energy of an inference there, above idle.
    Energy,
    /// Bytes of the file, however fast it is.
    Bytes,
}

/// What every layer costs and loses in every precision on one target, and what was confirmed of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrecisionTable {
    /// Format version.
    pub schema: u32,
    /// The target.
    pub target: String,
    /// Engine and version.
    pub engine: String,
    /// Hash of the model, the step, its options and the samples.
    pub key: Sha256Hex,
    /// Median times by layer and precision, in nanoseconds, each in its place in the model; nothing
    /// where the choice goes by bytes.
    pub layers_ns: BTreeMap<String, BTreeMap<LayerPrecision, f64>>,
    /// What the choice goes by.
    #[serde(default)]
    pub by: PrecisionObjective,
    /// Engine options of all but the model as given.
    #[serde(default)]
    pub options: EngineOptions,
    /// Bytes of the file with this layer alone in that precision; only where the choice goes by them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub layers_bytes: BTreeMap<String, BTreeMap<LayerPrecision, f64>>,
    /// Power above idle with all layers in one precision, by precision, in milliwatts; only where the
    /// choice goes by energy.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub power_mw: BTreeMap<LayerPrecision, f64>,
    /// Energy of an inference of the model as given, in microjoules above idle, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_uj: Option<ConfidenceInterval>,
    /// Numbers in a tensor, and what making int8 of them takes.
    pub quantize_ns: Vec<(u64, f64)>,
    /// Numbers in a tensor, and what making floats of them takes.
    pub dequantize_ns: Vec<(u64, f64)>,
    /// What choices cost the answers.
    pub sensitivity: Vec<LayerSensitivity>,
    /// Assignments that were measured end to end.
    pub confirmed: Vec<MeasuredAssignment>,
}

/// What one layer in one precision costs the model's answers on the calibration samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerSensitivity {
    /// The layer.
    pub layer: String,
    /// The part of the model that it belongs to, by its name.
    pub module: String,
    /// The precision.
    pub precision: LayerPrecision,
    /// The layer's time so.
    pub time_ns: Option<f64>,
    /// The layer's time in float.
    pub float_ns: Option<f64>,
    /// Power of the outputs over that of their error with this layer alone narrow, in decibel; `None`
    /// where there is no error.
    pub sqnr_db: Option<f64>,
    /// Mean Kullback-Leibler divergence of the answers with this layer alone narrow, in nats.
    pub divergence: f64,
    /// Predictions that change with this layer alone narrow.
    pub flips: usize,
    /// By how much the accuracy changes with this layer alone narrow; where samples have classes.
    #[serde(default)]
    pub accuracy_change: Option<f64>,
    /// By how much the accuracy of the model with all layers narrow changes when this one stays in
    /// float; for the step's own precision.
    #[serde(default)]
    pub accuracy_change_when_left_out: Option<f64>,
    /// By how much the divergence of the model with all layers narrow falls when this one stays in
    /// float; for the step's own precision.
    pub divergence_saved_when_left_out: Option<f64>,
    /// Samples.
    pub samples: usize,
}

/// An assignment of precisions, measured end to end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasuredAssignment {
    /// Precision by layer; those that are not there are in float.
    pub layers: BTreeMap<String, LayerPrecision>,
    /// What layers and conversions add up to.
    pub predicted_ns: f64,
    /// What they add up to in float.
    pub float_ns: f64,
    /// Bytes of the file.
    #[serde(default)]
    pub bytes: u64,
    /// Mean divergence of the answers, in nats.
    pub divergence: f64,
    /// Predictions that change.
    pub flips: usize,
    /// Samples.
    pub samples: usize,
    /// Whether so many may change.
    pub acceptable: bool,
    /// The model as given over this, with a 99 % interval; not measured where the choice goes by
    /// bytes.
    pub speedup: Option<ConfidenceInterval>,
    /// Energy of an inference, in microjoules above idle, over all windows; only where the choice
    /// goes by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_uj: Option<ConfidenceInterval>,
    /// Share of its rounds on a quiet machine.
    pub quiet_share: f64,
}
