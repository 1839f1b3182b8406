//! `paring sensitivity`.

use crate::cli::{CodedError, ColumnArgs, GlobalOptions, say};
use crate::{report, workflow};
use clap::Args;
use std::path::PathBuf;

/// Show each layer's latency and quantization sensitivity in each precision.
#[derive(Debug, Args)]
pub(in crate::cli) struct SensitivityArgs {
    /// A run with a step `{ quantize = "int8", layers = "measured" }`
    run: PathBuf,
    #[command(flatten)]
    columns: ColumnArgs,
}

impl SensitivityArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let tables = workflow::sensitivity(&self.run)?;
        match global.json {
            true => say!("{:#}", report::sensitivity_json(&tables)),
            false => {
                say::table(&report::sensitivity_text(&tables, global.layout(self.columns)));
            }
        }
        Ok(())
    }
}
