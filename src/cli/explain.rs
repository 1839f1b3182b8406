//! `paring explain`: which decision changed what, by experiments with and without each.

use super::progress::ProgressPrinter;
use super::record_file::forecasts_file;
use super::{CodedError, GlobalOptions};
use crate::attribution::GroupLevel;
use crate::report;
use crate::workflow::{self, ExplainOptions};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

/// Say which decision changed what, by experiments with and without each.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
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
    fn from(fineness: GroupLevelArg) -> GroupLevel {
        match fineness {
            GroupLevelArg::Step => GroupLevel::Step,
            GroupLevelArg::Layer => GroupLevel::Layer,
            GroupLevelArg::Component => GroupLevel::Component,
        }
    }
}

impl ExplainArgs {
    pub(super) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let options = ExplainOptions {
            study: self.study,
            trust: global.trust(),
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
        };
        let printer = ProgressPrinter::new(global.quiet);
        let result = workflow::explain(&options, &|event| printer.show(event))?;
        if global.json {
            say!("{:#}", json!(result.explanations));
            return Ok(());
        }
        for explanation in &result.explanations {
            say!("{}", report::explanation_text(explanation));
        }
        let files: Vec<String> = result.files.iter().map(|f| f.display().to_string()).collect();
        say!("written to {}; manifest {}", files.join(", "), result.manifest_sha256);
        Ok(())
    }
}
