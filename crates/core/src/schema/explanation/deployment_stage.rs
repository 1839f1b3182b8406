//! Changes of predictions on the way from a float model to a board.

use crate::schema::ConfidenceInterval;
use serde::{Deserialize, Serialize};

/// One stretch of the way: what it changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeploymentStage {
    /// `graph rewrite`, `quantization`, `engine`, `device`; `all` for the whole way to a board.
    pub cause: String,
    /// The stages before and behind it.
    pub between: [String; 2],
    /// The board that it leads to; `None` on the way that all machines share.
    pub target: Option<String>,
    /// Answers that differ, where answers are classes.
    pub flips: Option<usize>,
    /// Samples compared.
    pub samples: usize,
    /// Primary metric of the task.
    pub metric: String,
    /// Its change, with its interval from the draw of samples; `None` where a stop has no value.
    pub change: Option<ConfidenceInterval>,
    /// Largest difference of a number that was answered; on the way to a board.
    pub largest_difference: Option<f64>,
}

/// A board that was not asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreachedTarget {
    /// The board.
    pub target: String,
    /// Reason.
    pub reason: String,
}
