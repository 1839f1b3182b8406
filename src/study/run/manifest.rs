//! `run.manifest`: the hash of every file of a run and the head of its ledger, written at the end of
//! each verb that writes. Who notes its own hash can tell a later change.

use crate::ledger::LedgerHead;
use crate::pipeline::Folders;
use crate::study::StudyError;
use paring_core::files::ConfinedPath;
use paring_core::schema::{SCHEMA, Sha256Hex, check_schema};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The manifest's file.
pub(in crate::study) const MANIFEST_FILE: &str = "run.manifest";
/// Held by whoever works in the run.
pub(in crate::study) const LOCK_FILE: &str = ".lock";
/// The signature over all of them, which comes after the manifest.
pub(in crate::study) const RUN_SIGNATURE_FILE: &str = "run.sig";
/// There while a verb writes, and after one that was killed.
pub(in crate::study) const WRITING_FILE: &str = ".writing";

/// Contents of a run directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunManifest {
    /// Format version.
    pub schema: u32,
    /// The ledger's last line.
    pub ledger: LedgerHead,
    /// Hash of every file by its path in the run, but of the manifest itself.
    pub files: BTreeMap<String, Sha256Hex>,
}

/// Reason that a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// There is none.
    #[error("it has no {MANIFEST_FILE}: no verb of this version finished in it")]
    Absent,
    /// It cannot be read.
    #[error("read {MANIFEST_FILE}")]
    Io(#[source] std::io::Error),
    /// Its content is not one that a verb wrote.
    #[error("{MANIFEST_FILE} failed the integrity check: {0}")]
    Spoilt(String),
}

impl RunManifest {
    /// Reads the manifest of a run, and its own hash.
    ///
    /// # Errors
    /// [`ManifestError`] where there is none, or one that no verb wrote.
    pub fn read(folders: &Folders) -> Result<(RunManifest, Sha256Hex), ManifestError> {
        let bytes = match folders.root().join(MANIFEST_FILE).read() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(ManifestError::Absent);
            }
            other => other.map_err(ManifestError::Io)?,
        };
        let spoilt = |e: &dyn std::fmt::Display| ManifestError::Spoilt(e.to_string());
        let manifest: RunManifest = serde_json::from_slice(&bytes).map_err(|e| spoilt(&e))?;
        check_schema("it", manifest.schema).map_err(|e| spoilt(&e))?;
        match manifest.encoded() == bytes {
            true => Ok((manifest, Sha256Hex::of(&bytes))),
            false => Err(spoilt(&"it is not laid out as paring writes it")),
        }
    }

    /// The file's content.
    fn encoded(&self) -> Vec<u8> {
        // Maps of texts have no value that JSON lacks.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

/// A file that is not what the manifest says when a verb begins.
#[derive(Clone, Debug, PartialEq, Eq)]
struct UnexpectedFile {
    recorded: Option<Sha256Hex>,
    found: Option<Sha256Hex>,
}

/// The manifest of a run directory while a verb works in it.
#[derive(Debug)]
pub(in crate::study) struct ManifestUpdate {
    before: Option<RunManifest>,
    unexpected: BTreeMap<String, UnexpectedFile>,
}

impl ManifestUpdate {
    /// Takes note of what is not what the manifest says, unless a verb was killed here and may have
    /// written it; and that a verb writes from now on.
    ///
    /// # Errors
    /// Those of reading the files.
    pub(in crate::study) fn begin(folders: &Folders) -> Result<ManifestUpdate, StudyError> {
        let failed = |e| failed("read", folders.root(), e);
        let writing = folders.root().join(WRITING_FILE);
        let killed = writing.open().is_ok();
        let before = RunManifest::read(folders).ok().map(|(manifest, _)| manifest);
        let unexpected = match &before {
            Some(manifest) if !killed => {
                unexpected_files(manifest, &file_hashes(folders).map_err(failed)?)
            }
            _ => BTreeMap::new(),
        };
        writing.open_to_write().map_err(|e| self::failed("create", &writing, e))?;
        Ok(ManifestUpdate { before, unexpected })
    }

    /// True where no verb of this version finished in the run before.
    pub(super) fn is_new(&self) -> bool {
        self.before.is_none()
    }

    /// Writes the manifest of what lies there now, and gives its hash. What was in doubt and was not
    /// written anew keeps the hash that it should have, so that it is not made good by the way.
    ///
    /// # Errors
    /// Those of reading the files and of writing the manifest.
    pub(in crate::study) fn end(&self, folders: &Folders) -> Result<Sha256Hex, StudyError> {
        let mut files = file_hashes(folders).map_err(|e| failed("read", folders.root(), e))?;
        for (path, unexpected) in &self.unexpected {
            // Lines that are appended make those before them no better.
            if files.get(path) == unexpected.found.as_ref() || path.ends_with(".jsonl") {
                match &unexpected.recorded {
                    Some(sha256) => files.insert(path.clone(), sha256.clone()),
                    None => files.remove(path),
                };
            }
        }
        let head = match (&self.before, self.unexpected.contains_key("ledger.jsonl")) {
            (Some(before), true) => before.ledger.clone(),
            _ => LedgerHead::of(&folders.ledger())?,
        };
        let bytes = RunManifest { schema: SCHEMA, ledger: head, files }.encoded();
        let path = folders.root().join(MANIFEST_FILE);
        path.replace(&bytes).map_err(|e| failed("write", &path, e))?;
        self.leave(folders)?;
        Ok(Sha256Hex::of(&bytes))
    }

    /// Takes back that a verb writes.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn leave(&self, folders: &Folders) -> Result<(), StudyError> {
        let writing = folders.root().join(WRITING_FILE);
        writing.remove().map_err(|e| failed("remove", &writing, e))
    }
}

fn failed(doing: &'static str, path: &ConfinedPath, source: std::io::Error) -> StudyError {
    StudyError::Io { doing, path: path.to_path_buf(), source }
}

/// Files that differ from a manifest, by path.
fn unexpected_files(
    manifest: &RunManifest,
    found: &BTreeMap<String, Sha256Hex>,
) -> BTreeMap<String, UnexpectedFile> {
    let paths: BTreeSet<&String> = manifest.files.keys().chain(found.keys()).collect();
    let of = |path: &String| {
        let (recorded, found) = (manifest.files.get(path), found.get(path));
        let file = UnexpectedFile { recorded: recorded.cloned(), found: found.cloned() };
        (recorded != found).then(|| (path.clone(), file))
    };
    paths.into_iter().filter_map(of).collect()
}

/// Hash of every file of a run by its path in it, without the manifest, the signature, the lock
/// and temporaries.
///
/// # Errors
/// Those of reading; a link or what is no regular file is named.
pub(in crate::study) fn file_hashes(
    folders: &Folders,
) -> std::io::Result<BTreeMap<String, Sha256Hex>> {
    let root = folders.root();
    let own = [MANIFEST_FILE, LOCK_FILE, WRITING_FILE, RUN_SIGNATURE_FILE];
    let own = |path: &String| own.contains(&path.as_str());
    let paths = root.files()?.into_iter();
    let paths = paths.filter(|path| !own(path) && !root.join(path).is_temporary());
    paths.map(|path| Ok((path.clone(), root.join(&path).sha256()?))).collect()
}
