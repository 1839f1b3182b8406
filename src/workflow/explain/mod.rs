//! Use case: which decision changed what, by experiments with and without each.

mod boards;
mod explanation;
mod explanation_inputs;
mod files;
mod investigate;
mod measured;
mod options;
mod time_budget;

pub use investigate::explain;
pub use options::{ExplainOptions, ExplainResult};
