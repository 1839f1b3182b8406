//! Jobs for an agent: models, inputs and rules.

use crate::schema::{
    BlockKind, BlockRecord, ConditionRules, EnergyJob, EngineOptions, ExecutionSetting, Sha256Hex,
};
use crate::units::LatencyNs;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Most rounds of blocks, and windows of energy, that can be asked for: weeks of measuring.
pub const MOST_ROUNDS: u32 = 10_000;

/// A job file. Paths in it are relative to the folder that holds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Format version.
    pub schema: u32,
    /// Hash of the rules of timing: blocks measured under other rules are not mixed in.
    pub measurement_sha256: Sha256Hex,
    /// Seeds the order of blocks and everything random inside them.
    pub seed: u64,
    /// Number of valid blocks that every variant gets of each kind.
    pub blocks: u32,
    /// Rule for further paired blocks beyond that; none without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<StopRule>,
    /// Span of each variant's sustained load, at the end; none without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sustained_ns: Option<LatencyNs>,
    /// Rules inside a block.
    pub rules: SampleRules,
    /// The inputs: safetensors, one tensor an input, samples along axis 0.
    pub inputs: PathBuf,
    /// Hash of the file of inputs.
    pub inputs_sha256: Sha256Hex,
    /// Execution settings; each is measured by itself.
    pub settings: Vec<ExecutionSetting>,
    /// Processors that blocks are kept on; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affinity: Vec<usize>,
    /// Conditions that make a block invalid, and settings made before.
    #[serde(default)]
    pub conditions: ConditionRules,
    /// True if the machine is known to be emulated, also where it cannot tell itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub emulated: bool,
    /// Values for symbolic dimensions other than the batch.
    pub dims: BTreeMap<String, usize>,
    /// The models; exactly one is the baseline.
    pub models: Vec<JobModel>,
    /// Energy, where the target has a source of readings.
    #[serde(default)]
    pub energy: Option<EnergyJob>,
}

impl Job {
    /// True if a block was measured by this job's rules.
    pub fn counts(&self, record: &BlockRecord) -> bool {
        let rules = match record.attempt.key.kind {
            BlockKind::Energy => self.energy.as_ref().map(|energy| &energy.rules_sha256),
            _ => Some(&self.measurement_sha256),
        };
        rules == Some(&record.measurement_sha256)
    }
}

/// One model of a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobModel {
    /// The variant's name in the study, for messages.
    pub name: String,
    /// The variant's identity.
    pub variant_id: Sha256Hex,
    /// The ONNX file.
    pub path: PathBuf,
    /// Hash of the ONNX file.
    pub sha256: Sha256Hex,
    /// Engine options.
    pub options: EngineOptions,
    /// True if the others are paired with this one.
    pub baseline: bool,
}

/// Rule for enough paired blocks. It looks at the width of the interval alone, never at where
/// the interval lies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopRule {
    /// Enough when the interval of the speed-up is this narrow, relative to its value.
    pub width: f64,
    /// Never more blocks than this.
    pub most_blocks: u32,
    /// No further round begins after this.
    pub limit_ns: LatencyNs,
}

/// The rules of timing inside one block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleRules {
    /// Warm-up goes on until its running median is stable, at least this long.
    pub warmup_min_ns: LatencyNs,
    /// And at most this long.
    pub warmup_max_ns: LatencyNs,
    /// Sampling time of a solo block.
    pub solo_ns: LatencyNs,
    /// Sampling time of a paired block, both models together.
    pub paired_ns: LatencyNs,
    /// Target length of one burst; a burst has at least 3 samples.
    pub burst_ns: LatencyNs,
    /// No block keeps more samples of a model than this.
    pub max_samples: u32,
    /// A block that takes longer than this in all is killed.
    pub limit_ns: LatencyNs,
    /// Retries of a failed block.
    pub retries: u32,
}
