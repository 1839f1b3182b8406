//! `paring verify`, and the warning of verbs that use a run which does not hold.

use super::{Coded, ExitCode, Global};
use crate::study::{self, RunDirectory, StudyError, VerifyError};
use clap::Args;
use paring_core::schema::Sha256Hex;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Say whether a run is what was written, and what is not.
#[derive(Debug, Args)]
pub(super) struct VerifyVerb {
    /// The run directory, or the folder of a bench
    run: PathBuf,
    /// The manifest's SHA-256, as the verb that wrote last printed it
    #[arg(long, value_name = "SHA256", value_parser = digest)]
    expect: Option<Sha256Hex>,
}

fn digest(text: &str) -> Result<Sha256Hex, String> {
    Sha256Hex::try_from(text.to_lowercase()).map_err(|e| e.to_string())
}

impl VerifyVerb {
    pub(super) fn run(self, global: &Global) -> Result<(), Coded> {
        let expected = self.expect.as_ref().map(Sha256Hex::as_str);
        let found = study::verify(&self.run, expected).map_err(|error| {
            let code = match &error {
                VerifyError::Unverifiable { .. } => ExitCode::Input,
                _ => ExitCode::Rejected,
            };
            let error = anyhow::Error::from(error);
            let context = format!("{} does not hold", self.run.display());
            Coded::new(code, if code == ExitCode::Input { error } else { error.context(context) })
        })?;
        match global.json {
            true => say!("{:#}", json!(found)),
            false => say!(
                "{} holds: {} files, {} ledger entries, {} variants, {} rows of results\nmanifest {}",
                self.run.display(),
                found.files,
                found.entries,
                found.variants,
                found.rows,
                found.manifest_sha256
            ),
        }
        Ok(())
    }
}

/// Warns of a run that does not hold.
pub(super) fn warn(run: &Path) {
    say_so(run, study::first_violation(run));
}

/// [`warn`] before a verb goes on with a run: that one was killed there is why.
pub(super) fn warn_before_going_on(run: &Path) {
    say_so(run, study::first_violation(run).filter(|flaw| !flaw.is_interruption()));
}

fn say_so(run: &Path, flaw: Option<VerifyError>) {
    if let Some(flaw) = flaw {
        note!("warning: {} is not what was written: {flaw}", run.display());
    }
}

/// The manifest of what a verb wrote, in the words that end its answer.
pub(super) fn sealed(directory: &mut RunDirectory) -> Result<(Sha256Hex, String), StudyError> {
    let sha256 = directory.seal()?;
    let words = format!("manifest {sha256}");
    Ok((sha256, words))
}
