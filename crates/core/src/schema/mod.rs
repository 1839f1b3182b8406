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
    Attempt, BlockData, BlockKey, BlockKind, BlockRecord, Burst, Outcome, Pair, PairedBlock,
    SoloBlock, Warmup,
};
pub use conditions::{ConditionRules, Conditions, CoolDown, Load};
pub use cost::{
    Confirmed, Conformance, Conforming, CostTable, Objective, PrecisionTable, Ran, Sensitivity,
    Tried, TuneTable,
};
pub use decision::{
    Component, Decision, Entry, EntryBody, EntryKind, Inputs, Member, Precision, Refusal,
    RejectedAlternative,
};
pub use device::{Link, Unreached};
pub use digest::{NoDigest, Sha256Hex};
pub use effect::{Effect, Interaction, Total};
pub use energy::{
    EnergyBlock, EnergyJob, EnergyRules, EnergySource, EnergySummary, SensorFacts, SensorReport,
    Window,
};
pub use environment::Environment;
pub use experiment::{Answers, ComponentRef, Experiment, Group, Part, Piece};
pub use explanation::{Experiments, Explanation, FlipCounts, Main, Unusable};
pub use file_name::{BadFileName, FileName};
pub use flow::{Flow, Head, LayerFlow};
pub use forecast::Forecast;
pub use hit::{Hit, Region};
pub use job::{Job, JobModel, MOST_ROUNDS, SampleRules, StopRule};
pub use layer::{LayerTable, LayerTime};
pub use layer_change::LayerChange;
pub use measurement::{
    Drift, Interval, LatencySummary, Measurement, Missing, SpeedSummary, Verdict,
};
pub use memory::{MemoryPoint, MemoryPoints, WeightBytes};
pub use metric::{Metric, TaskKind, UnknownName};
pub use narrative::{Field, Note, Sentence, Show};
pub use options::EngineOptions;
pub use outcome::{ForecastError, ForecastOutcome, TrackRecord};
pub use peaks::{KernelPeak, Peaks, ReadPeak};
pub use prediction::{
    ClassScore, Decisiveness, Evaluation, FlipKind, Flips, Prediction, ReliabilityBin, Score,
    SliceScore,
};
pub use profile::{NodeProfile, NodeTime};
pub use remote::{Ending, Holder, JobState, Question, Standing};
pub use robustness::{Disturbance, RobustnessScore};
pub use scheme::{Granularity, Scheme};
pub use scores::Scores;
pub use setting::Setting;
pub use sustained::{SustainedBlock, SustainedSummary, SustainedWindow};
pub use variant::{Origins, StepRecord, VariantRecord};

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
