//! The warning of verbs that use a run whose check fails.

use crate::study::{self, RunDirectory, StudyError, VerifyError};
use paring_core::schema::Sha256Hex;
use std::path::Path;

/// Warns of a run whose check fails before a verb goes on with it: that one was killed there is why.
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
