//! Effects of groups of decisions with their uncertainty, corrected for multiple testing.

mod bootstrap_values;
mod crossed_variance;
mod effect_attribution;
mod effect_estimate;
mod multiple_testing;
mod robustness_effects;

pub use bootstrap_values::BootstrapValues;
pub use crossed_variance::LEVEL;
pub use effect_attribution::EffectAttribution;
pub use effect_estimate::{EffectEstimate, FEW, mean_estimate};
pub use multiple_testing::correct_multiple_tests;
pub use robustness_effects::{DisturbedEffects, ROBUSTNESS};
