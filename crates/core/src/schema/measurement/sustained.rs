//! Minutes under load: what one long block saw, and what it adds up to.

use crate::units::{LatencyNs, MilliCelsius};
use serde::{Deserialize, Serialize};

/// The data of a block that runs one variant for minutes without a pause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SustainedBlock {
    /// Windows of a second, one after the other. Single samples would fill a disk.
    pub windows: Vec<SustainedWindow>,
}

/// A second or so under load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SustainedWindow {
    /// Its start, counted from the first inference.
    pub start_ns: LatencyNs,
    /// Inferences in it.
    pub inferences: u32,
    /// Their median.
    pub p50_ns: LatencyNs,
    /// Their 99th percentile; `None` of too few.
    pub p99_ns: Option<LatencyNs>,
    /// The slowest.
    pub most_ns: LatencyNs,
    /// Median of the reference loops in it.
    pub reference_ns: LatencyNs,
    /// The hottest thermal zone at its end.
    pub temperature_mc: Option<MilliCelsius>,
    /// The lowest frequency at its end of the processors that it could run on, in kilohertz.
    pub frequency_khz: Option<u64>,
    /// Signs of throttling in it or at its end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub throttled: Vec<String>,
}

/// The first minute of a long load against the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SustainedSummary {
    /// Length of the load.
    pub span_ns: LatencyNs,
    /// Length of what is called the first and the last minute: a minute, or half of a shorter load.
    pub minute_ns: LatencyNs,
    /// Median over the windows of the first minute of their medians.
    pub first_ns: LatencyNs,
    /// Likewise of the last minute.
    pub last_ns: LatencyNs,
    /// Slowdown of the reference loop in the last minute, as a share: of the core itself.
    pub reference_change: f64,
    /// Time and text of the first sign of throttling; `None` without any.
    pub throttled_at: Option<(LatencyNs, String)>,
    /// From when on every window was more than 5 % slower than the first minute.
    pub slower_from_ns: Option<LatencyNs>,
    /// The highest temperature.
    pub temperature_max_mc: Option<MilliCelsius>,
}

impl SustainedSummary {
    /// Slowdown of the last minute, as a share.
    pub fn change(&self) -> f64 {
        self.last_ns.as_f64() / self.first_ns.as_f64().max(1.0) - 1.0
    }
}
