//! Signatures under a run's frozen rules: given, and read back with whether the report split had been looked
//! at before.

use super::signed_record::{SignedRecord, place_of_signing, signed_bytes};
use crate::ledger::Ledger;
use crate::pipeline::Folders;
use crate::study::{Protocol, StudyError};
use paring_core::schema::{
    LedgerEntry, LedgerEntryBody, LedgerEntryKind, ProtocolSignature, Sha256Hex, SignedProtocol,
};
use paring_signing::SignerKey;
use serde::Serialize;
use serde_json::json;
use std::time::SystemTime;

/// A signature under the rules whose signature holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordedProtocolSignature {
    /// Position in the ledger, counting from 1.
    pub line: usize,
    /// The person who signed.
    pub by: String,
    /// Time, RFC 3339 UTC, by that person's clock.
    pub given_at: String,
    /// SHA-256 of the public key.
    pub key_sha256: Sha256Hex,
    /// Position of the first look at the report split that stands before it; `None` where nobody had looked.
    pub first_look: Option<usize>,
}

/// Signs the rules of a run and enters that into its ledger.
///
/// # Errors
/// [`StudyError::NoProtocol`] where the ledger has no rules yet, [`StudyError::Clock`] where this machine's
/// clock is behind the ledger; [`StudyError`] where the ledger cannot be written.
pub fn sign_protocol(
    folders: &Folders,
    protocol: &Protocol,
    (by, reason): (&str, Option<&str>),
    (key, now): (&SignerKey, SystemTime),
) -> Result<ProtocolSignature, StudyError> {
    let mut ledger = Ledger::open(&folders.ledger(), by)?;
    let entry = ledger.entries().iter().rev().find(|e| e.kind == LedgerEntryKind::Protocol);
    let Some(protocol_entry) = entry.map(|entry| entry.entry_id.clone()) else {
        return Err(StudyError::NoProtocol(folders.root().to_path_buf()));
    };
    let own = ProtocolSignature {
        run_id: protocol.run_id.clone(),
        protocol_entry,
        recipes_sha256: protocol.recipes_sha256.clone(),
        data_sha256: protocol.data_sha256.clone(),
        measurement_sha256: protocol.measurement_sha256.clone(),
        gate_sha256: protocol.gate_sha256.clone(),
        ledger_sha256: place_of_signing(folders, &ledger, now)?,
        by: by.to_string(),
        given_at: humantime::format_rfc3339_millis(now).to_string(),
        reason: reason.map(str::to_string),
        public_key: key.public().to_text().map_err(StudyError::Key)?,
    };
    let signature = key.sign(&signed_bytes(&own)).map_err(StudyError::Key)?;
    let body = json!(SignedProtocol { protocol: own.clone(), signature });
    ledger.record(LedgerEntryBody { kind: LedgerEntryKind::ProtocolSignature, body })?;
    Ok(own)
}

/// Signatures under the rules of `protocol` that a ledger has, in order.
///
/// # Errors
/// The first that is none, whose signature does not hold, that was given at another place of the ledger, or
/// under other rules, in words.
pub fn recorded_protocol_signatures(
    entries: &[LedgerEntry],
    protocol: &Protocol,
) -> Result<Vec<RecordedProtocolSignature>, String> {
    let first_look = entries.iter().position(|entry| entry.kind == LedgerEntryKind::Look);
    let own = entries.iter().enumerate();
    let own = own.filter(|(_, entry)| entry.kind == LedgerEntryKind::ProtocolSignature);
    own.map(|(position, entry)| {
        let line = position + 1;
        let broken = |problem: String| format!("the signature in line {line}: {problem}");
        let signed: SignedProtocol = serde_json::from_value(entry.body.clone())
            .map_err(|e| broken(format!("it is none under a protocol: {e}")))?;
        let SignedProtocol { protocol: own, signature } = signed;
        let record = SignedRecord {
            content: &signed_bytes(&own),
            public_key: &own.public_key,
            signature: &signature,
            ledger_sha256: &own.ledger_sha256,
        };
        let key_sha256 = record.key_sha256(entry).map_err(broken)?;
        if let Some(other) = other_rule(&own, protocol) {
            return Err(broken(format!("it is under another {other} than protocol.json has")));
        }
        let before = entries.get(..position).unwrap_or_default();
        if !before.iter().any(|entry| entry.entry_id == own.protocol_entry) {
            return Err(broken("the entry with its rules does not stand before it".into()));
        }
        let first_look = first_look.filter(|look| *look < position).map(|look| look + 1);
        Ok(RecordedProtocolSignature {
            line,
            by: own.by,
            given_at: own.given_at,
            key_sha256,
            first_look,
        })
    })
    .collect()
}

/// The first field of the rules in which a signature and `protocol.json` differ.
fn other_rule(own: &ProtocolSignature, protocol: &Protocol) -> Option<&'static str> {
    let hashes = [
        ("recipes_sha256", &own.recipes_sha256, &protocol.recipes_sha256),
        ("data_sha256", &own.data_sha256, &protocol.data_sha256),
        ("measurement_sha256", &own.measurement_sha256, &protocol.measurement_sha256),
        ("gate_sha256", &own.gate_sha256, &protocol.gate_sha256),
    ];
    if own.run_id != protocol.run_id {
        return Some("run_id");
    }
    hashes.into_iter().find_map(|(name, signed, found)| (signed != found).then_some(name))
}
