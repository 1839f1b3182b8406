//! Measured time of every node of a baseline: an input of compression, frozen in the run.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Times of a baseline's nodes on one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostTable {
    /// Format version.
    pub schema: u32,
    /// The target.
    pub target: String,
    /// Engine and version.
    pub engine: String,
    /// Median time by name of the ONNX node, in nanoseconds; what the engine adds is counted to the
    /// node that it was added for.
    pub nodes_ns: BTreeMap<String, f64>,
}

impl CostTable {
    /// All of it, in nanoseconds.
    pub fn total_ns(&self) -> f64 {
        self.nodes_ns.values().sum()
    }
}
