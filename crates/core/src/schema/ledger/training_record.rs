//! A training as the ledger holds it: what was seen, how the loss went, how far weights moved.

use crate::schema::Sha256Hex;
use serde::{Deserialize, Serialize};

/// Record of a training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingRecord {
    /// Seed of the order of samples and of what was drawn for them.
    pub seed: u64,
    /// Epochs that were planned.
    pub epochs: usize,
    /// Epochs that were done.
    pub epochs_done: usize,
    /// The epoch whose state was kept; 0 is the start.
    pub best_epoch: usize,
    /// Updates of the weights.
    pub steps: usize,
    /// The reason why it ended.
    pub end: TrainingEnd,
    /// The time limit in seconds; with one the result depends on the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_s: Option<u64>,
    /// Samples that were trained on.
    pub calibration_samples: usize,
    /// Samples that chose the state; 0 where the calibration samples did.
    pub select_samples: usize,
    /// Hash of the samples that chose the state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select_sha256: Option<Sha256Hex>,
    /// True where labels were trained on.
    pub labels_used: bool,
    /// Losses of the states that were compared, the start first.
    pub curve: Vec<EpochLoss>,
    /// The change of every tensor that was trained.
    pub changes: Vec<TensorChange>,
}

/// The reason why a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrainingEnd {
    /// All epochs were done.
    Epochs,
    /// The time limit.
    TimeLimit,
    /// A loss or a gradient was NaN or infinite.
    NotFinite,
}

/// Losses behind an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochLoss {
    /// The epoch; 0 for the start.
    pub epoch: usize,
    /// Mean over the samples of the epoch as they were drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<f64>,
    /// On the samples that chose the state, as they are.
    pub held_out: f64,
}

/// The change of a tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TensorChange {
    /// The initializer.
    pub tensor: String,
    /// Its Euclidean norm before.
    pub norm_before: f64,
    /// The norm of what was added to it.
    pub norm_of_change: f64,
}
