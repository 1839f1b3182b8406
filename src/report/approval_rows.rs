//! Approvals and revocations of a run's ledger as rows of reports.

use paring_core::schema::{ApprovalAction, LedgerEntry, LedgerEntryKind, SignedApproval};

/// Columns of [`approval_rows`].
pub(super) const APPROVALS: [&str; 6] = ["variant", "by", "said", "on", "counts until", "reason"];

/// One row an approval or revocation, in the ledger's order. Entries that are none have no row: `paring
/// verify` names them.
pub(super) fn approval_rows(ledger: &[LedgerEntry]) -> Vec<[String; 6]> {
    let own = ledger.iter().filter(|entry| entry.kind == LedgerEntryKind::Approval);
    let read = |entry: &LedgerEntry| -> Option<SignedApproval> {
        serde_json::from_value(entry.body.clone()).ok()
    };
    own.filter_map(read)
        .map(|SignedApproval { approval, .. }| {
            let (said, end) = match approval.action {
                ApprovalAction::Approve => {
                    ("approved", approval.expires.unwrap_or_else(|| "revoked".into()))
                }
                ApprovalAction::Revoke => ("revoked", String::new()),
            };
            let reason = approval.reason.unwrap_or_default();
            [approval.variant, approval.by, said.into(), approval.given_at, end, reason]
        })
        .collect()
}
