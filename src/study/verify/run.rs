//! Files of a run against its manifest and the ledger's chain.

use super::{VerifyError, entries, lineage, results};
use crate::ledger::LedgerHead;
use crate::pipeline::Folders;
use crate::study::run::{LOCK_FILE, MANIFEST_FILE, ManifestUpdate, WRITING_FILE, file_hashes};
use crate::study::{ManifestError, RunManifest, StudyError};
use paring_core::schema::Sha256Hex;
use std::path::Path;

/// Counts of a run in which everything holds.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct VerificationSummary {
    /// Hash of the manifest.
    pub manifest_sha256: Sha256Hex,
    /// Files with the hash that they should have.
    pub files: usize,
    /// Entries of the ledger.
    pub entries: usize,
    /// Variants whose lineage is the ledger's.
    pub variants: usize,
    /// Rows of results.csv that the journals give again.
    pub rows: usize,
}

/// Verifies a run directory, or the folder of a bench; `expected` is the manifest's hash as somebody
/// noted it.
///
/// # Errors
/// [`VerifyError`] with the first that does not hold, in the order that the module's doc names.
pub fn verify(root: &Path, expected: Option<&str>) -> Result<VerificationSummary, VerifyError> {
    let folders = Folders::new(root);
    let unverifiable =
        |problem: String| VerifyError::Unverifiable { path: root.to_path_buf(), problem };
    if !root.is_dir() {
        return Err(unverifiable("it is no folder".into()));
    }
    let (manifest, manifest_sha256) = match RunManifest::read(&folders) {
        Ok(found) => found,
        Err(error @ ManifestError::Absent) => return Err(unverifiable(error.to_string())),
        Err(ManifestError::Io(error)) => {
            return Err(VerifyError::broken(MANIFEST_FILE, error.to_string()));
        }
        Err(ManifestError::Spoilt(problem)) => {
            return Err(VerifyError::broken(MANIFEST_FILE, problem));
        }
    };
    if let Some(expected) = expected.filter(|expected| manifest_sha256.as_str() != *expected) {
        let problem = format!("its SHA-256 is {manifest_sha256}, not {expected}");
        return Err(VerifyError::broken(MANIFEST_FILE, problem));
    }
    files(&folders, &manifest)?;
    chain(&folders, &manifest)?;
    entries::verify(&folders)?;
    let variants = lineage::verify(&folders)?;
    let rows = results::verify(&folders)?;
    let (files, entries) = (manifest.files.len(), manifest.ledger.entries);
    Ok(VerificationSummary { manifest_sha256, files, entries, variants, rows })
}

/// The first difference in a run, for verbs that only read it; `None` where everything holds, or where
/// there is no manifest because an older version made the run.
pub fn first_violation(root: &Path) -> Option<VerifyError> {
    match verify(root, None) {
        Err(error @ VerifyError::Broken { .. }) => Some(error),
        _ => None,
    }
}

/// Writes the manifest of a folder that no [`crate::study::RunDirectory`] watched over, such as a bench's.
///
/// # Errors
/// Those of [`crate::study::RunDirectory::seal`].
pub fn write_manifest(folders: &Folders) -> Result<Sha256Hex, StudyError> {
    ManifestUpdate::begin(folders)?.end(folders)
}

fn files(folders: &Folders, manifest: &RunManifest) -> Result<(), VerifyError> {
    let root = folders.root();
    let found = file_hashes(folders).map_err(|e| VerifyError::broken(".", e.to_string()))?;
    if root.join(WRITING_FILE).exists() {
        let problem = "a verb was killed while it wrote, or still writes: go on with it first";
        return Err(VerifyError::broken(WRITING_FILE, problem));
    }
    if root.join(LOCK_FILE).read().is_ok_and(|bytes| !bytes.is_empty()) {
        return Err(VerifyError::broken(LOCK_FILE, "it should be empty"));
    }
    for (path, recorded) in &manifest.files {
        let problem = match found.get(path) {
            Some(sha256) if sha256 == recorded => continue,
            Some(sha256) => format!("its SHA-256 is {sha256}, the manifest has {recorded}"),
            None => "it is missing".into(),
        };
        return Err(VerifyError::broken(path, problem));
    }
    match found.keys().find(|path| !manifest.files.contains_key(*path)) {
        Some(path) => Err(VerifyError::broken(path, "the manifest does not have it")),
        None => Ok(()),
    }
}

fn chain(folders: &Folders, manifest: &RunManifest) -> Result<(), VerifyError> {
    let broken = |problem: String| VerifyError::broken("ledger.jsonl", problem);
    let head = LedgerHead::of(&folders.ledger()).map_err(|e| broken(e.to_string()))?;
    match head == manifest.ledger {
        true => Ok(()),
        false => {
            let LedgerHead { entries, last_sha256 } = &manifest.ledger;
            Err(broken(format!(
                "its {} entries end in {}, the manifest has {entries} that end in {last_sha256}",
                head.entries, head.last_sha256
            )))
        }
    }
}
