//! Metrics as pure functions of answers and labels.
//!
//! Probabilities are rows of as many numbers as there are classes, one row a sample, without gaps.
//! Definitions are scikit-learn's where it has one; `tests/metrics.rs` holds them to its values.

mod calibration_error;
mod confusion_counts;
mod kl_divergence;
mod scoring_rules;
mod roc_auc;
mod regression_error;

pub use calibration_error::{
    BINS, Binned, calibration_error, equal_mass, equal_width, reliability,
};
pub use confusion_counts::{Binary, Counts, confusion, counts};
pub(crate) use kl_divergence::squares;
pub use kl_divergence::{kl_divergence, relative_l2};
pub use regression_error::{mean_absolute_error, mean_squared_error, r2};
pub use roc_auc::{Auc, auc, auc_one_vs_rest};
pub use scoring_rules::{brier, label_loss, log_loss, top_k};
