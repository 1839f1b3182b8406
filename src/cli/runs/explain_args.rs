//! Options of `paring explain`.

use crate::attribution::GroupLevel;
use crate::cli::record_file::forecasts_file;
use crate::workflow::ExplainOptions;
use clap::Args;
use paring_boards::FolderTrust;
use std::path::PathBuf;
use std::time::Duration;

/// Attribute changes in accuracy, latency and memory to decisions, by controlled experiments.
#[derive(Debug, Args)]
pub(in crate::cli) struct ExplainArgs {
    /// The run directory
    run: PathBuf,
    /// Variants to explain; default: all of the study
    #[arg(long)]
    variant: Vec<String>,
    /// Granularity of the groups of decisions
    #[arg(long, default_value = "layer")]
    level: GroupLevelArg,
    /// Maximum number of groups; those with the smallest expected effect are merged
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u64).range(1..=64))]
    groups: u64,
    /// Calibration resamples and seeds, including the study's own
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=100))]
    replicates: u64,
    /// Time limit of the whole call, in minutes; what is not done is named. Default: 3, and with
    /// `--measure` as much more as the measurements take
    #[arg(long, value_parser = minutes)]
    minutes: Option<f64>,
    /// Maximum number of experiments per variant
    #[arg(long, default_value_t = 1500)]
    experiments: usize,
    /// Predict on these boards too, instead of the study's
    #[arg(long)]
    target: Vec<String>,
    /// Evaluate robustness too, with the study's perturbations or the default ones
    #[arg(long)]
    robustness: bool,
    /// Measure leave-one-out latency and memory too, in paired blocks
    #[arg(long)]
    measure: bool,
    /// Read power sensors under this folder instead of /: a simulated machine, and marked as one
    #[arg(long, value_name = "DIR", requires = "measure")]
    sysfs_root: Option<PathBuf>,
    /// Write predictions, flow and the most affected samples as CSV beside the Parquet files
    #[arg(long)]
    csv: bool,
    /// Path of the study file, if it has moved
    #[arg(long)]
    study: Option<PathBuf>,
}

/// Time limit where none is given.
const DEFAULT_MINUTES: f64 = 3.0;

fn minutes(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(minutes) if (0.0..=1e6).contains(&minutes) => Ok(minutes),
        _ => Err("write a number of minutes from 0 to 1000000".into()),
    }
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum GroupLevelArg {
    /// One group per step
    Step,
    /// One per step and layer or coupling
    Layer,
    /// Several per coupling, by rank
    Component,
}

impl From<GroupLevelArg> for GroupLevel {
    fn from(level: GroupLevelArg) -> GroupLevel {
        match level {
            GroupLevelArg::Step => GroupLevel::Step,
            GroupLevelArg::Layer => GroupLevel::Layer,
            GroupLevelArg::Component => GroupLevel::Component,
        }
    }
}

impl ExplainArgs {
    /// The options, with the trust that a global one gives.
    pub(super) fn options(self, trust: FolderTrust) -> ExplainOptions {
        ExplainOptions {
            study: self.study,
            trust,
            variants: self.variant,
            level: self.level.into(),
            groups: self.groups as usize,
            replicates: self.replicates,
            time: Duration::from_secs_f64(60.0 * self.minutes.unwrap_or(DEFAULT_MINUTES)),
            bounds_measurements: self.minutes.is_some(),
            experiments: self.experiments,
            targets: self.target,
            robustness: self.robustness,
            measure: self.measure,
            sysfs_root: self.sysfs_root,
            csv: self.csv,
            forecast_history: forecasts_file(),
            ..ExplainOptions::new(self.run)
        }
    }
}
