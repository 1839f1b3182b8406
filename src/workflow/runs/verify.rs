//! The check of a run directory against its manifest, ledger and journals.

use crate::study::{self, VerificationSummary};
use crate::workflow::WorkflowError;
use paring_core::schema::Sha256Hex;
use std::path::PathBuf;

/// A run, and the manifest that it should have.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// The run directory, or the folder of a bench.
    pub run: PathBuf,
    /// The manifest's SHA-256, where somebody noted it.
    pub expected: Option<Sha256Hex>,
}

/// Checks a run.
///
/// # Errors
/// [`WorkflowError::Verify`] with the first difference.
pub fn verify(options: &VerifyOptions) -> Result<VerificationSummary, WorkflowError> {
    Ok(study::verify(&options.run, options.expected.as_ref().map(Sha256Hex::as_str))?)
}
