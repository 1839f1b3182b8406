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
    BINS, ConfidenceBins, equal_mass_bins, equal_width_bins, expected_calibration_error,
    reliability_diagram,
};
pub use confusion_counts::{ClassCounts, ConfusionCounts, class_counts, confusion_matrix};
pub(crate) use kl_divergence::squared_distance_and_norm;
pub use kl_divergence::{kl_divergence, relative_l2};
pub use regression_error::{mean_absolute_error, mean_squared_error, r2};
pub use roc_auc::{RocAuc, roc_auc, roc_auc_one_vs_rest};
pub use scoring_rules::{brier_score, log_loss, sample_log_loss, top_k};
