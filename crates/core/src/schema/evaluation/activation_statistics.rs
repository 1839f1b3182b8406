//! Statistics of a layer's activations: spread, effective rank, similarity to the baseline's.

use serde::{Deserialize, Serialize};

/// The output of one layer in the baseline and in a variant, on the same samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerFlow {
    /// The layer.
    pub layer: String,
    /// The tensor that is looked at: what the layer's activation gives.
    pub tensor: String,
    /// In the baseline.
    pub before: ActivationStatistics,
    /// In the variant; `None` where it has no such tensor any more.
    pub after: Option<ActivationStatistics>,
    /// Likeness of the two, 0 to 1, whatever the number of channels: linear CKA.
    pub similarity: Option<f64>,
}

/// Figures of one layer's output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActivationStatistics {
    /// Channels.
    pub channels: usize,
    /// Rows (samples times places) that are looked at.
    pub rows: usize,
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub deviation: f64,
    /// Share of entries that are exactly zero.
    pub zeros: f64,
    /// Share of channels that never vary.
    pub dead: f64,
    /// Effective rank: the exponential of the entropy of the singular values.
    pub effective_rank: f64,
    /// Heads, where the layer is attention.
    pub heads: Vec<AttentionHeadStatistics>,
}

/// Attention pattern of one head.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttentionHeadStatistics {
    /// Mean entropy of where a place looks, in nats.
    pub entropy: f64,
    /// Mean distance of where it looks, in places.
    pub distance: f64,
}
