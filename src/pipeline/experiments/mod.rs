//! Controlled experiments: variants with only some of their decisions.

mod attacked_experiments;
mod disturbed_experiments;
mod experiment_runner;
mod recipe_trial;
mod step_replay;

pub use disturbed_experiments::DisturbedExperiments;
pub use experiment_runner::{ExperimentRequest, ExperimentRunner, measured_experiments, recorded};
pub use recipe_trial::TriedRecipe;
pub use step_replay::rehearse;
