//! Speed of a variant relative to its baseline, and its verdict.

use crate::schema::ConfidenceInterval;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Verdict of a paired comparison. A speed-up is baseline / variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpeedVerdict {
    /// The interval of the speed-up lies above 1 by more than the practical margin.
    #[serde(rename = "faster")]
    Faster,
    /// The interval lies below 1 by more than the practical margin.
    #[serde(rename = "slower")]
    Slower,
    /// Neither.
    #[serde(rename = "cannot tell")]
    CannotTell,
}

impl fmt::Display for SpeedVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            SpeedVerdict::Faster => "faster",
            SpeedVerdict::Slower => "slower",
            SpeedVerdict::CannotTell => "cannot tell",
        })
    }
}

/// Speed of a variant relative to its baseline, from paired blocks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SpeedSummary {
    /// Valid paired blocks.
    pub blocks: usize,
    /// baseline / variant on the quiet machine.
    pub speedup: ConfidenceInterval,
    /// The same on the contended machine, where enough pairs were contended.
    pub contended_speedup: Option<f64>,
    /// Share of pairs that were taken on a quiet machine, 0 to 1.
    pub quiet_share: f64,
    /// Verdict.
    pub verdict: SpeedVerdict,
}
