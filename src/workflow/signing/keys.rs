//! Key files: made, and read.

use crate::study::{TrustedKeys, TrustedSigners};
use crate::workflow::WorkflowError;
use paring_core::schema::Sha256Hex;
use paring_signing::{PrivateKey, PublicKey, SignerKey, allowed_signers};
use serde::Serialize;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A pair of keys that was made.
#[derive(Clone, Debug, Serialize)]
pub struct NewKey {
    /// File of the private key, which only its owner may read.
    pub private: PathBuf,
    /// File of the public key.
    pub public: PathBuf,
    /// SHA-256 of the public key's file.
    pub key_sha256: Sha256Hex,
}

/// Makes a pair of P-256 keys: the private one in `path`, the public one in `path` with `.pub` behind it.
///
/// # Errors
/// [`WorkflowError`] where a file of these names exists, or cannot be written.
pub fn new_key(path: &Path) -> Result<NewKey, WorkflowError> {
    let public_path = PathBuf::from(format!("{}.pub", path.display()));
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| WorkflowError::WriteFile { path, source }
    };
    let key = PrivateKey::generate();
    let unusable = |source| WorkflowError::Key { path: path.to_path_buf(), source };
    let private_pem = key.to_pem().map_err(unusable)?;
    let public_pem = key.public().to_pem().map_err(unusable)?;
    // Neither replaces a key that somebody may need.
    let mut public = create_new(&public_path, 0o644).map_err(failed(&public_path))?;
    let private = create_new(path, 0o600);
    let mut private = private.map_err(|error| {
        // The one that is ours and empty.
        let _ = std::fs::remove_file(&public_path);
        failed(path)(error)
    })?;
    private.write_all(private_pem.as_bytes()).map_err(failed(path))?;
    public.write_all(public_pem.as_bytes()).map_err(failed(&public_path))?;
    let key_sha256 = Sha256Hex::of(public_pem.as_bytes());
    Ok(NewKey { private: path.to_path_buf(), public: public_path, key_sha256 })
}

fn create_new(path: &Path, mode: u32) -> std::io::Result<std::fs::File> {
    std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}

/// The private key in a file.
///
/// # Errors
/// [`WorkflowError`] names the file and what is in it instead.
pub(in crate::workflow) fn private_key(path: &Path) -> Result<PrivateKey, WorkflowError> {
    let failed = |source| WorkflowError::Key { path: path.to_path_buf(), source };
    PrivateKey::from_pem(&text(path)?).map_err(failed)
}

/// A person's private key in a file: P-256 in PEM, or of OpenSSH.
///
/// # Errors
/// [`WorkflowError`] names the file and what is in it instead.
pub(in crate::workflow) fn signer_key(path: &Path) -> Result<SignerKey, WorkflowError> {
    let failed = |source| WorkflowError::Key { path: path.to_path_buf(), source };
    SignerKey::from_text(&text(path)?).map_err(failed)
}

/// The people in files of public keys, and in allowed_signers files of OpenSSH.
///
/// # Errors
/// [`WorkflowError`] names the file and what is in it instead.
pub fn trusted_signers(paths: &[PathBuf]) -> Result<TrustedSigners, WorkflowError> {
    let mut known = TrustedSigners::default();
    for path in paths {
        let failed = |source| WorkflowError::Key { path: path.clone(), source };
        known.add(allowed_signers(&text(path)?).map_err(failed)?).map_err(failed)?;
    }
    Ok(known)
}

/// The public keys in files.
///
/// # Errors
/// [`WorkflowError`] names the file and what is in it instead.
pub fn trusted_keys(paths: &[PathBuf]) -> Result<TrustedKeys, WorkflowError> {
    let keys = paths.iter().map(|path| {
        let failed = |source| WorkflowError::Key { path: path.clone(), source };
        let key = PublicKey::from_pem(&text(path)?).map_err(failed)?;
        Ok((key.fingerprint().map_err(failed)?, key))
    });
    keys.collect()
}

fn text(path: &Path) -> Result<String, WorkflowError> {
    let failed = |source| WorkflowError::ReadFile { path: path.to_path_buf(), source };
    std::fs::read_to_string(path).map_err(failed)
}
