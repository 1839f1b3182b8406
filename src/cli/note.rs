//! `paring note`: a person's words, kept in the ledger as theirs.

use super::integrity::{self, sealed};
use super::{Coded, ExitCode, Global};
use crate::ledger::{Ledger, read_ledger};
use crate::pipeline::{PipelineError, variant_record};
use crate::study::RunDirectory;
use anyhow::anyhow;
use clap::Args;
use paring_core::schema::{LedgerEntryBody, LedgerEntryKind, LedgerNote};
use serde_json::json;
use std::path::PathBuf;

/// Add a note to a run's ledger, under your name.
#[derive(Debug, Args)]
pub(super) struct NoteVerb {
    /// The run directory
    run: PathBuf,
    /// The words
    text: String,
    /// The variant, or the ledger entry, that they are about; the whole run without it
    #[arg(long)]
    on: Option<String>,
    /// Your name; the user that you are logged in as without it
    #[arg(long)]
    by: Option<String>,
}

impl NoteVerb {
    pub(super) fn run(self, global: &Global) -> Result<(), Coded> {
        let input = |error: anyhow::Error| Coded::new(ExitCode::Input, error);
        let text = self.text.trim().to_string();
        if text.is_empty() {
            return Err(input(anyhow!("the note has no words")));
        }
        let user = || std::env::var("USER").ok().filter(|name| !name.is_empty());
        let by = self.by.clone().or_else(user);
        let by = by.ok_or_else(|| input(anyhow!("who says so? give --by NAME")))?;
        integrity::warn_before_going_on(&self.run);
        let mut directory = RunDirectory::existing(&self.run)?;
        let path = directory.folders.ledger();
        let entries = read_ledger(&path).map_err(PipelineError::from)?;
        if let Some(on) = &self.on {
            let entry = entries.iter().any(|e| e.entry_id.as_str().starts_with(on.as_str()));
            if !entry && variant_record(&directory.folders, on).is_err() {
                let error = anyhow!("the run has neither a variant nor a ledger entry `{on}`");
                return Err(input(error));
            }
        }
        let note = LedgerNote { text, by: by.clone(), on: self.on };
        let mut ledger = Ledger::open(&path, &by).map_err(PipelineError::from)?;
        let entry = LedgerEntryBody { kind: LedgerEntryKind::Note, body: json!(note) };
        let id = ledger.record(entry).map_err(PipelineError::from)?;
        drop(ledger);
        let (sha256, manifest) = sealed(&mut directory)?;
        match global.json {
            true => {
                say!("{:#}", json!({ "entry_id": id, "note": note, "manifest_sha256": sha256 }))
            }
            false => say!("noted by {by} as entry {}\n{manifest}", id.short()),
        }
        Ok(())
    }
}
