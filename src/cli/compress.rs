//! `paring compress`: variants, ledger and parings.

use super::progress::ProgressPrinter;
use super::record_file::forecasts_file;
use super::resume_command::ResumeCommand;
use super::{CodedError, GlobalOptions, StudyArgs, run_output};
use crate::workflow::{self, CompressOptions};
use clap::Args;
use std::path::PathBuf;

/// Make the variants of a study, without measuring them.
#[derive(Debug, Args)]
pub(super) struct CompressArgs {
    #[command(flatten)]
    study: StudyArgs,
    /// Also evaluate the variants on the report split
    #[arg(long)]
    evaluate: bool,
    /// Read power sensors under this folder instead of /, where a step goes by energy
    #[arg(long, value_name = "DIR")]
    sysfs_root: Option<PathBuf>,
}

impl CompressArgs {
    pub(super) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let mut resume = ResumeCommand::new("compress", &self.study.study, global);
        resume.flag("--evaluate", self.evaluate);
        resume.values("--sysfs-root", &self.sysfs_root);
        let printer = ProgressPrinter::of_study(global.quiet, resume);
        let options = CompressOptions {
            out: self.study.out,
            trust: global.trust(),
            evaluate: self.evaluate,
            // JSON has no place for half an answer.
            require_evaluation: global.json,
            sysfs_root: self.sysfs_root,
            forecast_history: forecasts_file(),
            ..CompressOptions::new(self.study.study)
        };
        let result = workflow::compress(&options, &|event| printer.show(event))?;
        run_output::print_variants(&result, global);
        Ok(result.check_complete()?)
    }
}
