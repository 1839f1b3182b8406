//! The frozen rules of a run, signed by a person in its ledger.

use super::signer_key;
use crate::ledger::read_ledger;
use crate::study::{self, RecordedProtocolSignature, RunDirectory, VerifyError};
use crate::workflow::WorkflowError;
use paring_core::schema::Sha256Hex;
use serde::Serialize;
use std::path::PathBuf;
use std::time::SystemTime;

/// Rules that a person signs.
#[derive(Clone, Debug)]
pub struct SignProtocolOptions {
    /// The run directory.
    pub run: PathBuf,
    /// File of the private key: P-256 in PEM, or of OpenSSH.
    pub key: PathBuf,
    /// The person who signs.
    pub by: String,
    /// Reason.
    pub reason: Option<String>,
}

/// Rules that were signed.
#[derive(Clone, Debug, Serialize)]
pub struct SignedRules {
    /// The signature, as the ledger has it.
    pub signature: RecordedProtocolSignature,
    /// Hash of the requirements.
    pub gate_sha256: Sha256Hex,
    /// Hash of the run's manifest from now on.
    pub manifest_sha256: Sha256Hex,
}

/// Enters a signature under the rules into a run that holds.
///
/// # Errors
/// [`WorkflowError::Verify`] of a run that does not hold; [`WorkflowError`] of a key that cannot be used, and
/// of a signature without a name.
pub fn sign_protocol(options: &SignProtocolOptions) -> Result<SignedRules, WorkflowError> {
    let (key, now) = (signer_key(&options.key)?, SystemTime::now());
    if options.by.trim().is_empty() {
        return Err(WorkflowError::Option("--by is empty: write who signs".into()));
    }
    study::verify(&options.run, None)?;
    let mut directory = RunDirectory::existing(&options.run)?;
    let who = (options.by.as_str(), options.reason.as_deref());
    study::sign_protocol(&directory.folders, &directory.protocol, who, (&key, now))?;
    let entries = read_ledger(&directory.folders.ledger())?;
    let signatures = study::recorded_protocol_signatures(&entries, &directory.protocol);
    let broken = |problem: String| VerifyError::Broken { file: "ledger.jsonl".into(), problem };
    let signature = signatures.map_err(broken)?.pop();
    let signature = signature.ok_or_else(|| broken("the signature is not in it".into()))?;
    let gate_sha256 = directory.protocol.gate_sha256.clone();
    Ok(SignedRules { signature, gate_sha256, manifest_sha256: directory.seal()? })
}
