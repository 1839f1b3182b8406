//! Closed-form confidence intervals.

mod bonett_price;
mod calibration_error;
mod delong;
mod independent_difference;
mod least_squares_slope;
mod newcombe;
mod wilson;

pub use bonett_price::{bonett_price_interval, bonett_price_variance, rate_change_interval};
pub use calibration_error::calibration_error_interval;
pub use delong::{RocArea, delong_interval};
pub use independent_difference::{
    Z99, bonferroni_factor, bonferroni_factor_at, bootstrap_median_difference, small_sample_factor,
    stretch_interval, widen_interval, zou_donner_difference,
};
pub use least_squares_slope::least_squares_slope;
pub use newcombe::newcombe_interval;
pub use wilson::{proportion_interval, rate_interval, wilson_interval};
