//! Signed records of a ledger: content, key, signature, and the place where each was signed.

use crate::ledger::{Ledger, LedgerHead};
use crate::pipeline::Folders;
use crate::study::StudyError;
use paring_core::schema::{LedgerEntry, Sha256Hex};
use paring_signing::SignerPublicKey;
use serde::Serialize;
use serde_json::json;
use std::time::SystemTime;

/// A signed record of a ledger.
pub(super) struct SignedRecord<'a> {
    /// The bytes that are signed.
    pub(super) content: &'a [u8],
    /// The key that it names.
    pub(super) public_key: &'a str,
    /// Its signature.
    pub(super) signature: &'a str,
    /// The ledger's last line when it was signed.
    pub(super) ledger_sha256: &'a Sha256Hex,
}

impl SignedRecord<'_> {
    /// SHA-256 of the key, where the signature is one of the content by it, and the record stands in the
    /// ledger where it was signed.
    pub(super) fn key_sha256(&self, entry: &LedgerEntry) -> Result<Sha256Hex, String> {
        let key = SignerPublicKey::from_text(self.public_key).map_err(|e| e.to_string())?;
        if !key.verifies(self.content, self.signature) {
            return Err("its signature is not one of its content by its key".into());
        }
        if entry.prev_sha256 != *self.ledger_sha256 {
            return Err(format!(
                "it was signed behind the line {}, and stands behind {}",
                self.ledger_sha256, entry.prev_sha256
            ));
        }
        key.fingerprint().map_err(|e| e.to_string())
    }
}

/// The bytes that a record's signature is one of.
pub(super) fn signed_bytes(content: &impl Serialize) -> Vec<u8> {
    // Texts alone, which all have a canonical form.
    serde_json_canonicalizer::to_vec(&json!(content)).unwrap_or_default()
}

/// The ledger's last line, behind which something is signed now.
///
/// # Errors
/// [`StudyError::Clock`] where this machine's clock is behind the ledger.
pub(super) fn place_of_signing(
    folders: &Folders,
    ledger: &Ledger,
    now: SystemTime,
) -> Result<Sha256Hex, StudyError> {
    if let Some(last) = ledger.entries().last() {
        let behind = humantime::parse_rfc3339(&last.time).is_ok_and(|last| last > now);
        if behind {
            let now = humantime::format_rfc3339_seconds(now).to_string();
            return Err(StudyError::Clock { now, last: last.time.clone() });
        }
    }
    Ok(LedgerHead::of(&folders.ledger())?.last_sha256)
}
