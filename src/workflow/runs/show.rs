//! The rows of a run again, from its files alone.

use crate::ledger::read_ledger;
use crate::pipeline::Folders;
use crate::report::{ResultRow, RunFacts};
use crate::study::{self, ApprovalRules, ApprovalState, RunDirectory, StudyError};
use crate::workflow::{Progress, ProgressEvent, WorkflowError, approval_states};
use paring_core::schema::LedgerEntryKind;
use paring_core::text::shell_word;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A run that has results.
#[derive(Clone, Debug)]
pub struct ShownRun {
    /// The run directory.
    pub path: PathBuf,
    /// Facts that its rows share; `None` for the folder of a bench.
    pub facts: Option<RunFacts>,
    /// Its rows, by target, setting and variant.
    pub rows: Vec<ResultRow>,
    /// Approvals of its variants by name, where its study asks for them or somebody gave one.
    pub approvals: Vec<(String, ApprovalState)>,
}

/// The rows of a run, or of a bench.
///
/// # Errors
/// [`WorkflowError`] where the folder is no run, has no results yet, or a record in it cannot be read.
pub fn show(run: &Path, progress: &Progress) -> Result<ShownRun, WorkflowError> {
    if let Some(flaw) = study::first_violation(run).filter(|flaw| !flaw.is_interruption()) {
        progress(ProgressEvent::IntegrityFlaw { run, flaw: &flaw });
    }
    let folders = Folders::new(run);
    let protocol = match RunDirectory::protocol_of(run) {
        Ok(protocol) => Some(protocol),
        Err(StudyError::NoRun(_)) if folders.results().exists() => None,
        Err(error) => return Err(error.into()),
    };
    let rows = study::recorded_rows(&folders)?.rows;
    match rows.is_empty() {
        true => Err(WorkflowError::Option(format!(
            "{} has no results yet; `paring run STUDY --out {}` measures its variants",
            run.display(),
            shell_word(&run.to_string_lossy())
        ))),
        false => {
            let facts = protocol.map(|protocol| protocol.facts());
            let approvals = shown_approvals(run, &rows)?;
            Ok(ShownRun { path: run.to_path_buf(), facts, rows, approvals })
        }
    }
}

/// Approvals of the variants in rows, the baseline's aside.
fn shown_approvals(
    run: &Path,
    rows: &[ResultRow],
) -> Result<Vec<(String, ApprovalState)>, WorkflowError> {
    let entries = read_ledger(&Folders::new(run).ledger())?;
    let given = entries.iter().any(|entry| entry.kind == LedgerEntryKind::Approval);
    if !given && ApprovalRules::of(&entries).is_default() {
        return Ok(vec![]);
    }
    let made = rows.iter().map(|row| &row.variant).filter(|variant| variant.parent.is_some());
    let names: BTreeSet<String> = made.map(|variant| variant.name.clone()).collect();
    approval_states(run, &names.into_iter().collect::<Vec<_>>())
}
