//! `paring key`.

use crate::cli::{CodedError, GlobalOptions};
use crate::workflow;
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::PathBuf;

/// Make a pair of keys for signing.
#[derive(Debug, Args)]
pub(in crate::cli) struct KeyArgs {
    #[command(subcommand)]
    action: KeyAction,
}

#[derive(Debug, Subcommand)]
enum KeyAction {
    /// Make a pair of P-256 keys: FILE, which is to be kept secret, and FILE.pub
    New {
        /// The private key's file; one that exists is not replaced
        file: PathBuf,
    },
}

impl KeyArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let KeyAction::New { file } = self.action;
        let made = workflow::new_key(&file)?;
        match global.json {
            true => say!("{:#}", json!(made)),
            false => say!(
                "private key: {} (not encrypted, readable by you alone)\n\
                 public key: {}, SHA-256 {}",
                made.private.display(),
                made.public.display(),
                made.key_sha256
            ),
        }
        Ok(())
    }
}
