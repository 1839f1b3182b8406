//! Controlled experiments: groups of decisions, the plan of coalitions to try, and the results of
//! trying them.

mod ablation_study;
mod calibration_resample;
mod decision_groups;
mod evaluated_samples;
#[cfg(test)]
pub(crate) mod example;
mod experiment_metric;
mod experiment_plan;
mod experiment_progress;
mod experiment_table;
mod exploration;

pub use ablation_study::{AblationOptions, AblationStudy};
pub use calibration_resample::{not_drawn, resample_calibration};
pub use decision_groups::{GroupLevel, groups, pieces, recipe};
pub use evaluated_samples::EvaluatedSamples;
pub use experiment_metric::ExperimentMetric;
pub use experiment_plan::ExperimentPlan;
pub use experiment_progress::ExperimentProgress;
pub use experiment_table::ExperimentTable;
pub(crate) use experiment_table::cleared;
pub use exploration::explore;
