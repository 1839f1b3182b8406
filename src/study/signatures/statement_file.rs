//! A file with one signed statement: an audit, a gate's verdicts, a provenance.

use super::TrustedKeys;
use crate::study::VerifyError;
use paring_core::files::ConfinedPath;
use paring_signing::{SignedBundle, StatementSubject};
use serde::Serialize;
use serde_json::Value;
use std::path::Path;

/// A signed statement whose signature holds.
#[derive(Clone, Debug, Serialize)]
pub struct VerifiedStatement {
    /// The kind of its predicate, a URI.
    pub predicate_type: String,
    /// SHA-256 of the public key.
    pub key_sha256: String,
    /// The contents that it is about.
    pub subjects: Vec<StatementSubject>,
    /// The predicate.
    pub predicate: Value,
}

/// True of a file that holds a signed statement.
pub fn is_statement(path: &Path) -> bool {
    let bytes = path.is_file().then(|| std::fs::read(path).ok()).flatten();
    bytes.is_some_and(|bytes| SignedBundle::from_json(&bytes).is_ok())
}

/// The statement in a file, if one of the keys signed it.
///
/// # Errors
/// [`VerifyError`] says what does not hold.
pub fn verify_statement(path: &Path, keys: &TrustedKeys) -> Result<VerifiedStatement, VerifyError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let file = ConfinedPath::root(folder.unwrap_or(Path::new("."))).join(&name);
    let (statement, key_sha256) = keys.statement(&file, &name)?;
    Ok(VerifiedStatement {
        predicate_type: statement.predicate_type,
        key_sha256,
        subjects: statement.subject,
        predicate: statement.predicate,
    })
}
