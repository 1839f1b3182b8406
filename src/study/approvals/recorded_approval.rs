//! Approvals as a ledger has them, each held against its own signature.

use paring_core::schema::{Approval, LedgerEntry, LedgerEntryKind, Sha256Hex, SignedApproval};
use paring_signing::{PublicKey, from_base64};
use serde_json::json;

/// An approval, or a revocation, whose signature is one of the key that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedApproval {
    /// Position in the ledger, counting from 1.
    pub line: usize,
    /// Its content.
    pub approval: Approval,
    /// SHA-256 of the public key.
    pub key_sha256: Sha256Hex,
}

/// Approvals and revocations of a ledger, in order.
///
/// # Errors
/// The first that is none, or whose signature does not hold, in words.
pub fn recorded_approvals(entries: &[LedgerEntry]) -> Result<Vec<RecordedApproval>, String> {
    let own = entries.iter().enumerate().filter(|(_, e)| e.kind == LedgerEntryKind::Approval);
    own.map(|(position, entry)| {
        let line = position + 1;
        let broken = |problem: &str| format!("the approval in line {line}: {problem}");
        let signed: SignedApproval = serde_json::from_value(entry.body.clone())
            .map_err(|e| broken(&format!("it is no approval: {e}")))?;
        let key = PublicKey::from_pem(&signed.approval.public_key);
        let key = key.map_err(|e| broken(&e.to_string()))?;
        let signature = from_base64(&signed.signature).map_err(|e| broken(&e.to_string()))?;
        if !key.verifies(&signed_bytes(&signed.approval), &signature) {
            return Err(broken("its signature is not one of its content by its key"));
        }
        let key_sha256 = key.fingerprint().map_err(|e| broken(&e.to_string()))?;
        Ok(RecordedApproval { line, approval: signed.approval, key_sha256 })
    })
    .collect()
}

/// The bytes that an approval's signature is one of.
pub(super) fn signed_bytes(approval: &Approval) -> Vec<u8> {
    // Texts alone, which all have a canonical form.
    serde_json_canonicalizer::to_vec(&json!(approval)).unwrap_or_default()
}
