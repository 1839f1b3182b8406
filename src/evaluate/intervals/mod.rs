//! Evaluations with 95 % intervals: each metric, class rate and slice, and its paired change from the
//! baseline.

mod auc_interval;
mod bootstrap_sampling;
mod calibration_error_interval;
mod class_rate;
mod class_specificity;
mod evaluation;
mod metric_interval;
mod paired_draws;
mod rate_units;
mod resampled_statistics;
mod slice_scores;

pub use bootstrap_sampling::BootstrapSampling;
pub use evaluation::evaluate_variants;
pub use resampled_statistics::draws;
