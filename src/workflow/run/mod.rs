//! Use case: everything that a study says — variants made, evaluated and measured on every target.

mod measure;
mod options;
mod plan;
mod result;

pub use measure::{cancel_run, run};
pub use options::RunOptions;
pub use plan::{RunPlan, plan_run};
pub use result::{RunResult, TargetResult};
