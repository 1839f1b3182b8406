//! Options of a report, and its answer.

use super::WrittenReport;
use std::path::PathBuf;

/// Runs to report on, and the form of it.
#[derive(Clone, Debug)]
pub struct ReportOptions {
    /// Run directories.
    pub runs: Vec<PathBuf>,
    /// The form.
    pub format: ReportFormat,
    /// The file; with [`ReportFormat::Parquet`] the folder. Without it pages go into the run directories,
    /// and text to the caller.
    pub out: Option<PathBuf>,
    /// Leave out single samples, also where the study does not ask for it.
    pub redact: bool,
}

/// Form of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReportFormat {
    /// A page.
    #[default]
    Html,
    /// A comment of a pull request.
    Markdown,
    /// All records.
    Json,
    /// The rows of results.csv.
    Csv,
    /// Results, layers and effects with typed columns.
    Parquet,
}

/// A report.
#[derive(Clone, Debug)]
pub enum ReportAnswer {
    /// It lies in files.
    Files(Vec<WrittenReport>),
    /// Text, for which no file was named.
    Text(String),
}
