//! Signatures of people under the frozen rules of a run, as the ledger holds them.

use crate::schema::Sha256Hex;
use serde::{Deserialize, Serialize};

/// A person's word that a run is to be judged by these rules, without the signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProtocolSignature {
    /// The run.
    pub run_id: String,
    /// The ledger's entry with the rules and the study's words.
    pub protocol_entry: Sha256Hex,
    /// The model, its owner, and how every variant is made.
    pub recipes_sha256: Sha256Hex,
    /// Data, splits and metrics.
    pub data_sha256: Sha256Hex,
    /// Rules of timing.
    pub measurement_sha256: Sha256Hex,
    /// Requirements.
    pub gate_sha256: Sha256Hex,
    /// The ledger's last line when it was signed: everything up to there was known.
    pub ledger_sha256: Sha256Hex,
    /// The person who signs.
    pub by: String,
    /// Time, RFC 3339 UTC, by that person's clock.
    pub given_at: String,
    /// Reason, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The public key: PEM, or a line of OpenSSH.
    pub public_key: String,
}

/// Body of a ledger entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedProtocol {
    /// The signed content, as canonical JSON (RFC 8785).
    pub protocol: ProtocolSignature,
    /// As that of an approval.
    pub signature: String,
}
