//! Time of a variant, layer by layer.

use crate::schema::Sha256Hex;
use serde::{Deserialize, Serialize};

/// One ONNX node with everything that the engine made of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LayerTime {
    /// The layer: the node's name without the operator.
    pub layer: String,
    /// Module: its name without the last part.
    pub module: String,
    /// ONNX's operator.
    pub operator: String,
    /// Position of the node in the file.
    pub position: usize,
    /// Kernels that it runs under.
    pub kernels: Vec<String>,
    /// Its time, glue included, in nanoseconds.
    pub time_ns: f64,
    /// Its share of the whole, 0 to 1.
    pub share: f64,
    /// The part of its time that packs, pads, reshapes, casts, copies, fetches or frees.
    pub glue_ns: f64,
    /// Multiply-adds of one inference, where it multiplies.
    pub macs: Option<u64>,
    /// Bytes of its inputs, weights and outputs, each once, where all are known.
    pub bytes: Option<u64>,
    /// Operations a byte; a multiply-add is two.
    pub ops_per_byte: Option<f64>,
    /// Billions of operations a second.
    pub gops: Option<f64>,
    /// Billions of bytes a second.
    pub gb_per_s: Option<f64>,
    /// Operations a second over the machine's best kernel of the same precision, 0 to 1.
    pub compute_share: Option<f64>,
    /// Bytes a second over what the machine reads at this size, 0 to 1.
    pub memory_share: Option<f64>,
    /// `compute` or `memory`: which of the two limits it, by its operations a byte.
    pub bound: Option<String>,
}

/// The layers of one variant on one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerTable {
    /// Format version.
    pub schema: u32,
    /// The variant's name.
    pub variant: String,
    /// The variant.
    pub variant_id: Sha256Hex,
    /// The target.
    pub target: String,
    /// True if that was emulated: times are no board's then.
    #[serde(default)]
    pub emulated: bool,
    /// Samples in one inference.
    pub batch: usize,
    /// Runs with a clock around each node.
    pub runs: usize,
    /// A run without one, in nanoseconds; means over the faster half of the runs.
    pub plain_ns: f64,
    /// A run with one.
    pub profiled_ns: f64,
    /// Time that belongs to no layer: inputs handed over, outputs taken, nodes of no known origin.
    pub outside_ns: f64,
    /// Layers in the order of the file.
    pub layers: Vec<LayerTime>,
}

impl LayerTable {
    /// The share of a run that the layers account for, 0 to 1.
    pub fn accounted(&self) -> f64 {
        1.0 - self.outside_ns / self.profiled_ns.max(1.0)
    }

    /// Time and share of every module, in order of first appearance.
    pub fn modules(&self) -> Vec<(&str, f64, f64)> {
        let mut found: Vec<(&str, f64, f64)> = Vec::new();
        for layer in &self.layers {
            match found.iter_mut().find(|(name, ..)| *name == layer.module) {
                Some((_, time, share)) => {
                    *time += layer.time_ns;
                    *share += layer.share;
                }
                None => found.push((&layer.module, layer.time_ns, layer.share)),
            }
        }
        found
    }
}
