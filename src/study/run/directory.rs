//! The run directory: made, recognised, locked, and never written by two at once. Files of a killed verb
//! are put in order, and changes by others are noticed.

use super::Protocol;
use super::manifest::{LOCK_FILE, ManifestUpdate, WRITING_FILE};
use crate::pipeline::{Folders, PipelineError, read_json, replace, replace_json};
use crate::study::{Study, StudyError};
use paring_agent::measure::{BlockJournal, read_journal};
use paring_core::files::ConfinedPath;
use paring_core::schema::Sha256Hex;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// A run directory that this process alone works in.
#[derive(Debug)]
pub struct RunDirectory {
    /// Places of its files.
    pub folders: Folders,
    /// Its frozen rules.
    pub protocol: Protocol,
    /// True where it had been begun before.
    pub resumed: bool,
    update: Option<ManifestUpdate>,
    /// Held until the process ends, however it ends.
    _lock: File,
}

impl RunDirectory {
    /// Opens the run in `root`, or starts one in an empty or new folder.
    ///
    /// # Errors
    /// [`StudyError`] where the folder holds something else or somebody works in it.
    pub fn open(root: &Path, study: &Study, protocol: Protocol) -> Result<Self, StudyError> {
        let folders = Folders::new(root);
        let (own, lock_file) = (folders.root().join(PROTOCOL), folders.root().join(LOCK_FILE));
        let locked_before = lock_file.open().is_ok();
        let lock = lock(&folders)?;
        if !own.exists() && !is_empty(folders.root())? {
            if !locked_before {
                lock_file.remove().map_err(failed("remove", &lock_file))?;
            }
            return Err(StudyError::NotOurs(root.to_path_buf()));
        }
        put_in_order(&folders)?;
        let old: Option<Protocol> = match own.exists() {
            true => Some(read_json(&own).ok_or_else(|| StudyError::Damaged(own.to_path_buf()))?),
            false => None,
        };
        if let Some(old) = &old {
            old.accepts(&protocol, root)?;
        }
        let update = ManifestUpdate::begin(&folders)?;
        let journals = study.targets.iter().map(|target| folders.journal(&target.name));
        let others = [folders.variants(), folders.parings(), folders.predictions()];
        for folder in others.into_iter().chain(journals) {
            folder.create_folder().map_err(failed("create", &folder))?;
        }
        if old.is_none() {
            replace_json(&own, &protocol).map_err(unwritten(root))?;
        }
        let resumed = old.is_some();
        let protocol = old.unwrap_or(protocol);
        let text = std::fs::read(&study.path).map_err(failed("read", &study.path))?;
        replace(&folders.root().join("study.toml"), &text).map_err(unwritten(root))?;
        Ok(RunDirectory { folders, protocol, resumed, update: Some(update), _lock: lock })
    }

    /// Opens a run that exists, for something to be added to it.
    ///
    /// # Errors
    /// [`StudyError`] where there is none, it is damaged, or somebody works in it.
    pub fn existing(root: &Path) -> Result<Self, StudyError> {
        let folders = Folders::new(root);
        if !folders.root().join(PROTOCOL).exists() {
            return Err(StudyError::NoRun(root.to_path_buf()));
        }
        let lock = lock(&folders)?;
        put_in_order(&folders)?;
        let protocol = Self::protocol_of(root)?;
        let update = ManifestUpdate::begin(&folders)?;
        Ok(RunDirectory { folders, protocol, resumed: true, update: Some(update), _lock: lock })
    }

    /// The frozen rules of a run that is only read.
    ///
    /// # Errors
    /// [`StudyError`] where there is none, or it is damaged.
    pub fn protocol_of(root: &Path) -> Result<Protocol, StudyError> {
        let own = Folders::new(root).root().join(PROTOCOL);
        if !own.exists() {
            return Err(StudyError::NoRun(root.to_path_buf()));
        }
        read_json(&own).ok_or_else(|| StudyError::Damaged(own.to_path_buf()))
    }

    /// True while a verb works in a run, and after one that was stopped there.
    pub fn is_unfinished(folders: &Folders) -> bool {
        folders.root().join(WRITING_FILE).exists()
    }

    /// Writes the run's manifest; gives its hash. A verb that writes ends with it.
    ///
    /// # Errors
    /// [`StudyError`] where a file cannot be read, or the manifest not be written.
    pub fn seal(&mut self) -> Result<Sha256Hex, StudyError> {
        match self.update.take() {
            Some(update) => update.end(&self.folders),
            None => ManifestUpdate::begin(&self.folders)?.end(&self.folders),
        }
    }

    /// A new folder for a run of a study, named after it and the time.
    pub fn fresh(study: &Study) -> PathBuf {
        Self::named(&study.name)
    }

    /// A new folder in `paring-runs`, named after `name` and the time.
    pub fn named(name: &str) -> PathBuf {
        let now = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string();
        let stamp: String = now.chars().filter(|c| c.is_ascii_digit()).collect();
        let (day, time) = stamp.split_at(stamp.len().min(8));
        let name: String =
            name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        let base = Path::new("paring-runs").join(format!("{name}-{day}-{time}"));
        let again = (2..).map(|n| PathBuf::from(format!("{}-{n}", base.display())));
        std::iter::once(base.clone()).chain(again).find(|path| !path.exists()).unwrap_or(base)
    }
}

impl Drop for RunDirectory {
    /// A verb that failed leaves a manifest of what it did write, where there was one before.
    fn drop(&mut self) {
        let Some(update) = self.update.take() else { return };
        let left = match update.is_new() {
            true => update.leave(&self.folders),
            false => update.end(&self.folders).map(drop),
        };
        // What is not on the disk now is so for every verb that comes after, and each says so.
        let _ = left;
    }
}

const PROTOCOL: &str = "protocol.json";

fn failed(doing: &'static str, path: &Path) -> impl Fn(std::io::Error) -> StudyError {
    let path = path.to_path_buf();
    move |source| StudyError::Io { doing, path: path.clone(), source }
}

fn unwritten(root: &Path) -> impl Fn(PipelineError) -> StudyError {
    let path = root.to_path_buf();
    move |error| {
        let source = std::io::Error::other(error);
        StudyError::Io { doing: "write", path: path.clone(), source }
    }
}

/// True for a folder with nothing but the remains of an interruption before the first file.
fn is_empty(root: &ConfinedPath) -> Result<bool, StudyError> {
    let ours = [LOCK_FILE, WRITING_FILE, "variants", "parings", "predictions", "journal"];
    let names = root.names().map_err(failed("read", root))?;
    Ok(names.iter().all(|name| ours.contains(&name.as_str()) || root.join(name).is_temporary()))
}

/// Removes temporary files of a verb that was killed, and sets damaged lines of journals aside. The run
/// directory may be a stranger's: a link or a device in it is refused before anything is done.
fn put_in_order(folders: &Folders) -> Result<(), StudyError> {
    let root = folders.root();
    for file in root.files().map_err(failed("read", root))? {
        let path = root.join(&file);
        if path.is_temporary() {
            path.remove().map_err(failed("remove", &path))?;
        } else if path.ends_with("blocks.jsonl") && read_journal(&path).is_err() {
            let other = |error| failed("write", &path)(std::io::Error::other(error));
            let journal = BlockJournal::open(&path).map_err(other)?;
            let (lines, aside) = (journal.set_aside(), BlockJournal::aside(&path));
            let aside = aside.display();
            paring_core::text::note(format_args!(
                "{}: {lines} lines are no blocks; set aside in {aside}",
                path.display()
            ));
        }
    }
    Ok(())
}

fn lock(folders: &Folders) -> Result<File, StudyError> {
    let path = folders.root().join(LOCK_FILE);
    let file = path.open_to_write().map_err(failed("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StudyError::Busy(folders.root().to_path_buf())),
        Err(TryLockError::Error(source)) => Err(failed("create", &path)(source)),
    }
}
