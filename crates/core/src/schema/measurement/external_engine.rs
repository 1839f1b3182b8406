//! Another engine as it names itself, and its answers beside those of tract.

use crate::schema::MissingReason;
use serde::{Deserialize, Serialize};

/// Another engine that ran a block, as its program says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExternalEngine {
    /// Name of the engine.
    pub engine: String,
    /// Its version.
    pub version: String,
    /// Its options, in its own words; empty for its defaults.
    #[serde(default)]
    pub options: String,
    /// Its answers beside tract's; `None` of a block that did not compare them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<Result<AnswerAgreement, MissingReason>>,
}

impl ExternalEngine {
    /// Name and version, as tables have them.
    pub fn label(&self) -> String {
        format!("{} {}", self.engine, self.version)
    }

    /// True of the same engine, version and options.
    pub fn is_same(&self, other: &ExternalEngine) -> bool {
        (&self.engine, &self.version, &self.options)
            == (&other.engine, &other.version, &other.options)
    }
}

/// Answers of another engine beside those of tract, on the same inputs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnswerAgreement {
    /// Samples that both answered.
    pub samples: usize,
    /// Largest difference of two entries of the outputs; `None` where one of them is no number.
    pub max_abs_difference: Option<f64>,
    /// Rows of the first output whose largest entry is another; `None` where rows have one entry.
    pub flips: Option<usize>,
}
