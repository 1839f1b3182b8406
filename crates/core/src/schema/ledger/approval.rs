//! Approvals of variants, as the ledger holds them.

use crate::schema::Sha256Hex;
use serde::{Deserialize, Serialize};

/// The two things that a person can say about a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApprovalAction {
    /// It may be used.
    Approve,
    /// An earlier approval by the same person no longer counts.
    Revoke,
}

/// An approval of a variant, or its revocation, without the signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// Approval or revocation.
    pub action: ApprovalAction,
    /// The run.
    pub run_id: String,
    /// The variant's name.
    pub variant: String,
    /// Its file and engine options.
    pub variant_id: Sha256Hex,
    /// The ledger's last line when it was said: everything up to there was known.
    pub ledger_sha256: Sha256Hex,
    /// The person who says so.
    pub by: String,
    /// Time, RFC 3339 UTC, by that person's clock.
    pub given_at: String,
    /// The moment from which it no longer counts, RFC 3339 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Reason, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The public key: PEM, or a line of OpenSSH.
    pub public_key: String,
}

/// Body of a ledger entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedApproval {
    /// The signed content, as canonical JSON (RFC 8785).
    pub approval: Approval,
    /// ECDSA with P-256 over SHA-256, DER in base64; by an ssh key armored, of the namespace `paring`.
    pub signature: String,
}
