//! Options of `paring bench`.

use super::sample_args::SizeArgs;
use crate::cli::ColumnArgs;
use crate::workflow::BenchOptions;
use clap::Args;
use paring_boards::FolderTrust;
use paring_core::schema::MOST_ROUNDS;
use paring_core::units::LatencyNs;
use std::path::PathBuf;

/// Benchmark models side by side, in paired blocks.
#[derive(Debug, Args)]
pub(in crate::cli) struct BenchArgs {
    /// ONNX files, or run directories for all of their variants; the first model is what the others
    /// are compared with
    #[arg(required = true)]
    models: Vec<PathBuf>,
    /// An .npz file with an array an input (no labels needed), or a folder with a labels.csv
    #[arg(long)]
    data: Option<PathBuf>,
    /// A study whose [data] section says how images become numbers; without --data also where they are
    #[arg(long, value_name = "STUDY", conflicts_with = "random_inputs")]
    study: Option<PathBuf>,
    /// Use seeded random inputs; results are labelled so
    #[arg(long, conflicts_with = "data")]
    random_inputs: bool,
    #[command(flatten)]
    sizes: SizeArgs,
    /// Batch size; default 1, or the first model's fixed size
    #[arg(long, value_parser = count)]
    batch: Option<usize>,
    /// Measure each ONNX file once more with this engine option: conv_nhwc, f32_to_f16, block_quant, vzeroupper
    #[arg(long)]
    engine: Vec<String>,
    /// Measure once more without this instruction set, for example avx512f
    #[arg(long)]
    without_isa: Vec<String>,
    /// Engine threads per inference; default from the target's profile
    #[arg(long, value_parser = count)]
    threads: Option<usize>,
    /// Concurrent inferences
    #[arg(long, default_value_t = 1, value_parser = count)]
    streams: usize,
    /// Target to measure on
    #[arg(long, default_value = "host")]
    target: String,
    /// Blocks (fresh processes) of each kind per model; fewer than 9 give no verdict
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_ROUNDS)))]
    blocks: u32,
    /// Sampling time of a solo block, in milliseconds
    #[arg(long, default_value_t = 150)]
    solo_ms: u64,
    /// Sampling time of a paired block, in milliseconds
    #[arg(long, default_value_t = 300)]
    paired_ms: u64,
    /// Add paired blocks until the speed-up's interval has this relative width, for example 0.005; stops
    /// at 100 blocks or an hour
    #[arg(long, value_parser = share)]
    width: Option<f64>,
    /// Sustained mode: run each model for this many seconds without a pause, at the end
    #[arg(long, value_parser = clap::value_parser!(u64).range(4..))]
    sustained_s: Option<u64>,
    /// Seed of the block order and of random inputs
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folder of raw samples and results. Default: a new folder in paring-runs/
    #[arg(long)]
    out: Option<PathBuf>,
    #[command(flatten)]
    pub(super) columns: ColumnArgs,
}

fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=1024) => Ok(count),
        _ => Err("write a number from 1 to 1024".into()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        _ => Err("write a number above 0 and below 1".into()),
    }
}

impl BenchArgs {
    /// The options, with the trust that a global one gives.
    pub(super) fn options(self, trust: FolderTrust) -> BenchOptions {
        let ns = |count: u64, unit_ns: u64| LatencyNs(count.saturating_mul(unit_ns));
        BenchOptions {
            dims: self.sizes.by_name(),
            models: self.models,
            data: self.data,
            study: self.study,
            random_inputs: self.random_inputs,
            batch: self.batch,
            engine: self.engine,
            without_isa: self.without_isa,
            threads: self.threads,
            streams: self.streams,
            target: self.target,
            trust,
            blocks: self.blocks,
            solo_ns: ns(self.solo_ms, 1_000_000),
            paired_ns: ns(self.paired_ms, 1_000_000),
            width: self.width,
            sustained_ns: self.sustained_s.map(|seconds| ns(seconds, 1_000_000_000)),
            seed: self.seed,
            out: self.out,
        }
    }
}
