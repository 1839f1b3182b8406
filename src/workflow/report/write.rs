//! Reports in a run's own directory: report.html, report.md and the overlays, from its files alone.

use super::overlays::write_overlays;
use super::records::ReportRecords;
use crate::pipeline;
use crate::report::html::report_html;
use crate::report::{ReportError, report_md};
use crate::study::RunDirectory;
use crate::workflow::progress::uncounted;
use crate::workflow::{Progress, ProgressEvent, ProgressStage, WorkflowError};
use paring_core::schema::Sha256Hex;
use std::path::{Path, PathBuf};

/// A report that was written.
#[derive(Clone, Debug)]
pub struct WrittenReport {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: usize,
    /// The manifest of the run directory that the file is in; `None` elsewhere.
    pub manifest_sha256: Option<Sha256Hex>,
}

/// Writes the reports into a run directory, and the manifest that holds them; gives report.html.
///
/// # Errors
/// [`WorkflowError`] where the directory is no run, or a record in it cannot be read.
pub(super) fn write_into(run: &Path, redact: bool) -> Result<WrittenReport, WorkflowError> {
    let mut directory = RunDirectory::existing(run)?;
    let (path, bytes) = write_report(&directory, redact)?;
    Ok(WrittenReport { path, bytes, manifest_sha256: Some(directory.seal()?) })
}

/// Writes the reports without a manifest, without single samples on request; gives the path of
/// report.html and its size in bytes.
///
/// # Errors
/// [`WorkflowError`] where a record of the run cannot be read.
pub fn write_report(
    directory: &RunDirectory,
    redact: bool,
) -> Result<(PathBuf, usize), WorkflowError> {
    let folders = &directory.folders;
    let mut records = ReportRecords::read(folders, &directory.protocol, redact)?;
    let without_overlay = write_overlays(folders, &records)?;
    records.unreadable.extend(without_overlay);
    let html = report_html(&records.report()).map_err(ReportError::from)?;
    let path = folders.root().join("report.html");
    pipeline::replace(&path, html.as_bytes())?;
    pipeline::replace(&folders.report(), report_md(&[records.report()]).as_bytes())?;
    Ok((path.to_path_buf(), html.len()))
}

/// Writes the reports where that can be done; what they are derived of is whole without them.
pub(in crate::workflow) fn write_report_if_possible(directory: &RunDirectory, progress: &Progress) {
    let stage = ProgressStage::Report;
    let written = uncounted(progress, stage, "report.html", || write_report(directory, false));
    if let Err(error) = written {
        progress(ProgressEvent::NoReport(&error));
    }
}
