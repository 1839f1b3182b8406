//! Times of the nodes of a variant's optimised graph: measured on a target, told apart by the
//! ONNX nodes they came from on the host.

use crate::schema::Sha256Hex;
use serde::{Deserialize, Serialize};

/// The nodes of one variant on one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeProfile {
    /// Format version.
    pub schema: u32,
    /// The variant.
    pub variant_id: Sha256Hex,
    /// Samples in one inference.
    pub batch: usize,
    /// Engine and version.
    pub engine: String,
    /// Runs that were timed node by node; figures are means over the faster half of them, so that
    /// they add up.
    pub runs: usize,
    /// Those runs from end to end, in nanoseconds.
    pub profiled_ns: f64,
    /// As many runs without a clock inside, likewise.
    pub plain_ns: f64,
    /// Time behind the last node: outputs taken, state cleared.
    pub end_ns: f64,
    /// Nodes in the order of execution.
    pub nodes: Vec<NodeTime>,
}

/// One node of the optimised graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeTime {
    /// Its name, which begins with the ONNX node's.
    pub name: String,
    /// The engine's operator.
    pub operator: String,
    /// Its kernels, where it has any.
    pub kernels: Vec<String>,
    /// True if it only moves data: packs, pads, reshapes, casts or copies.
    pub moves: bool,
    /// Its own time.
    pub own_ns: f64,
    /// Time before it: operands fetched, tensors freed that nobody reads any more.
    pub before_ns: f64,
}

impl NodeTime {
    /// True if it is a product: what has kernels is.
    pub fn multiplies(&self) -> bool {
        !self.kernels.is_empty()
    }
}
