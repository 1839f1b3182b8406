//! Controlled experiments and attribution: which decision caused which change.
//!
//! Pure: experiments come as records from `pipeline`, and what follows from them is a function of
//! them. An effect is a contrast over the values of coalitions of decisions.

mod effects;
mod experiments;
mod explanation_record;
mod flips;
mod forecast_outcomes;
mod narrative;
mod shapley;
mod targets;

pub use crate::pipeline::HERE;
pub use effects::{
    Attribution, Estimate, FEW, LEVEL, ROBUSTNESS, Resamples, correct_families, mean_estimate,
};
pub use experiments::{
    Aspect, Explored, Investigation, Level, Manner, Plan, Table, Truth, draw_calibration, explore,
    groups, pieces, recipe,
};
pub use flips::{Accused, Flips, covering};
pub use forecast_outcomes::{all_outcomes, outcomes};
pub use narrative::narrative;
pub use shapley::{Coalition, Form, Shapley};
pub use targets::{Measurable, There, Times};
