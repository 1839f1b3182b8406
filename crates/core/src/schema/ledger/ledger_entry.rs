//! The envelope of a line of the ledger.

use crate::schema::Sha256Hex;
use serde::{Deserialize, Serialize};

/// Kinds of ledger entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LedgerEntryKind {
    /// The frozen rules of the study.
    Protocol,
    /// A step's decision.
    Decision,
    /// A step's refusal.
    Refusal,
    /// A variant's outcome.
    Outcome,
    /// Something removed was put back.
    Restore,
    /// The protocol's requirements were judged.
    Gate,
    /// The report split was looked at.
    Look,
    /// A person's words.
    Note,
    /// A person's signed approval of a variant, or its revocation.
    Approval,
    /// A person's signature under the frozen rules.
    #[serde(rename = "protocol_signature")]
    ProtocolSignature,
}

/// One line of a ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerEntry {
    /// Format version.
    pub schema: u32,
    /// Kind of `body`.
    pub kind: LedgerEntryKind,
    /// SHA-256 over the id before it, the kind and the body: the same in two identical runs.
    pub entry_id: Sha256Hex,
    /// SHA-256 of the whole line before it, 64 zeros for the first: any later change shows.
    pub prev_sha256: Sha256Hex,
    /// Time of writing, RFC 3339 UTC.
    pub time: String,
    /// Author: the study's owner.
    pub actor: String,
    /// Version of paring.
    pub tool_version: String,
    /// The content.
    pub body: serde_json::Value,
}

/// Content of an entry that is to be written into a ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerEntryBody {
    /// Kind of `body`.
    pub kind: LedgerEntryKind,
    /// The content.
    pub body: serde_json::Value,
}
