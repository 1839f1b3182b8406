//! Use case: everything that a study says — variants made, evaluated and measured on every target.

mod measure;
mod options;
mod plan;
mod preflight;
mod result;
mod unapproved;

pub(super) use measure::measure_further;
pub use measure::{cancel_run, run};
pub use options::RunOptions;
pub(super) use plan::measuring_time;
pub use plan::{RunPlan, TrainingEstimate, plan_run};
pub use result::{RunResult, TargetResult};
