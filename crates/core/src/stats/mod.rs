//! Statistics: pure functions over slices, seeded where they draw.
//!
//! Knows nothing of latency or accuracy; METHODOLOGY.md says which function answers which question.

mod bootstrap;
mod dose_response;
mod intervals;
mod quantile;
mod sampling_design;
mod seeded_generator;
mod significance;

pub use bootstrap::{
    BootstrapOptions, LANES, LaneValues, ROUNDING, ResamplingUnits, beyond_rounding, bootstrap,
    bootstrap_mean_by_group, bootstrap_median, bootstrap_pooled_quantile, bootstrap_variance,
    cluster_bootstrap_t, expanded_percentile_interval,
};
pub use dose_response::{
    DoseResponse, FEWEST_OF_A_KIND, PREDICTIVE_LEVEL, PredictiveInterval, ResponseCurve,
    ResponseModel,
};
pub use intervals::{
    RocArea, Z99, bonett_price_interval, bonett_price_variance, bonferroni_factor,
    bonferroni_factor_at, bootstrap_median_difference, calibration_error_interval, delong_interval,
    least_squares_slope, newcombe_interval, proportion_interval, rate_change_interval,
    rate_interval, small_sample_factor, stretch_interval, widen_interval, wilson_interval,
    zou_donner_difference,
};
pub use quantile::{median, quantile, samples_for_percentile};
pub use sampling_design::{MeanVariance, SamplingDesign};
pub use seeded_generator::{SeededGenerator, generator, standard_normal_pair};
pub use significance::{benjamini_hochberg, holm, mcnemar, sign_flip_test};
