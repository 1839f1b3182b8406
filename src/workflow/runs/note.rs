//! A person's words in the ledger, under their name.

use crate::ledger::{Ledger, read_ledger};
use crate::pipeline::variant_record;
use crate::study::{self, RunDirectory};
use crate::workflow::{Progress, ProgressEvent, WorkflowError};
use paring_core::schema::{LedgerEntryBody, LedgerEntryKind, LedgerNote, Sha256Hex};
use serde::Serialize;
use serde_json::json;
use std::path::PathBuf;

/// A note to be added.
#[derive(Clone, Debug)]
pub struct NoteOptions {
    /// The run directory.
    pub run: PathBuf,
    /// The words.
    pub text: String,
    /// The variant, or the beginning of a ledger entry's id, that they are about; the whole run without
    /// it.
    pub on: Option<String>,
    /// The author; an error without one.
    pub by: Option<String>,
}

/// A note in the ledger.
#[derive(Clone, Debug, Serialize)]
pub struct AddedNote {
    /// Its entry.
    pub entry_id: Sha256Hex,
    /// The note.
    pub note: LedgerNote,
    /// Hash of the run's manifest from now on.
    pub manifest_sha256: Sha256Hex,
}

/// Adds a note.
///
/// # Errors
/// [`WorkflowError`] of a note without words or author, about something that the run lacks, and where
/// the run cannot be written.
pub fn note(options: &NoteOptions, progress: &Progress) -> Result<AddedNote, WorkflowError> {
    let refused = |problem: &str| WorkflowError::Option(problem.into());
    let text = options.text.trim().to_string();
    if text.is_empty() {
        return Err(refused("the note has no words"));
    }
    let by = options.by.clone().ok_or_else(|| refused("who says so? give --by NAME"))?;
    if let Some(flaw) = study::first_violation(&options.run).filter(|flaw| !flaw.is_interruption())
    {
        progress(ProgressEvent::IntegrityFlaw { run: &options.run, flaw: &flaw });
    }
    let mut directory = RunDirectory::existing(&options.run)?;
    let path = directory.folders.ledger();
    let entries = read_ledger(&path)?;
    if let Some(on) = &options.on {
        let entry = entries.iter().any(|e| e.entry_id.as_str().starts_with(on.as_str()));
        if !entry && variant_record(&directory.folders, on).is_err() {
            return Err(WorkflowError::Option(format!(
                "the run has neither a variant nor a ledger entry `{on}`"
            )));
        }
    }
    let note = LedgerNote { text, by: by.clone(), on: options.on.clone() };
    let mut ledger = Ledger::open(&path, &by)?;
    let entry_id =
        ledger.record(LedgerEntryBody { kind: LedgerEntryKind::Note, body: json!(note) })?;
    drop(ledger);
    let manifest_sha256 = directory.seal()?;
    Ok(AddedNote { entry_id, note, manifest_sha256 })
}
