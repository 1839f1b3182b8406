//! What a variant answered, sample by sample, and what that adds up to.

use super::{Interval, SCHEMA, Sha256Hex};
use serde::{Deserialize, Serialize};

/// One answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Index of the sample in the dataset.
    pub sample: usize,
    /// True class.
    pub label: i64,
    /// Predicted class; `None` when the scores held no number to compare.
    pub class: Option<i64>,
    /// Probability given to the predicted class.
    pub confidence: Option<f64>,
    /// Confidence less that of the runner-up.
    pub margin: Option<f64>,
}

/// The quality of one variant on the report split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Format version.
    pub schema: u32,
    /// The variant.
    pub variant_id: Sha256Hex,
    /// Samples evaluated.
    pub samples: usize,
    /// Share of samples whose predicted class is the label, with its 95 % interval.
    pub accuracy: Interval,
    /// Accuracy less the baseline's on the same samples, with its paired 95 % interval.
    pub accuracy_change: Option<Interval>,
    /// Samples whose predicted class differs from the baseline's.
    pub flips: Option<usize>,
    /// Samples without a usable answer.
    pub unusable: usize,
}

impl Evaluation {
    /// An evaluation that stands alone, without a baseline to compare with.
    pub fn alone(
        variant_id: Sha256Hex,
        samples: usize,
        accuracy: Interval,
        unusable: usize,
    ) -> Self {
        Evaluation {
            schema: SCHEMA,
            variant_id,
            samples,
            accuracy,
            accuracy_change: None,
            flips: None,
            unusable,
        }
    }
}
