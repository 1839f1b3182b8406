//! Records that people signed in a run's ledger as rows of reports: the protocol, approvals, revocations.

use paring_core::schema::{
    ApprovalAction, LedgerEntry, LedgerEntryKind, SignedApproval, SignedProtocol,
};

/// Columns of [`approval_rows`].
pub(super) const APPROVALS: [&str; 6] = ["variant", "by", "said", "on", "counts until", "reason"];

/// One row a signature under the protocol, an approval or a revocation, in the ledger's order. Entries that
/// are none have no row: `paring verify` names them.
pub(super) fn approval_rows(ledger: &[LedgerEntry]) -> Vec<[String; 6]> {
    let first_look = ledger.iter().position(|entry| entry.kind == LedgerEntryKind::Look);
    let row = |(position, entry): (usize, &LedgerEntry)| match entry.kind {
        LedgerEntryKind::Approval => approval_row(entry),
        LedgerEntryKind::ProtocolSignature => {
            let looked = first_look.is_some_and(|look| look < position);
            protocol_row(entry, looked)
        }
        _ => None,
    };
    ledger.iter().enumerate().filter_map(row).collect()
}

fn approval_row(entry: &LedgerEntry) -> Option<[String; 6]> {
    let SignedApproval { approval, .. } = serde_json::from_value(entry.body.clone()).ok()?;
    let (said, end) = match approval.action {
        ApprovalAction::Approve => {
            ("approved", approval.expires.unwrap_or_else(|| "revoked".into()))
        }
        ApprovalAction::Revoke => ("revoked", String::new()),
    };
    let reason = approval.reason.unwrap_or_default();
    Some([approval.variant, approval.by, said.into(), approval.given_at, end, reason])
}

/// A signature under the protocol; `looked` where the report split had been looked at before.
fn protocol_row(entry: &LedgerEntry, looked: bool) -> Option<[String; 6]> {
    let SignedProtocol { protocol, .. } = serde_json::from_value(entry.body.clone()).ok()?;
    let said = match looked {
        false => "signed, before the first look",
        true => "signed, after the first look",
    };
    let reason = protocol.reason.unwrap_or_default();
    let ends = String::new();
    Some(["(protocol)".into(), protocol.by, said.into(), protocol.given_at, ends, reason])
}
