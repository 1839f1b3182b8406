//! Explanation of a variant: experiments, effects, blame for flips, and sentences.

mod decision_group;
mod degraded_sample;
mod deployment_stage;
mod effect;
mod experiment;
mod explanation_digest;
mod explanation_record;
mod field_format;
mod flip_blame;
mod narrative;

pub use decision_group::{DecisionGroup, GroupPart};
pub use degraded_sample::{DegradedSample, SampleNeighbourhood};
pub use deployment_stage::{DeploymentStage, UnreachedTarget};
pub use effect::{Effect, GroupInteraction, MetricTotal};
pub use experiment::{Experiment, ExperimentPredictions};
pub use explanation_digest::{ChangeCauses, ExplanationDigest, ForecastTally};
pub use explanation_record::{
    ExperimentSummary, Explanation, FlipCounts, PrimaryMetric, UnusableCounts,
};
pub use field_format::{FieldFormat, UnitFormats};
pub use flip_blame::{ComponentBlame, FlipBlame, FlipDirection, GroupBlame};
pub use narrative::{LedgerNote, NarrativeField, NarrativeSentence, NarrativeTopic};
