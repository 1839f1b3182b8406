//! Meaning of the numbers that a model puts out.

use serde::{Deserialize, Serialize};

/// Meaning of the numbers of a model's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScoreKind {
    /// They are probabilities; of one class a sample they add up to 1.
    Probabilities,
    /// They become probabilities through a softmax, or each through a sigmoid.
    Logits,
}
