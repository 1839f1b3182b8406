//! Measurements: raw blocks with their conditions, and what they add up to.

mod block;
mod block_conditions;
mod measurement_record;
mod memory;
mod speed;
mod sustained;
mod target_environment;

pub use block::{
    BlockAttempt, BlockData, BlockKey, BlockKind, BlockOutcome, BlockRecord, BurstPair,
    PairedBlock, SampleBurst, SoloBlock, WarmUpRecord,
};
pub use block_conditions::{BlockConditions, ConditionRules, CoolDown, ProcessorLoad};
pub use measurement_record::{LatencyDrift, LatencySummary, Measurement};
pub use memory::{MemoryPoint, MemoryPoints, WeightBytes};
pub use speed::{SpeedSummary, SpeedVerdict};
pub use sustained::{SustainedBlock, SustainedSummary, SustainedWindow};
pub use target_environment::TargetEnvironment;
