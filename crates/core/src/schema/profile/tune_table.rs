//! Measured speed of the lossless forms of a model.

use crate::schema::{ConfidenceInterval, EngineOptions, Sha256Hex};
use serde::{Deserialize, Serialize};

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
    /// True if both are small enough.
    pub lossless: bool,
    /// Baseline over this form, with a 99 % interval over blocks; not measured where something is
    /// lost.
    pub speedup: Option<ConfidenceInterval>,
    /// Share of its rounds on a quiet machine.
    pub quiet_share: Option<f64>,
}
