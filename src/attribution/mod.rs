//! Controlled experiments and attribution: which decision caused which change.
//!
//! Pure: experiments come as records from `pipeline`, and what follows from them is a function of
//! them. An effect is a contrast over the values of coalitions of decisions.

mod effects;
#[cfg(test)]
mod example_explanation;
mod experiments;
mod explanation_record;
mod flips;
mod forecast_outcomes;
mod narrative;
mod shapley;
mod targets;

pub use crate::pipeline::HERE;
pub use effects::{
    BootstrapValues, DisturbedEffects, EffectAttribution, EffectEstimate, FEW, LEVEL, ROBUSTNESS,
    correct_multiple_tests, mean_estimate,
};
#[cfg(test)]
pub(crate) use example_explanation::{example_explanation, example_without_effect};
pub use experiments::{
    AblationOptions, AblationStudy, EvaluatedSamples, ExperimentMetric, ExperimentPlan,
    ExperimentProgress, ExperimentTable, GroupLevel, explore, groups, not_drawn, pieces, recipe,
    resample_calibration,
};
pub use flips::{FlipAttribution, FlipCauses, greedy_cover};
pub use forecast_outcomes::{all_outcomes, outcomes};
pub use narrative::narrate;
pub use shapley::{CoalitionContrast, GroupCoalition, ShapleyEstimate};
pub use targets::{BoardOutputs, LatencyEffects, MeasurableCoalition};
