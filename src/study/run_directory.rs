//! The run directory: made, recognised, locked, and never written by two at once.

use super::{Protocol, Study, StudyError};
use crate::pipeline::{Folders, read_json, replace, replace_json};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

/// A run directory that this process alone works in.
#[derive(Debug)]
pub struct RunDirectory {
    /// Where things lie in it.
    pub folders: Folders,
    /// Its frozen rules.
    pub protocol: Protocol,
    /// Held until the process ends, however it ends.
    _lock: File,
}

impl RunDirectory {
    /// Opens the run in `root`, or starts one in an empty or new folder.
    ///
    /// # Errors
    /// [`StudyError`] where the folder holds something else or somebody works in it.
    pub fn open(root: &Path, study: &Study, protocol: Protocol) -> Result<Self, StudyError> {
        let failed = |doing: &'static str, path: &Path| {
            let path = path.to_path_buf();
            move |source| StudyError::Io { doing, path, source }
        };
        let own = root.join("protocol.json");
        let lock_path = root.join(".lock");
        if !own.exists() && !is_empty(root, &lock_path).map_err(failed("read", root))? {
            return Err(StudyError::NotOurs(root.to_path_buf()));
        }
        let folders = Folders::new(root);
        for folder in [folders.variants(), folders.parings(), folders.predictions()] {
            std::fs::create_dir_all(&folder).map_err(failed("create", &folder))?;
        }
        for target in &study.targets {
            let folder = folders.journal(&target.name);
            std::fs::create_dir_all(&folder).map_err(failed("create", &folder))?;
        }
        let lock = lock(&lock_path)?;
        let write = |e: crate::pipeline::PipelineError| StudyError::Io {
            doing: "write",
            path: root.to_path_buf(),
            source: std::io::Error::other(e),
        };
        let damaged = || StudyError::Damaged(own.clone());
        let protocol = match own.exists().then(|| read_json::<Protocol>(&own).ok_or_else(damaged)) {
            Some(old) => {
                let old = old?;
                old.accepts(&protocol, root)?;
                old
            }
            None => {
                replace_json(&own, &protocol).map_err(write)?;
                protocol
            }
        };
        let text = std::fs::read(&study.path).map_err(failed("read", &study.path))?;
        replace(&root.join("study.toml"), &text).map_err(write)?;
        Ok(RunDirectory { folders, protocol, _lock: lock })
    }

    /// Opens a run that exists, for something to be added to it.
    ///
    /// # Errors
    /// [`StudyError`] where there is none, it is damaged, or somebody works in it.
    pub fn existing(root: &Path) -> Result<Self, StudyError> {
        let own = root.join("protocol.json");
        if !own.exists() {
            return Err(StudyError::NoRun(root.to_path_buf()));
        }
        let lock = lock(&root.join(".lock"))?;
        let protocol = read_json(&own).ok_or(StudyError::Damaged(own))?;
        Ok(RunDirectory { folders: Folders::new(root), protocol, _lock: lock })
    }

    /// Says where the run is, so that it can be gone on with.
    pub fn announce(&self, quiet: bool) {
        if !quiet {
            let out = self.folders.root().display().to_string();
            crate::text::note(format_args!("run directory {out}; `--out {out}` goes on with it"));
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

/// Whether a folder does not exist or holds nothing but a lock.
fn is_empty(root: &Path, lock: &Path) -> std::io::Result<bool> {
    match std::fs::read_dir(root) {
        Ok(entries) => {
            Ok(entries.flatten().all(|entry| entry.path() == lock || interrupted(&entry.path())))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// What an interruption before the first file leaves behind: our folders.
fn interrupted(path: &Path) -> bool {
    let ours = ["variants", "parings", "predictions", "journal"];
    path.file_name().is_some_and(|name| ours.iter().any(|own| name == *own))
}

fn lock(path: &Path) -> Result<File, StudyError> {
    let failed = |source| StudyError::Io { doing: "create", path: path.to_path_buf(), source };
    let mut options = OpenOptions::new();
    let file = options.create(true).write(true).truncate(false).open(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(StudyError::Busy(path.parent().unwrap_or(path).to_path_buf()))
        }
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}
