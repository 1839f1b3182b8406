//! `paring man`.

use crate::cli::{CodedError, CommandLine, ExitCode};
use anyhow::Context;
use clap::{Args, CommandFactory};
use std::path::PathBuf;

/// Write man pages: one for paring, and one for each command
#[derive(Debug, Args)]
pub(in crate::cli) struct ManArgs {
    /// The folder, which is made where it does not exist
    folder: PathBuf,
}

impl ManArgs {
    pub(in crate::cli) fn run(self) -> Result<(), CodedError> {
        let folder = &self.folder;
        std::fs::create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(CommandLine::command(), folder))
            .with_context(|| format!("write man pages to {}", folder.display()))
            .map_err(|error| CodedError::new(ExitCode::Internal, error))?;
        say!("wrote man pages to {0}; next: man -l {0}/paring.1", folder.display());
        Ok(())
    }
}
