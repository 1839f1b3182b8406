//! Robustness: quality of a model on disturbed inputs.

use crate::schema::{ConfidenceInterval, Metric};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A way to change an input without changing what it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputDisturbance {
    /// Normal noise; strength in standard deviations of the input.
    Noise,
    /// A constant added; strength in standard deviations of the input.
    Brightness,
    /// Moved along the last two long axes; strength in entries.
    Shift,
    /// A rectangle replaced by the sample's mean; strength as a share of the area.
    Occlusion,
    /// Rounded to as many levels over the input's range as so many bits have.
    Quantized,
    /// Searched for, step by step, by looking at the scores; strength is the step in standard
    /// deviations of the input.
    Search,
}

impl InputDisturbance {
    /// As written in studies and files.
    pub fn name(self) -> &'static str {
        match self {
            InputDisturbance::Noise => "noise",
            InputDisturbance::Brightness => "brightness",
            InputDisturbance::Shift => "shift",
            InputDisturbance::Occlusion => "occlusion",
            InputDisturbance::Quantized => "quantized",
            InputDisturbance::Search => "search",
        }
    }
}

impl fmt::Display for InputDisturbance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Score of a model under one disturbance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RobustnessScore {
    /// Disturbance of the inputs.
    pub disturbance: InputDisturbance,
    /// Strength.
    pub strength: f64,
    /// The figure that is looked at.
    pub metric: Metric,
    /// Samples it stands on.
    pub samples: usize,
    /// Its value on the disturbed inputs.
    pub value: ConfidenceInterval,
    /// That less its value on the same inputs undisturbed.
    pub drop: ConfidenceInterval,
    /// The value less the baseline's on the same disturbed inputs; `None` for the baseline.
    pub change: Option<ConfidenceInterval>,
    /// By how much more the variant loses than the baseline: its drop less the baseline's drop.
    pub excess: Option<ConfidenceInterval>,
    /// Median number of queries after which a search succeeded, where it is one and ever did.
    pub queries: Option<f64>,
}
