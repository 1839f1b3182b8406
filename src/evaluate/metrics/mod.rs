//! Metrics as pure functions of answers and labels.
//!
//! Probabilities are rows of as many numbers as there are classes, one row a sample, without gaps.
//! Definitions are scikit-learn's where it has one; `tests/metrics.rs` holds them to its values.

mod calibration;
mod counts;
mod divergence;
mod probability;
mod ranking;
mod regression;

pub use calibration::{BINS, Binned, calibration_error, equal_mass, equal_width, reliability};
pub use counts::{Binary, Counts, confusion, counts};
pub(super) use divergence::squares;
pub use divergence::{kl_divergence, relative_l2};
pub use probability::{brier, label_loss, log_loss, top_k};
pub use ranking::{Auc, auc, auc_one_vs_rest};
pub use regression::{mean_absolute_error, mean_squared_error, r2};
