//! `paring report`: report.html of finished runs.

use crate::cli::{CodedError, GlobalOptions};
use crate::workflow;
use clap::Args;
use paring_core::units::Bytes;
use serde_json::json;
use std::path::PathBuf;

/// Write report.html of runs: one self-contained file each
#[derive(Debug, Args)]
pub(in crate::cli) struct ReportArgs {
    /// Run directories
    #[arg(required = true)]
    runs: Vec<PathBuf>,
}

impl ReportArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let mut written = Vec::new();
        for run in &self.runs {
            written.push(workflow::report(run)?);
        }
        if global.json {
            let each = written.iter().map(|report| {
                json!({ "report": report.path, "bytes": report.bytes, "manifest_sha256": report.manifest_sha256 })
            });
            say!("{:#}", json!(each.collect::<Vec<_>>()));
            return Ok(());
        }
        for report in written {
            let size = Bytes(report.bytes as u64);
            say!("{} ({size}); manifest {}", report.path.display(), report.manifest_sha256);
        }
        Ok(())
    }
}
