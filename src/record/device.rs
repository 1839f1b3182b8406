//! Where on the way from a float model to a board predictions change.

use super::Interval;
use serde::{Deserialize, Serialize};

/// One stretch of the way: what it changed, and what it should not have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// `graph rewrite`, `quantization`, `engine`, `device`.
    pub cause: String,
    /// What stands before it, and what behind.
    pub between: [String; 2],
    /// Answers that differ.
    pub flips: usize,
    /// Samples compared.
    pub samples: usize,
    /// Change of accuracy, with its interval from the draw of samples.
    pub accuracy: Interval,
}
