//! `paring doctor`.

use crate::cli::progress::ProgressPrinter;
use crate::cli::{CodedError, ExitCode, GlobalOptions};
use crate::report;
use crate::workflow::{self, DoctorOptions};
use clap::Args;
use paring_boards::CheckGrade;

/// Check what stands in the way of good measurements, with a remedy for each finding.
#[derive(Debug, Args)]
pub(in crate::cli) struct DoctorArgs {
    /// The target: a name of the inventory, or a profile for this machine
    #[arg(default_value = "host")]
    target: String,
    /// Leave out the measurement of noise, which takes half a minute
    #[arg(long)]
    no_noise: bool,
}

impl DoctorArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let options =
            DoctorOptions { target: self.target, trust: global.trust(), noise: !self.no_noise };
        let printer = ProgressPrinter::new(global.quiet);
        let checked = [workflow::doctor(&options, &|event| printer.show(event))?];
        match global.json {
            true => say!("{:#}", report::findings_json(&checked)),
            false => say!("{}", report::findings_text(&checked)),
        }
        match checked[0].1.iter().find(|finding| finding.grade == CheckGrade::Bad) {
            None => Ok(()),
            Some(finding) => {
                let error =
                    anyhow::anyhow!("`{}` cannot measure: {}", options.target, finding.subject);
                Err(CodedError::new(ExitCode::Target, error))
            }
        }
    }
}
