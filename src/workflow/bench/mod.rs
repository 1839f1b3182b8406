//! Use case of measuring models side by side.

mod inputs;
mod models;
mod options;
mod run;

pub use options::BenchOptions;
pub use run::{bench, refuse_unmeasured};
