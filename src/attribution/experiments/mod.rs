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

pub use ablation_study::{Investigation, Manner};
pub use calibration_resample::draw_calibration;
pub use decision_groups::{Level, groups, pieces, recipe};
pub use evaluated_samples::Truth;
pub use experiment_metric::Aspect;
pub use experiment_plan::Plan;
pub use experiment_progress::Explored;
pub use experiment_table::Table;
pub(crate) use experiment_table::cleared;
pub use exploration::explore;
