//! `paring run`: everything a study says, and what came of it.

use super::progress::ProgressPrinter;
use super::record_file::forecasts_file;
use super::resume_command::ResumeCommand;
use super::{CodedError, ColumnArgs, GlobalOptions, StudyArgs, run_output};
use crate::workflow::{self, RunOptions};
use clap::Args;
use std::path::PathBuf;
use std::time::Instant;

/// Compress, evaluate and measure all variants of a study.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    study: StudyArgs,
    /// Measure on these targets instead of the study's
    #[arg(long)]
    target: Vec<String>,
    /// A short protocol: 3 blocks, no verdicts
    #[arg(long)]
    quick: bool,
    /// Print what would run and the estimated time
    #[arg(long)]
    dry_run: bool,
    /// Read power sensors under this folder instead of /: a simulated machine, and marked as one
    #[arg(long, value_name = "DIR")]
    sysfs_root: Option<PathBuf>,
    /// Stop measurements that an interrupted run left running on boards
    #[arg(long, requires = "out")]
    cancel: bool,
    #[command(flatten)]
    columns: ColumnArgs,
}

impl RunArgs {
    /// The command that goes on with this run.
    fn resume(&self, global: &GlobalOptions) -> ResumeCommand {
        let mut command = ResumeCommand::new("run", &self.study.study, global);
        command.values("--target", &self.target);
        command.flag("--quick", self.quick);
        command.values("--sysfs-root", &self.sysfs_root);
        command.flag("--wide", self.columns.wide);
        command
    }

    pub(super) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let begun = Instant::now();
        let printer = ProgressPrinter::of_study(global.quiet, self.resume(global));
        let options = RunOptions {
            out: self.study.out,
            targets: self.target,
            quick: self.quick,
            trust: global.trust(),
            sysfs_root: self.sysfs_root,
            forecast_history: forecasts_file(),
            ..RunOptions::new(self.study.study)
        };
        if self.dry_run {
            run_output::print_plan(&workflow::plan_run(&options)?, global);
            return Ok(());
        }
        if self.cancel {
            return Ok(workflow::cancel_run(&options, &|event| printer.show(event))?);
        }
        let result = workflow::run(&options, &|event| printer.show(event))?;
        run_output::print_result(&result, begun.elapsed(), global, self.columns);
        Ok(result.check_complete()?)
    }
}
