//! Variants of a study: made, evaluated, and their results put together.

mod evaluate;
mod inputs;
mod make;
mod regimes;
mod result;

pub(super) use evaluate::{evaluate_further, evaluate_variants};
pub(super) use inputs::{calibration, decision_rule, recipe_context, recipe_inputs};
pub(super) use make::{ForecastSources, make_variants, training_listener};
pub(super) use regimes::evaluate_regimes;
pub(super) use result::check_complete;
pub use result::{TargetMeasurement, VariantFailure, VariantResult};
