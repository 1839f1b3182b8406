//! `paring report`: finished runs as a page, as Markdown, as JSON or as tables.

use crate::cli::warnings::print_warning;
use crate::cli::{CodedError, GlobalOptions, say};
use crate::workflow::{self, ReportAnswer, ReportFormat, ReportOptions};
use clap::Args;
use paring_core::units::Bytes;
use serde_json::json;
use std::path::PathBuf;

/// Report on runs: report.html, report.md and overlays in each run directory, or another form.
#[derive(Debug, Args)]
pub(in crate::cli) struct ReportArgs {
    /// Run directories
    #[arg(required = true)]
    runs: Vec<PathBuf>,
    /// Form: a page, Markdown for a pull request, results and explanations as canonical JSON, results
    /// as CSV, or results, layers and effects as Parquet
    #[arg(long, default_value = "html")]
    format: ReportForm,
    /// File to write; with `--format parquet` a folder. Of several runs a page with links to their reports.
    /// Default: pages go into the run directories, text to standard output
    #[arg(long)]
    out: Option<PathBuf>,
    /// Leave out single samples: their inputs, numbers and answers; the default where the study says
    /// `private = true`, which holds for good: the next `paring explain` or resumed `paring run` writes
    /// reports without `--redact`
    #[arg(long)]
    redact: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ReportForm {
    Html,
    Md,
    Json,
    Csv,
    Parquet,
}

impl From<ReportForm> for ReportFormat {
    fn from(form: ReportForm) -> ReportFormat {
        match form {
            ReportForm::Html => ReportFormat::Html,
            ReportForm::Md => ReportFormat::Markdown,
            ReportForm::Json => ReportFormat::Json,
            ReportForm::Csv => ReportFormat::Csv,
            ReportForm::Parquet => ReportFormat::Parquet,
        }
    }
}

impl ReportArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let options = ReportOptions {
            runs: self.runs,
            format: self.format.into(),
            out: self.out,
            redact: self.redact,
        };
        let written = match workflow::report(&options, &print_warning)? {
            ReportAnswer::Text(text) => {
                say::whole(text.trim_end());
                return Ok(());
            }
            ReportAnswer::Files(written) => written,
        };
        if global.json {
            let each = written.iter().map(|report| {
                json!({ "report": report.path, "bytes": report.bytes, "manifest_sha256": report.manifest_sha256 })
            });
            say!("{:#}", json!(each.collect::<Vec<_>>()));
            return Ok(());
        }
        for report in written {
            let size = Bytes(report.bytes as u64);
            let manifest = report.manifest_sha256.map(|hash| format!("; manifest {hash}"));
            say!("{} ({size}){}", report.path.display(), manifest.unwrap_or_default());
        }
        Ok(())
    }
}
