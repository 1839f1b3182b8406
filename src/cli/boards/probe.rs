//! `paring probe`.

use crate::cli::progress::ProgressPrinter;
use crate::cli::{CodedError, ColumnArgs, GlobalOptions, say};
use crate::workflow::sysfs_root;
use crate::workflow::{self, PatternsOption, ProbeOptions};
use clap::Args;
use std::path::PathBuf;

/// Show a target's processor, kernels and power sensors.
#[derive(Debug, Args)]
pub(in crate::cli) struct ProbeArgs {
    /// The target: a name of the inventory, or a profile for this machine
    #[arg(default_value = "host")]
    target: String,
    /// Look for power sensors under this folder instead of /
    #[arg(long, value_name = "DIR")]
    sysfs_root: Option<PathBuf>,
    /// Conformance of the engine on every quantized pattern; half a minute the first time, then from the
    /// stored table
    #[arg(long)]
    patterns: bool,
    /// Repeat the conformance tests instead of reading the stored table
    #[arg(long)]
    again: bool,
    #[command(flatten)]
    columns: ColumnArgs,
}

impl ProbeArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let layout = global.layout(self.columns);
        let options = ProbeOptions {
            patterns: match (self.patterns, self.again) {
                (_, true) => PatternsOption::Anew,
                (true, false) => PatternsOption::Kept,
                (false, false) => PatternsOption::Skip,
            },
            target: self.target,
            trust: global.trust(),
            sysfs_root: self.sysfs_root.as_deref().map(sysfs_root).transpose()?,
        };
        let printer = ProgressPrinter::new(global.quiet);
        let facts = workflow::probe(&options, &|event| printer.show(event))?;
        match global.json {
            true => say!("{:#}", facts.json()),
            false => say::table(&facts.text(layout)),
        }
        Ok(())
    }
}
