//! `paring gate`.

use crate::cli::warnings::print_warning;
use crate::cli::{CodedError, GlobalOptions};
use crate::report;
use crate::workflow::{self, GateOptions};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Judge the variants of a run by its protocol's requirements.
///
/// Ends with exit code 5 where a variant fails, or where a requirement is undecided.
#[derive(Debug, Args)]
pub(in crate::cli) struct GateArgs {
    /// The run directory
    run: PathBuf,
    /// Only these variants; may be given several times
    #[arg(long, value_name = "NAME")]
    variant: Vec<String>,
    /// Write the verdicts as JUnit XML, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// End with 0 where requirements are undecided and none fails
    #[arg(long)]
    allow_undecided: bool,
}

impl GateArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let options = GateOptions {
            run: self.run,
            variants: self.variant,
            junit: self.junit,
            allow_undecided: self.allow_undecided,
        };
        let result = workflow::gate(&options, &print_warning)?;
        match global.json {
            true => say!("{:#}", json!(result)),
            false => {
                say!("{}\nmanifest {}", report::gate_lines(&result.gate), result.manifest_sha256)
            }
        }
        Ok(workflow::refuse_unmet(&result.gate, options.allow_undecided)?)
    }
}
