//! `paring note`.

use crate::cli::warnings::print_warning;
use crate::cli::{CodedError, GlobalOptions};
use crate::workflow::{self, NoteOptions};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Add a note to a run's ledger, under your name.
#[derive(Debug, Args)]
pub(in crate::cli) struct NoteArgs {
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

impl NoteArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let user = || std::env::var("USER").ok().filter(|name| !name.is_empty());
        let by = self.by.or_else(user);
        let options = NoteOptions { run: self.run, text: self.text, on: self.on, by };
        let added = workflow::note(&options, &print_warning)?;
        match global.json {
            true => say!("{:#}", json!(added)),
            false => say!(
                "noted by {} as entry {}\nmanifest {}",
                added.note.by,
                added.entry_id.short(),
                added.manifest_sha256
            ),
        }
        Ok(())
    }
}
