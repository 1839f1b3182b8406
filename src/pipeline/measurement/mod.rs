//! Measurements of variants and of forms of a model: on targets through the agent, or in this process.

mod cost_table;
mod layer_tables;
mod measure;
mod meter_alignment;
mod meter_log;
mod model_timing;
mod node_times;
mod paired_speedup;
mod remote_jobs;
mod timing_rounds;
mod trial_machine;

pub use layer_tables::{LayerTables, layers, recorded_nodes};
pub use measure::{
    MeasurementExtent, MeasurementPlan, TargetJournal, TargetMeasurements, VariantMeasurement,
    measure,
};
pub use model_timing::TimedModel;
pub use node_times::{attributed, kept_times_by_node, times_by_node};
pub use remote_jobs::cancel;
pub use timing_rounds::TimingRounds;

pub(super) use meter_log::fill;
pub(super) use paired_speedup::TrialForm;
pub(super) use timing_rounds::rounds;
pub(super) use trial_machine::{NetworkAnswer, NodeRun, StepFailure, TrialFailure, TrialMachine};
