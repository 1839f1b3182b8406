//! Time of a layer before and after, with the decisions that touched it.

use serde::{Deserialize, Serialize};

/// Times of one layer, or of one module's layers together, on one machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerChange {
    /// The layer, or the module.
    pub layer: String,
    /// `layer` or `module`.
    pub scope: String,
    /// The machine: a target of the study, or `this process`.
    pub target: String,
    /// Time in the baseline, in nanoseconds; what the engine added for the layer included. A median in
    /// this process, a mean over the faster half of the runs on a target.
    pub before_ns: f64,
    /// Time in the variant, likewise.
    pub after_ns: f64,
    /// Ids of the groups that touched it.
    pub groups: Vec<String>,
}
