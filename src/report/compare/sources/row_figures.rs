//! Figures of one row of a result file, as far as comparing needs it.

use paring_core::schema::ConfidenceInterval;
use serde::Serialize;

/// One row of a result file, as far as comparing needs it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RowFigures {
    /// Name in the study.
    pub variant: String,
    /// Identity; `None` in other tools' files.
    pub variant_id: Option<String>,
    /// The others of its run are compared with it.
    pub baseline: bool,
    /// Name of the target.
    pub target: String,
    /// Board, processor and architecture, as far as known.
    pub machine: String,
    /// The target was emulated.
    pub emulated: bool,
    /// Engine and version.
    pub engine: String,
    /// Version of the agent.
    pub agent_version: String,
    /// Samples in one inference.
    pub batch: usize,
    /// Threads of the engine.
    pub threads: usize,
    /// Concurrent inferences.
    pub streams: usize,
    /// Hash of the rules of timing.
    pub measurement_sha256: String,
    /// Hash of the data.
    pub data_sha256: String,
    /// Start of its measurement.
    pub started_at: String,
    /// Median latency in nanoseconds, with its 99 % interval where there is one.
    pub latency_ns: Option<ConfidenceInterval>,
    /// Baseline over variant, with its 99 % interval.
    pub speedup: Option<ConfidenceInterval>,
    /// The speed-up's logarithm in every paired block, where the journal is at hand.
    #[serde(skip)]
    pub log_ratios: Vec<f64>,
    /// Paired blocks, where the journal is at hand.
    pub paired_blocks: Option<usize>,
    /// The primary metric and its value.
    pub metric: Option<(String, f64)>,
    /// The primary metric with its 95 % interval, where there is one.
    pub metric_interval: Option<ConfidenceInterval>,
    /// The reason for which there is no metric; empty where it is not known.
    pub metric_missing: String,
    /// Peak resident set in bytes.
    pub peak_rss_bytes: Option<u64>,
    /// The same with its 99 % interval over blocks, where the journal is at hand.
    #[serde(skip)]
    pub peak_rss: Option<ConfidenceInterval>,
    /// Energy of an inference above idle in microjoules, and the range of its windows.
    pub energy_uj: Option<ConfidenceInterval>,
    /// The reason for which there is none; empty where it is not known.
    #[serde(skip)]
    pub energy_missing: String,
    /// Size of the file in bytes.
    pub file_bytes: Option<u64>,
    /// The verdict beside its own baseline; empty where too few blocks allow one.
    pub verdict: String,
    /// The row is valid.
    pub valid: bool,
    /// The reason for which it is not, or for which a figure does not exist.
    pub reason: String,
}

impl RowFigures {
    /// Name and setting, for a person.
    pub fn label(&self) -> String {
        let mut label = self.variant.clone();
        if self.batch != 1 {
            label += &format!(" (batch {})", self.batch);
        }
        if self.threads > 1 || self.streams > 1 {
            label += &format!(" ({} threads, {} streams)", self.threads, self.streams);
        }
        label
    }

    /// Batch, threads and streams.
    pub fn setting(&self) -> (usize, usize, usize) {
        (self.batch, self.threads, self.streams)
    }
}
