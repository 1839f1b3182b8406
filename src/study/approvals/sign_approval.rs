//! An approval, signed and entered into the ledger.

use super::signed_record::{place_of_signing, signed_bytes};
use crate::ledger::Ledger;
use crate::pipeline::{Folders, variant_record};
use crate::study::{Protocol, StudyError};
use paring_core::schema::{
    Approval, ApprovalAction, LedgerEntryBody, LedgerEntryKind, SignedApproval,
};
use paring_signing::SignerKey;
use serde_json::json;
use std::time::SystemTime;

/// An approval that somebody gives, or takes back.
#[derive(Clone, Debug)]
pub struct ApprovalRequest {
    /// Approval or revocation.
    pub action: ApprovalAction,
    /// The variant.
    pub variant: String,
    /// The person who says so.
    pub by: String,
    /// The moment from which it no longer counts.
    pub expires: Option<SystemTime>,
    /// Reason.
    pub reason: Option<String>,
}

/// Signs an approval and enters it into the run's ledger.
///
/// # Errors
/// [`StudyError::Clock`] where this machine's clock is behind the ledger; [`StudyError`] where the run lacks
/// the variant, or its ledger cannot be written.
pub fn sign_approval(
    folders: &Folders,
    protocol: &Protocol,
    request: &ApprovalRequest,
    (key, now): (&SignerKey, SystemTime),
) -> Result<Approval, StudyError> {
    let record = variant_record(folders, &request.variant)?;
    let mut ledger = Ledger::open(&folders.ledger(), &request.by)?;
    let approval = Approval {
        action: request.action,
        run_id: protocol.run_id.clone(),
        variant: record.name,
        variant_id: record.variant_id,
        ledger_sha256: place_of_signing(folders, &ledger, now)?,
        by: request.by.clone(),
        given_at: humantime::format_rfc3339_millis(now).to_string(),
        expires: request.expires.map(|end| humantime::format_rfc3339_seconds(end).to_string()),
        reason: request.reason.clone(),
        public_key: key.public().to_text().map_err(StudyError::Key)?,
    };
    let signature = key.sign(&signed_bytes(&approval)).map_err(StudyError::Key)?;
    let body = json!(SignedApproval { approval: approval.clone(), signature });
    ledger.record(LedgerEntryBody { kind: LedgerEntryKind::Approval, body })?;
    Ok(approval)
}
