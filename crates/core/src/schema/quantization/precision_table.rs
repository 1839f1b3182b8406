//! Measured costs: an input of compression, frozen in the run.

use crate::schema::{ConfidenceInterval, EngineOptions, LayerPrecision, Sha256Hex};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Objective of the choice of precisions.
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

/// Cost and loss of every layer in every precision on one target, and assignments measured end to end.
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
    /// Objective of the choice.
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
    /// Losses of single layers in single precisions.
    pub sensitivity: Vec<LayerSensitivity>,
    /// Assignments that were measured end to end.
    pub confirmed: Vec<MeasuredAssignment>,
}

/// Loss from one layer in one precision, on the calibration samples.
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
    /// Sum of layers and conversions.
    pub predicted_ns: f64,
    /// Sum in float.
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
    /// True if so many may change.
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
