//! A run and its variants, signed.

use super::private_key;
use crate::pipeline::{BASELINE, variant_names};
use crate::study::{self, RunDirectory, SignedRunState};
use crate::workflow::WorkflowError;
use paring_core::schema::Sha256Hex;
use serde::Serialize;
use std::path::PathBuf;

/// A run to be signed.
#[derive(Clone, Debug)]
pub struct SignOptions {
    /// The run directory.
    pub run: PathBuf,
    /// File of the private key.
    pub key: PathBuf,
    /// Variants that get a folder to hand over; all but the baseline where none is named.
    pub variants: Vec<String>,
}

/// A run that was signed.
#[derive(Clone, Debug, Serialize)]
pub struct SignedRun {
    /// Folders of variants, in the run.
    pub folders: Vec<String>,
    /// The run's signature.
    pub signature: SignedRunState,
    /// Hash of the run's manifest from now on.
    pub manifest_sha256: Sha256Hex,
}

/// Signs variants and then the run. One that does not hold is not signed.
///
/// # Errors
/// [`WorkflowError::Verify`] of a run that does not hold; [`WorkflowError`] of a key that cannot be used,
/// and of a variant that the run lacks.
pub fn sign(options: &SignOptions) -> Result<SignedRun, WorkflowError> {
    let key = private_key(&options.key)?;
    study::verify(&options.run, None)?;
    let mut directory = RunDirectory::existing(&options.run)?;
    let folders = directory.folders.clone();
    let names = match options.variants.as_slice() {
        [] => variant_names(&folders)?.into_iter().filter(|name| name != BASELINE).collect(),
        named => named.to_vec(),
    };
    let signed = names
        .iter()
        .map(|name| Ok(study::sign_variant(&folders, &directory.protocol, name, &key)?))
        .collect::<Result<Vec<String>, WorkflowError>>()?;
    let manifest_sha256 = directory.seal()?;
    let signature = study::sign_run(&folders, &directory.protocol, &key)?;
    Ok(SignedRun { folders: signed, signature, manifest_sha256 })
}
