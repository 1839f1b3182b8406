//! `paring list`.

use crate::cli::{CodedError, ColumnArgs, GlobalOptions, say};
use crate::{report, workflow};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// List the runs in a folder.
#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    /// The folder of run directories
    #[arg(default_value = "paring-runs")]
    folder: PathBuf,
    #[command(flatten)]
    columns: ColumnArgs,
}

impl ListArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let runs = workflow::list_runs(&self.folder)?;
        match (global.json, runs.is_empty()) {
            (true, _) => say!("{:#}", json!(runs)),
            (false, true) => say!("no runs in {}", self.folder.display()),
            (false, false) => say::table(&report::runs_table(&runs, global.layout(self.columns))),
        }
        Ok(())
    }
}
