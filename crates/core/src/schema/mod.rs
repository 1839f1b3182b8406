//! The schema of everything that is written to disk or sent to an agent: plain values, no behaviour
//! beyond naming and checking themselves.
//!
//! Every file carries `schema`; a reader refuses one newer than [`SCHEMA`] and reads older ones.

mod blame;
mod block;
mod conditions;
mod cost;
mod decision;
mod device;
mod digest;
mod effect;
mod energy;
mod environment;
mod experiment;
mod explanation;
mod file_name;
mod flow;
mod forecast;
mod hit;
mod job;
mod layer;
mod layer_change;
mod measurement;
mod memory;
mod metric;
mod narrative;
mod options;
mod peaks;
mod outcome;
mod prediction;
mod profile;
mod robustness;
mod remote;
mod scheme;
mod scores;
mod setting;
mod sustained;
mod variant;

pub use blame::{ComponentBlame, FlipBlame, GroupBlame};
pub use block::{
    BlockAttempt, BlockData, BlockKey, BlockKind, BlockOutcome, BlockRecord, BurstPair,
    PairedBlock, SampleBurst, SoloBlock, WarmUpRecord,
};
pub use conditions::{BlockConditions, ConditionRules, CoolDown, ProcessorLoad};
pub use cost::{
    CostTable, EngineConformance, LayerSensitivity, MeasuredAssignment, PatternConformance,
    PatternExecution, PrecisionObjective, PrecisionTable, TuneCandidate, TuneTable,
};
pub use decision::{
    CouplingMember, Decision, DecisionInputs, LedgerEntry, LedgerEntryBody, LedgerEntryKind,
    PrecisionChange, RejectedAlternative, RemovedComponent, StepRefusal,
};
pub use device::{DeploymentStage, UnreachedTarget};
pub use digest::{InvalidDigest, Sha256Hex};
pub use effect::{Effect, GroupInteraction, MetricTotal};
pub use energy::{
    EnergyBlock, EnergyJob, EnergyRules, EnergySource, EnergySummary, EnergyWindow, SensorFacts,
    SensorReport,
};
pub use environment::TargetEnvironment;
pub use experiment::{
    ComponentRef, DecisionGroup, Experiment, ExperimentPredictions, GroupPart, ReplayedDecision,
};
pub use explanation::{ExperimentSummary, Explanation, FlipCounts, PrimaryMetric, UnusableCounts};
pub use file_name::{FileName, InvalidFileName};
pub use flow::{ActivationStatistics, AttentionHeadStatistics, LayerFlow};
pub use forecast::Forecast;
pub use hit::{DegradedSample, SampleNeighbourhood};
pub use job::{Job, JobModel, MOST_ROUNDS, SampleRules, StopRule};
pub use layer::{LayerTable, LayerTime};
pub use layer_change::LayerChange;
pub use measurement::{
    ConfidenceInterval, LatencyDrift, LatencySummary, Measurement, MissingReason, SpeedSummary,
    SpeedVerdict,
};
pub use memory::{MemoryPoint, MemoryPoints, WeightBytes};
pub use metric::{Metric, TaskKind, UnknownName};
pub use narrative::{FieldFormat, LedgerNote, NarrativeField, NarrativeSentence};
pub use options::EngineOptions;
pub use outcome::{ForecastError, ForecastOutcome, TrackRecord};
pub use peaks::{KernelPeak, MachineRoofline, ReadBandwidth};
pub use prediction::{
    ClassScore, ConfidenceSummary, Evaluation, FlipKind, FlipSummary, MetricScore, ReliabilityBin,
    SamplePrediction, SliceScore,
};
pub use profile::{NodeProfile, NodeTime};
pub use remote::{BoardHolder, JobEnding, JobState, JobStatus, PredictRequest};
pub use robustness::{InputDisturbance, RobustnessScore};
pub use scheme::{LayerPrecision, QuantizationGranularity};
pub use scores::ScoreKind;
pub use setting::ExecutionSetting;
pub use sustained::{SustainedBlock, SustainedSummary, SustainedWindow};
pub use variant::{OriginalIndices, StepRecord, VariantRecord};

/// The version of every file format this crate writes.
pub const SCHEMA: u32 = 2;

/// A file written by a newer paring than this one.
#[derive(Debug, thiserror::Error)]
#[error("{what} has schema {found}, this paring reads up to {SCHEMA}; use a newer paring")]
pub struct NewerSchema {
    /// The file or record that was read.
    pub what: String,
    /// The schema it carries.
    pub found: u32,
}

/// Accepts a schema up to the one this crate writes.
///
/// # Errors
/// [`NewerSchema`] naming `what`.
pub fn check_schema(what: &str, found: u32) -> Result<(), NewerSchema> {
    if found > SCHEMA { Err(NewerSchema { what: what.to_string(), found }) } else { Ok(()) }
}
