//! The samples that a variant hits hardest, and where among the others they lie.

use crate::schema::FlipKind;
use serde::{Deserialize, Serialize};

/// A sample whose label, or without labels the baseline's class, became less likely.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DegradedSample {
    /// The sample.
    pub sample: usize,
    /// Its label; `None` where the data have none.
    pub label: Option<i64>,
    /// The baseline's answer.
    pub before: Option<i64>,
    /// The variant's.
    pub after: Option<i64>,
    /// Kind of the flip.
    pub flip: Option<FlipKind>,
    /// Probability of the label (without labels, of the baseline's class), before less after.
    pub lost: f64,
    /// Its neighbourhood, if features were looked at.
    pub region: Option<SampleNeighbourhood>,
}

/// The samples nearest to one, by what the baseline's last layer reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleNeighbourhood {
    /// The nearest samples, the nearest first.
    pub neighbours: Vec<usize>,
    /// Share of them with the same label.
    pub same_label: f64,
    /// Share of them that the baseline gets right.
    pub accuracy_before: f64,
    /// Share of them that the variant gets right.
    pub accuracy_after: f64,
}
