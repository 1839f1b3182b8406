//! What a layer took before and after, and which decisions touched it.

use serde::{Deserialize, Serialize};

/// Times of one layer, or of one module's layers together, on this machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerChange {
    /// The layer, or the module.
    pub layer: String,
    /// `layer` or `module`.
    pub scope: String,
    /// The machine.
    pub target: String,
    /// Median time in the baseline, in nanoseconds; what the engine added for the layer included.
    pub before_ns: f64,
    /// Median time in the variant.
    pub after_ns: f64,
    /// Ids of the groups that touched it.
    pub groups: Vec<String>,
}
