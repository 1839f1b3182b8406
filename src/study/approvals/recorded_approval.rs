//! Approvals as a ledger has them, each held against its own signature and its place.

use super::signed_record::{SignedRecord, signed_bytes};
use paring_core::schema::{Approval, LedgerEntry, LedgerEntryKind, Sha256Hex, SignedApproval};

/// An approval, or a revocation, whose signature is one of the key that it names.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
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
/// The first that is none, whose signature does not hold, or that was given at another place of the ledger,
/// in words.
pub fn recorded_approvals(entries: &[LedgerEntry]) -> Result<Vec<RecordedApproval>, String> {
    let own = entries.iter().enumerate().filter(|(_, e)| e.kind == LedgerEntryKind::Approval);
    own.map(|(position, entry)| {
        let line = position + 1;
        let broken = |problem: String| format!("the approval in line {line}: {problem}");
        let signed: SignedApproval = serde_json::from_value(entry.body.clone())
            .map_err(|e| broken(format!("it is no approval: {e}")))?;
        let SignedApproval { approval, signature } = signed;
        let record = SignedRecord {
            content: &signed_bytes(&approval),
            public_key: &approval.public_key,
            signature: &signature,
            ledger_sha256: &approval.ledger_sha256,
        };
        let key_sha256 = record.key_sha256(entry).map_err(broken)?;
        Ok(RecordedApproval { line, approval, key_sha256 })
    })
    .collect()
}
