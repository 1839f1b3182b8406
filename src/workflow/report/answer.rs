//! `paring report`: runs as a page, as Markdown, as JSON, or as tables.

use super::options::{ReportAnswer, ReportFormat, ReportOptions};
use super::records::ReportRecords;
use super::write::{WrittenReport, write_into};
use crate::pipeline::Folders;
use crate::report::html::{RunReport, report_html};
use crate::report::{
    IndexedRun, ReportError, parquet_files, report_index_html, report_md, run_documents, runs_csv,
};
use crate::study::{self, RunDirectory};
use crate::workflow::{Progress, ProgressEvent, WorkflowError};
use paring_core::files::replace_file;
use std::path::{Path, PathBuf};

/// Reports on runs. A page without `out` is written into each run's own directory, with everything
/// else that is derived of it there; any other report leaves the runs as they are.
///
/// # Errors
/// [`WorkflowError`] where a directory is no run, a record in it cannot be read, or a file not be
/// written.
pub fn report(options: &ReportOptions, progress: &Progress) -> Result<ReportAnswer, WorkflowError> {
    for run in &options.runs {
        if let Some(flaw) = study::first_violation(run).filter(|flaw| !flaw.is_interruption()) {
            progress(ProgressEvent::IntegrityFlaw { run, flaw: &flaw });
        }
    }
    refuse_inside_runs(options)?;
    match (options.format, &options.out, options.runs.as_slice()) {
        (ReportFormat::Html, None, runs) => {
            let written =
                runs.iter().map(|run| write_into(run, options.redact)).collect::<Result<_, _>>()?;
            Ok(ReportAnswer::Files(written))
        }
        (ReportFormat::Html, Some(out), [run]) => {
            let records = read(run, options.redact)?;
            let html = report_html(&records.report()).map_err(ReportError::from)?;
            Ok(ReportAnswer::Files(vec![file(out, html.as_bytes())?]))
        }
        (ReportFormat::Html, Some(out), runs) => {
            Ok(ReportAnswer::Files(index(runs, out, options.redact)?))
        }
        (format, out, runs) => {
            let records =
                runs.iter().map(|run| read(run, options.redact)).collect::<Result<Vec<_>, _>>()?;
            let reports: Vec<RunReport> = records.iter().map(ReportRecords::report).collect();
            written(&reports, format, out.as_deref())
        }
    }
}

/// Refuses a file inside a run directory: the run would hold what its manifest does not.
fn refuse_inside_runs(options: &ReportOptions) -> Result<(), WorkflowError> {
    let Some(out) = &options.out else { return Ok(()) };
    let whole = std::path::absolute(out).unwrap_or_else(|_| out.clone());
    let Some(folder) = whole.ancestors().skip(1).find_map(|folder| folder.canonicalize().ok())
    else {
        return Ok(());
    };
    let inside = |run: &&PathBuf| run.canonicalize().is_ok_and(|run| folder.starts_with(run));
    match options.runs.iter().find(inside) {
        Some(run) => Err(WorkflowError::Option(format!(
            "--out {} lies in the run directory {}, whose manifest does not hold it; name a file elsewhere",
            out.display(),
            run.display()
        ))),
        None => Ok(()),
    }
}

fn read(run: &Path, redact: bool) -> Result<ReportRecords, WorkflowError> {
    ReportRecords::read(&Folders::new(run), &RunDirectory::protocol_of(run)?, redact)
}

/// Every run's own report, and a page that leads to them.
fn index(runs: &[PathBuf], out: &Path, redact: bool) -> Result<Vec<WrittenReport>, WorkflowError> {
    let mut files = Vec::new();
    let mut records = Vec::new();
    for run in runs {
        files.push(write_into(run, redact)?);
        records.push(read(run, redact)?);
    }
    let runs = files.iter().zip(&records);
    let runs: Vec<IndexedRun> = runs
        .map(|(file, records)| IndexedRun {
            report: records.report(),
            address: relative(&file.path, out),
        })
        .collect();
    let html = report_index_html(&runs).map_err(ReportError::from)?;
    files.insert(0, file(out, html.as_bytes())?);
    Ok(files)
}

/// A file as a page in the folder of `from` refers to it.
fn relative(to: &Path, from: &Path) -> PathBuf {
    let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let folder = from.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = whole(folder.unwrap_or(Path::new(".")));
    let folder = folder.canonicalize().unwrap_or(folder);
    let to = to.canonicalize().unwrap_or_else(|_| whole(to));
    let common = folder.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(common).map(|_| Path::new("..").to_path_buf());
    up.chain(to.components().skip(common).map(|part| PathBuf::from(part.as_os_str()))).collect()
}

fn written(
    runs: &[RunReport],
    format: ReportFormat,
    out: Option<&Path>,
) -> Result<ReportAnswer, WorkflowError> {
    let text = match format {
        ReportFormat::Parquet => {
            let Some(out) = out else {
                let why = "--format parquet writes several tables: name a folder with --out";
                return Err(WorkflowError::Option(why.into()));
            };
            let tables = parquet_files(runs)?.into_iter();
            let files = tables.map(|table| file(&out.join(table.name), &table.content));
            return Ok(ReportAnswer::Files(files.collect::<Result<_, _>>()?));
        }
        ReportFormat::Csv => String::from_utf8_lossy(&runs_csv(runs)?).into_owned(),
        ReportFormat::Json => run_documents(runs)? + "\n",
        ReportFormat::Markdown | ReportFormat::Html => report_md(runs),
    };
    match out {
        Some(out) => Ok(ReportAnswer::Files(vec![file(out, text.as_bytes())?])),
        None => Ok(ReportAnswer::Text(text)),
    }
}

fn file(path: &Path, content: &[u8]) -> Result<WrittenReport, WorkflowError> {
    let failed = |source| WorkflowError::WriteFile { path: path.to_path_buf(), source };
    replace_file(path, content).map_err(failed)?;
    Ok(WrittenReport { path: path.to_path_buf(), bytes: content.len(), manifest_sha256: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_refers_to_files_by_the_way_from_its_folder() {
        let of = |to: &str, from: &str| relative(Path::new(to), Path::new(from));
        assert_eq!(of("/r/a/report.html", "/r/index.html"), Path::new("a/report.html"));
        assert_eq!(of("/r/a/report.html", "/p/q/index.html"), Path::new("../../r/a/report.html"));
        assert_eq!(of("runs/a/report.html", "index.html"), Path::new("runs/a/report.html"));
    }
}
