//! The aggregate of the blocks of one variant on one target.

use crate::schema::{
    ConfidenceInterval, EnergySummary, ExecutionSetting, MissingReason, Sha256Hex, SpeedSummary,
    SustainedSummary, WeightBytes,
};
use crate::units::{Bytes, LatencyNs, MilliCelsius};
use serde::{Deserialize, Serialize};

/// Drift of latency while it was measured, from block medians; each slope by itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatencyDrift {
    /// Relative change in a minute.
    pub per_minute: Option<ConfidenceInterval>,
    /// Relative change with one degree Celsius.
    pub per_degree: Option<ConfidenceInterval>,
    /// Relative change over all blocks that the slope over time amounts to.
    pub over_all: f64,
}

/// Latency of one variant alone, from samples of a quiet machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LatencySummary {
    /// Valid blocks.
    pub blocks: usize,
    /// Samples the figures stand on.
    pub samples: usize,
    /// Median over blocks of each block's median, in nanoseconds, with its interval.
    pub p50_ns: ConfidenceInterval,
    /// 90th percentile; `None` with too few samples.
    pub p90_ns: Option<LatencyNs>,
    /// 99th percentile; `None` with too few samples.
    pub p99_ns: Option<LatencyNs>,
    /// Median of the first inference of each process.
    pub first_ns: LatencyNs,
    /// Median time from the file to a runnable plan.
    pub load_ns: LatencyNs,
    /// Median of the peak resident set after all runs.
    pub peak_rss_bytes: Option<Bytes>,
    /// Median of the proportional set size after the runs.
    pub steady_rss_bytes: Option<Bytes>,
    /// Median of the most that was allocated at once, up to the end of the runs.
    #[serde(default)]
    pub peak_heap_bytes: Option<Bytes>,
    /// Median of what is allocated after the runs.
    #[serde(default)]
    pub steady_heap_bytes: Option<Bytes>,
    /// The 99th percentile in nanoseconds again, with its interval over blocks.
    #[serde(default)]
    pub p99: Option<ConfidenceInterval>,
    /// The peak resident set again, with its interval over blocks.
    #[serde(default)]
    pub peak_rss: Option<ConfidenceInterval>,
    /// Likewise the most that was allocated at once.
    #[serde(default)]
    pub peak_heap: Option<ConfidenceInterval>,
    /// Bytes of the model's constants.
    #[serde(default)]
    pub weights: Option<WeightBytes>,
    /// Drift from block to block; `None` of too few.
    #[serde(default)]
    pub drift: Option<LatencyDrift>,
    /// Inferences' samples a second, all streams together; `None` with one stream.
    #[serde(default)]
    pub throughput_per_s: Option<f64>,
    /// The same with its interval over blocks.
    #[serde(default)]
    pub throughput: Option<ConfidenceInterval>,
    /// Kernels that the engine chose, sorted.
    #[serde(default)]
    pub kernels: Vec<String>,
    /// Median over blocks of the work that other programs did, in processors.
    #[serde(default)]
    pub others: Option<f64>,
    /// Frequency governor of the processors that the blocks could run on.
    #[serde(default)]
    pub governor: Option<String>,
    /// Lowest and highest frequency seen of these processors, in kilohertz.
    #[serde(default)]
    pub frequency_khz: Option<(u64, u64)>,
    /// Temperature at the first block's start.
    pub temperature_start_mc: Option<MilliCelsius>,
    /// Highest temperature seen.
    pub temperature_max_mc: Option<MilliCelsius>,
    /// Share of all samples that were taken on a quiet machine, 0 to 1.
    pub quiet_share: f64,
    /// True if so few were that the figures are of all samples.
    pub contended: bool,
    /// True if every block gave the same outputs.
    pub outputs_agree: bool,
}

/// Everything measured of one variant in one setting on one target.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measurement {
    /// Format version.
    pub schema: u32,
    /// The variant.
    pub variant_id: Sha256Hex,
    /// Execution setting.
    #[serde(flatten)]
    pub setting: ExecutionSetting,
    /// From solo blocks.
    pub latency: Result<LatencySummary, MissingReason>,
    /// From paired blocks; the baseline itself has none.
    pub speed: Result<SpeedSummary, MissingReason>,
    /// From energy blocks.
    pub energy: Result<EnergySummary, MissingReason>,
    /// The first minute of a long load against the last, where the rules ask for one.
    #[serde(default)]
    pub sustained: Option<Result<SustainedSummary, MissingReason>>,
    /// Start of its first block.
    pub started_at: Option<String>,
    /// Reasons for which the figures should not be trusted; empty when valid.
    pub invalid_reasons: Vec<String>,
}
