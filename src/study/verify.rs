//! Whether a run directory is what its verbs wrote: files against the manifest, the ledger's chain,
//! lineages against the ledger, and results against the journals.
//!
//! Whoever can write the directory can write a manifest that fits. What they cannot do is write one
//! with the hash that somebody noted before.

mod lineage;
mod results;

use super::StudyError;
use super::manifest::{LOCK, MANIFEST, Manifest, ManifestError, WRITING, hashes};
use crate::ledger::LedgerHead;
use crate::pipeline::Folders;
use paring_core::schema::Sha256Hex;
use std::path::Path;

/// A run in which everything holds.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Verified {
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

/// The first thing that does not hold.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// There is no run, or one of an older version.
    #[error("cannot verify {}: {problem}", path.display())]
    Unverifiable {
        /// The folder.
        path: std::path::PathBuf,
        /// What is missing.
        problem: String,
    },
    /// A file is not what was written.
    #[error("{file}: {problem}")]
    Broken {
        /// The file in the run.
        file: String,
        /// What does not hold.
        problem: String,
    },
}

impl VerifyError {
    /// Whether all that is known is that a verb was killed in the run.
    pub fn is_interruption(&self) -> bool {
        matches!(self, VerifyError::Broken { file, .. } if file == WRITING)
    }

    fn broken(file: impl Into<String>, problem: impl Into<String>) -> VerifyError {
        VerifyError::Broken { file: file.into(), problem: problem.into() }
    }
}

/// Verifies a run directory, or the folder of a bench; `expected` is the manifest's hash as somebody
/// noted it.
///
/// # Errors
/// [`VerifyError`] with the first that does not hold, in the order of the module's first line.
pub fn verify(root: &Path, expected: Option<&str>) -> Result<Verified, VerifyError> {
    let folders = Folders::new(root);
    let unverifiable =
        |problem: String| VerifyError::Unverifiable { path: root.to_path_buf(), problem };
    if !root.is_dir() {
        return Err(unverifiable("it is no folder".into()));
    }
    let (manifest, manifest_sha256) = match Manifest::read(&folders) {
        Ok(found) => found,
        Err(error @ ManifestError::Absent) => return Err(unverifiable(error.to_string())),
        Err(ManifestError::Io(error)) => {
            return Err(VerifyError::broken(MANIFEST, error.to_string()));
        }
        Err(ManifestError::Spoilt(problem)) => return Err(VerifyError::broken(MANIFEST, problem)),
    };
    if let Some(expected) = expected.filter(|expected| manifest_sha256.as_str() != *expected) {
        let problem = format!("its SHA-256 is {manifest_sha256}, not {expected}");
        return Err(VerifyError::broken(MANIFEST, problem));
    }
    files(&folders, &manifest)?;
    chain(&folders, &manifest)?;
    let variants = lineage::verify(&folders)?;
    let rows = results::verify(&folders)?;
    let (files, entries) = (manifest.files.len(), manifest.ledger.entries);
    Ok(Verified { manifest_sha256, files, entries, variants, rows })
}

/// What is wrong with a run, for verbs that only read it; `None` where everything holds, or where there
/// is no manifest because an older version made the run.
pub fn first_flaw(root: &Path) -> Option<VerifyError> {
    match verify(root, None) {
        Err(error @ VerifyError::Broken { .. }) => Some(error),
        _ => None,
    }
}

/// Writes the manifest of a folder that no [`super::RunDirectory`] watched over, such as a bench's.
///
/// # Errors
/// Those of [`super::RunDirectory::seal`].
pub fn write_manifest(folders: &Folders) -> Result<Sha256Hex, StudyError> {
    super::manifest::Seal::begin(folders)?.end(folders)
}

fn files(folders: &Folders, manifest: &Manifest) -> Result<(), VerifyError> {
    let root = folders.root();
    let found = hashes(folders).map_err(|e| VerifyError::broken(".", e.to_string()))?;
    if root.join(WRITING).exists() {
        let problem = "a verb was killed while it wrote, or still writes: go on with it first";
        return Err(VerifyError::broken(WRITING, problem));
    }
    if root.join(LOCK).read().is_ok_and(|bytes| !bytes.is_empty()) {
        return Err(VerifyError::broken(LOCK, "it should be empty"));
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

fn chain(folders: &Folders, manifest: &Manifest) -> Result<(), VerifyError> {
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
