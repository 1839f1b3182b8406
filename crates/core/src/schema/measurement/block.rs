//! Blocks: one line of the journal each, with all raw samples of one fresh process.

use crate::schema::{
    BlockConditions, EnergyBlock, ExecutionSetting, MemoryPoints, Sha256Hex, SustainedBlock,
    WeightBytes,
};
use crate::units::LatencyNs;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A block has one variant, or a variant and its baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BlockKind {
    /// Absolute latency, percentiles, cold start and memory of one variant.
    Solo,
    /// The ratio of a variant and its baseline, in alternating bursts.
    Paired,
    /// One variant for minutes without a pause.
    Sustained,
    /// Energy of one variant, between idle windows; after all others.
    Energy,
}

/// Key of a block in a schedule: the unit of replication.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BlockKey {
    /// Solo or paired.
    pub kind: BlockKind,
    /// The variant that is measured.
    pub variant_id: Sha256Hex,
    /// Execution setting.
    #[serde(flatten)]
    pub setting: ExecutionSetting,
    /// The round, from 0; every variant has one block of each kind in a round.
    pub round: u32,
}

impl fmt::Display for BlockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            BlockKind::Solo => "solo",
            BlockKind::Paired => "paired",
            BlockKind::Sustained => "sustained",
            BlockKind::Energy => "energy",
        };
        let ExecutionSetting { batch, threads, streams } = self.setting;
        write!(f, "{kind} {} batch {batch} round {}", self.variant_id.short(), self.round)?;
        // Seeds are made of this text: what has one thread keeps the draws that it always had.
        match (threads, streams) {
            (1, 1) => Ok(()),
            _ => write!(f, " threads {threads} streams {streams}"),
        }
    }
}

/// A block and how often it was tried before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockAttempt {
    /// The block.
    pub key: BlockKey,
    /// 0 for the first try.
    pub number: u32,
}

/// One line of a journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BlockRecord {
    /// Format version.
    pub schema: u32,
    /// Hash of the rules in force: those of timing, or of energy for an energy block.
    pub measurement_sha256: Sha256Hex,
    /// Block and try.
    pub attempt: BlockAttempt,
    /// Start of the block, RFC 3339, by the target's clock.
    pub started_at: String,
    /// Time of its process in all.
    pub wall_ns: LatencyNs,
    /// The version of the agent.
    pub agent_version: String,
    /// True if the target is emulated; nothing it measures is a board's speed then.
    pub emulated: bool,
    /// Conditions before, during and after; an older agent did not look.
    #[serde(default)]
    pub conditions: BlockConditions,
    /// Conditions that make it invalid; empty for a block that counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invalid: Vec<String>,
    /// Its outcome.
    pub outcome: BlockOutcome,
}

/// Outcome of a block.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum BlockOutcome {
    /// It was measured.
    Done {
        /// The measurement.
        data: BlockData,
    },
    /// Its process failed, crashed, or was killed at the time limit.
    Failed {
        /// Reason, for a person.
        reason: String,
    },
}

/// The raw data of a block.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum BlockData {
    /// Of a solo block.
    Solo(Box<SoloBlock>),
    /// Of a paired block.
    Paired(PairedBlock),
    /// Of a long load.
    Sustained(SustainedBlock),
    /// Of an energy block.
    Energy(Box<EnergyBlock>),
}

/// The raw data of one variant alone in its process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SoloBlock {
    /// From opening the file to a runnable plan.
    pub load_ns: LatencyNs,
    /// The first inference of the process.
    pub first_ns: LatencyNs,
    /// The warm-up.
    pub warmup: WarmUpRecord,
    /// The samples, a reference before each burst.
    pub bursts: Vec<SampleBurst>,
    /// The reference loop once more, after the last burst.
    pub reference_after_ns: LatencyNs,
    /// The walk through memory once more; an older agent or another architecture has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub walk_after_ns: Option<LatencyNs>,
    /// Memory at four points.
    pub memory: MemoryPoints,
    /// Bytes of the model's constants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<WeightBytes>,
    /// The kernels that the engine chose, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kernels: Vec<String>,
    /// Digest of all outputs for the first inputs: the same in every block of a variant.
    pub output_sha256: Sha256Hex,
}

/// The raw data of a variant beside its baseline.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PairedBlock {
    /// True if the baseline was loaded first.
    pub baseline_loaded_first: bool,
    /// The one processor that both processes were kept on, where the two needed a process each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternating_on: Option<usize>,
    /// The pairs of bursts, in the order they ran.
    pub pairs: Vec<BurstPair>,
    /// The reference loop once more, after the last pair.
    pub reference_after_ns: LatencyNs,
    /// The walk through memory once more; an older agent or another architecture has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub walk_after_ns: Option<LatencyNs>,
}

/// Two bursts side by side.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BurstPair {
    /// True if the baseline's burst ran first.
    pub baseline_first: bool,
    /// The baseline's burst. Its first sample found the other model's data in the caches.
    pub baseline: SampleBurst,
    /// The variant's burst, likewise.
    pub variant: SampleBurst,
}

/// A few inferences in a row, and the reference loop that was timed just before them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SampleBurst {
    /// The reference loop's time: long when somebody else used the core.
    pub reference_ns: LatencyNs,
    /// The walk through memory: long when somebody else kept the way there busy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub walk_ns: Option<LatencyNs>,
    /// From the start of the first stream to the end of the last; only with several streams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_ns: Option<LatencyNs>,
    /// One span an inference, in order; the first of every stream stand before all others.
    pub samples_ns: Vec<LatencyNs>,
}

/// Record of a warm-up.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct WarmUpRecord {
    /// Inferences.
    pub inferences: u32,
    /// Its length.
    pub took_ns: LatencyNs,
    /// True if the running median settled before the limit.
    pub stable: bool,
}
