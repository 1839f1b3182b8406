//! Options of `paring explain`.

use crate::attribution::GroupLevel;
use crate::cli::record_file::forecasts_file;
use crate::workflow::ExplainOptions;
use clap::Args;
use paring_boards::FolderTrust;
use std::path::PathBuf;
use std::time::Duration;

/// Say which decision changed what, by experiments with and without each.
#[derive(Debug, Args)]
pub(in crate::cli) struct ExplainArgs {
    /// The run directory
    run: PathBuf,
    /// Explain these variants; all of the study without it
    #[arg(long)]
    variant: Vec<String>,
    /// How fine groups of decisions are
    #[arg(long, default_value = "layer")]
    level: GroupLevelArg,
    /// The most groups; the least expected are put together
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u64).range(1..=64))]
    groups: u64,
    /// Draws of calibration samples and seeds, the study's own included
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=100))]
    replicates: u64,
    /// The most minutes for each variant
    #[arg(long, default_value_t = 3.0)]
    minutes: f64,
    /// The most experiments for each variant
    #[arg(long, default_value_t = 1500)]
    experiments: usize,
    /// Ask these boards too, instead of the study's
    #[arg(long)]
    target: Vec<String>,
    /// Ask with disturbed inputs too; those of the study, or the usual ones
    #[arg(long)]
    robustness: bool,
    /// Measure the variant without each group too, in paired blocks of fresh processes
    #[arg(long)]
    measure: bool,
    /// Read power sensors under this folder instead of /: a simulated machine, and marked as one
    #[arg(long, value_name = "DIR", requires = "measure")]
    sysfs_root: Option<PathBuf>,
    /// Write answers, flow and the samples hit hardest as CSV beside the Parquet files
    #[arg(long)]
    csv: bool,
    /// The study file, where it no longer lies where the run found it
    #[arg(long)]
    study: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum GroupLevelArg {
    /// One group a step
    Step,
    /// One a step and layer or coupling
    Layer,
    /// Several a coupling, by rank
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
            time: Duration::from_secs_f64(60.0 * self.minutes.max(0.0)),
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
