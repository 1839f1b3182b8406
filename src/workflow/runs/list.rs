//! Runs in a folder, each as its directory describes it.

use crate::pipeline::{self, Folders};
use crate::report::{ListedRun, RunState};
use crate::study::{RunDirectory, StudyError};
use crate::workflow::WorkflowError;
use paring_core::schema::LedgerEntry;
use std::io::BufRead;
use std::path::Path;
use std::time::SystemTime;

/// Runs and benches in a folder, by the time of their beginning; or the folder itself, if it is one.
///
/// # Errors
/// [`WorkflowError::ReadFile`] where the folder cannot be read.
pub fn list_runs(folder: &Path) -> Result<Vec<ListedRun>, WorkflowError> {
    if let Some(run) = listed(folder) {
        return Ok(vec![run]);
    }
    let failed = |source| WorkflowError::ReadFile { path: folder.to_path_buf(), source };
    let mut runs = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        runs.extend(listed(&entry.map_err(failed)?.path()));
    }
    runs.sort_by(|a, b| (&a.begun, &a.name).cmp(&(&b.begun, &b.name)));
    Ok(runs)
}

/// The run in a folder; `None` where there is none.
fn listed(path: &Path) -> Option<ListedRun> {
    let folders = Folders::new(path);
    let has_results = folders.results().exists();
    let (study, is_damaged) = match RunDirectory::protocol_of(path) {
        Ok(protocol) => (protocol.study, false),
        Err(StudyError::NoRun(_)) if has_results => ("bench".to_string(), false),
        Err(StudyError::NoRun(_)) => return None,
        Err(_) => (String::new(), true),
    };
    let state = match (is_damaged, RunDirectory::is_unfinished(&folders), has_results) {
        (true, ..) => RunState::Damaged,
        (_, true, _) => RunState::Unfinished,
        (_, _, true) => RunState::Finished,
        _ => RunState::Compressed,
    };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Some(ListedRun {
        path: path.to_path_buf(),
        name: name.unwrap_or_else(|| path.display().to_string()),
        study,
        begun: begun(&folders).unwrap_or_default(),
        model: model(&folders),
        variants: pipeline::variant_names(&folders).map_or(0, |names| names.len()),
        targets: targets(&folders),
        state,
    })
}

/// Targets that have a journal of blocks.
fn targets(folders: &Folders) -> Vec<String> {
    let journals = folders.root().join("journal");
    let mut names = journals.names().unwrap_or_default();
    names.retain(|name| journals.join(name).join("blocks.jsonl").exists());
    names
}

/// Time of the ledger's first entry, or of the results of a bench: `2026-12-01 02:00`.
fn begun(folders: &Folders) -> Option<String> {
    let first = || {
        let file = folders.ledger().open().ok()?;
        let line = std::io::BufReader::new(file).lines().next()?.ok()?;
        serde_json::from_str::<LedgerEntry>(&line).ok().map(|entry| entry.time)
    };
    let changed = || {
        let file = folders.results().open().ok()?;
        let time: SystemTime = file.metadata().ok()?.modified().ok()?;
        Some(humantime::format_rfc3339_seconds(time).to_string())
    };
    let time = first().or_else(changed)?;
    let text: String = time.chars().take(16).collect();
    Some(text.replace('T', " "))
}

/// File name of the model in the study that the run keeps.
fn model(folders: &Folders) -> Option<String> {
    let text = folders.root().join("study.toml").read().ok()?;
    let table: toml::Table = std::str::from_utf8(&text).ok()?.parse().ok()?;
    let path = table.get("model")?.get("path")?.as_str()?;
    Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned())
}
