//! `run.sig`: a model signature over every file of a run, with the head of its ledger and a Merkle root.
//!
//! Notes and approvals may follow in the ledger; nothing else may change.

use super::TrustedKeys;
use crate::ledger::{LedgerHead, read_ledger};
use crate::pipeline::Folders;
use crate::study::run::{LOCK_FILE, MANIFEST_FILE, RUN_SIGNATURE_FILE, WRITING_FILE, file_hashes};
use crate::study::{Protocol, StudyError, VerifyError};
use paring_core::schema::{LedgerEntryKind, Sha256Hex};
use paring_signing::{FolderSignature, PrivateKey, SignedBundle, merkle_root};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use std::collections::BTreeMap;
use std::time::SystemTime;

const LEDGER_FILE: &str = "ledger.jsonl";
/// Field of the predicate with what is paring's own.
const DETAILS: &str = "paring";

/// Details of a run's signature beside its files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct RunSignatureDetails {
    study: String,
    run_id: String,
    tool_version: String,
    /// As the signer's clock had it.
    signed_at: String,
    ledger: LedgerHead,
    merkle_root: Option<Sha256Hex>,
}

/// A run's signature, and what was entered into its ledger since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignedRunState {
    /// SHA-256 of the public key.
    pub key_sha256: String,
    /// Time of signing, as the signer's clock had it.
    pub signed_at: String,
    /// Root of the Merkle tree over the files as they were signed.
    pub merkle_root: Sha256Hex,
    /// Notes and approvals that were added since.
    pub later_entries: usize,
}

/// Signs every file of a run, whose manifest is written.
///
/// # Errors
/// [`StudyError`] where a file cannot be read or the signature not be written.
pub fn sign_run(
    folders: &Folders,
    protocol: &Protocol,
    key: &PrivateKey,
) -> Result<SignedRunState, StudyError> {
    let path = folders.root().join(RUN_SIGNATURE_FILE);
    let failed = |doing, source| StudyError::Io { doing, path: path.to_path_buf(), source };
    let unsigned = |source| StudyError::Signature { path: path.to_path_buf(), source };
    let files = signed_files(folders).map_err(|e| failed("read", e))?;
    let merkle_root = root(&files);
    let details = RunSignatureDetails {
        study: protocol.study.clone(),
        run_id: protocol.run_id.clone(),
        tool_version: env!("CARGO_PKG_VERSION").into(),
        signed_at: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        ledger: LedgerHead::of(&folders.ledger())?,
        merkle_root: merkle_root.clone(),
    };
    let signature = FolderSignature {
        name: protocol.study.clone(),
        files,
        ignored: [LOCK_FILE, WRITING_FILE, RUN_SIGNATURE_FILE].map(String::from).to_vec(),
        details: Map::from_iter([(DETAILS.to_string(), json!(details))]),
    };
    let bundle = signature.statement().and_then(|s| SignedBundle::sign(&s, key));
    let bundle = bundle.map_err(unsigned)?;
    let bytes = bundle.to_json().map_err(unsigned)?;
    path.replace(&bytes).map_err(|e| failed("write", e))?;
    Ok(SignedRunState {
        key_sha256: bundle.key_hint().to_string(),
        signed_at: details.signed_at,
        merkle_root: merkle_root.unwrap_or_else(Sha256Hex::zeros),
        later_entries: 0,
    })
}

/// Holds a run against its signature, whatever its manifest says.
///
/// # Errors
/// [`VerifyError`] names the first file that is not what was signed.
pub fn verify_run_signature(
    folders: &Folders,
    keys: &TrustedKeys,
) -> Result<SignedRunState, VerifyError> {
    let broken = |problem: String| VerifyError::broken(RUN_SIGNATURE_FILE, problem);
    let path = folders.root().join(RUN_SIGNATURE_FILE);
    let (statement, key_sha256) = keys.statement(&path, RUN_SIGNATURE_FILE)?;
    let signature =
        FolderSignature::from_statement(statement).map_err(|e| broken(e.to_string()))?;
    let details = signature.details.get(DETAILS).cloned().unwrap_or_default();
    let details: RunSignatureDetails =
        serde_json::from_value(details).map_err(|e| broken(format!("`{DETAILS}`: {e}")))?;
    let merkle_root = match (root(&signature.files), details.merkle_root) {
        (Some(computed), Some(signed)) if computed == signed => signed,
        _ => return Err(broken("its Merkle root is not that of its files".into())),
    };
    let mut found = signed_files(folders).map_err(|e| VerifyError::broken(".", e.to_string()))?;
    let mut later_entries = 0;
    if signature.files.get(LEDGER_FILE) != found.get(LEDGER_FILE) {
        later_entries = appended_entries(folders, &details.ledger, &signature.files)?;
        // The manifest has the ledger's hash; whether it fits is for others to say.
        for file in [LEDGER_FILE, MANIFEST_FILE] {
            found.extend(signature.files.get(file).map(|own| (file.to_string(), own.clone())));
        }
    }
    // The manifest changes with every other file, and names none of them.
    let manifest = found.remove(MANIFEST_FILE);
    let mut others = signature.clone();
    let signed_manifest = others.files.remove(MANIFEST_FILE);
    if let Some((file, problem)) = others.first_difference(&found) {
        return Err(VerifyError::broken(file, problem));
    }
    if manifest != signed_manifest {
        return Err(VerifyError::broken(MANIFEST_FILE, "it is not the one that was signed"));
    }
    Ok(SignedRunState { key_sha256, signed_at: details.signed_at, merkle_root, later_entries })
}

/// Number of notes and approvals behind the signed end of a ledger.
fn appended_entries(
    folders: &Folders,
    signed: &LedgerHead,
    files: &BTreeMap<String, Sha256Hex>,
) -> Result<usize, VerifyError> {
    let broken = |problem: String| VerifyError::broken(LEDGER_FILE, problem);
    let bytes = folders.ledger().read().map_err(|e| broken(e.to_string()))?;
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(i, _)| i + 1);
    let end = ends.take(signed.entries).last().unwrap_or(0);
    let entries = read_ledger(&folders.ledger()).map_err(|e| broken(e.to_string()))?;
    let before = bytes.get(..end).map(Sha256Hex::of);
    if entries.len() < signed.entries || before.as_ref() != files.get(LEDGER_FILE) {
        return Err(broken(format!(
            "its first {} entries are not those that were signed",
            signed.entries
        )));
    }
    let later = entries.get(signed.entries..).unwrap_or_default();
    let allowed = |kind| {
        use LedgerEntryKind::{Approval, Note, ProtocolSignature};
        matches!(kind, Note | Approval | ProtocolSignature)
    };
    match later.iter().position(|entry| !allowed(entry.kind)) {
        Some(position) => Err(broken(format!(
            "entry {} was added after the run was signed: sign it again",
            signed.entries + position + 1
        ))),
        None => Ok(later.len()),
    }
}

/// Hash of every file that a run's signature is about.
fn signed_files(folders: &Folders) -> std::io::Result<BTreeMap<String, Sha256Hex>> {
    let mut files = file_hashes(folders)?;
    let manifest = folders.root().join(MANIFEST_FILE);
    files.insert(MANIFEST_FILE.into(), manifest.sha256()?);
    Ok(files)
}

/// Root over lines as `sha256sum` prints them, in the order of paths.
fn root(files: &BTreeMap<String, Sha256Hex>) -> Option<Sha256Hex> {
    let leaves: Vec<String> =
        files.iter().map(|(path, sha256)| format!("{sha256}  {path}")).collect();
    merkle_root(leaves.iter().map(String::as_str))
}
