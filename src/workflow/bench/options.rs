//! Options of a bench.

use paring_boards::FolderTrust;
use paring_core::units::LatencyNs;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Models to measure side by side, and the rules of measuring.
#[derive(Clone, Debug)]
pub struct BenchOptions {
    /// ONNX files, or run directories for all of their variants; the first is what the others are
    /// compared with.
    pub models: Vec<PathBuf>,
    /// A file or folder with an array for each input.
    pub data: Option<PathBuf>,
    /// A study whose data these are, and whose rules make images numbers.
    pub study: Option<PathBuf>,
    /// Seeded random numbers instead.
    pub random_inputs: bool,
    /// Values for symbolic dimensions other than the batch.
    pub dims: BTreeMap<String, usize>,
    /// Samples of an inference; 1 without it, or what the first model fixes.
    pub batch: Option<usize>,
    /// Engine options to measure each ONNX file with, one by one.
    pub engine: Vec<String>,
    /// Instruction-set tiers to measure each ONNX file without, one by one.
    pub without_isa: Vec<String>,
    /// Threads of the engine in one inference; the profile's without it.
    pub threads: Option<usize>,
    /// Concurrent inferences.
    pub streams: usize,
    /// The target: a name of the inventory, or a profile for this machine.
    pub target: String,
    /// Trust in whoever made the inventory.
    pub trust: FolderTrust,
    /// Blocks of each kind for each model.
    pub blocks: u32,
    /// Sampling time of a solo block.
    pub solo_ns: LatencyNs,
    /// Sampling time of a paired block.
    pub paired_ns: LatencyNs,
    /// Relative width of the speed-up's interval at which paired blocks stop.
    pub width: Option<f64>,
    /// Time that each model also runs without a pause, at the end.
    pub sustained_ns: Option<LatencyNs>,
    /// Seed of the order of blocks and of random inputs.
    pub seed: u64,
    /// Folder of raw samples and results; a new one in paring-runs/ without it.
    pub out: Option<PathBuf>,
}
