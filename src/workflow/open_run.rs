//! A run on its way: the study, its model and data, and the run directory that this process alone works
//! in. What is derived of them for one step of the work is in `inputs.rs`.

use super::{Progress, ProgressEvent, WorkflowError};
use crate::study::{self, Protocol, RunDirectory, Study, StudyInputs, VerifyError};
use paring_boards::FolderTrust;
use paring_core::schema::Sha256Hex;
use std::path::{Path, PathBuf};

/// A study with its model, its data and its run directory.
#[derive(Debug)]
pub struct OpenRun {
    /// The run directory.
    pub directory: RunDirectory,
    /// The study.
    pub study: Study,
    /// The model's signature and the data.
    pub loaded: StudyInputs,
}

impl OpenRun {
    /// Opens a study and starts its run in `out`, or goes on with the one that is there. Without `out`
    /// the run gets a new folder in `paring-runs`.
    ///
    /// # Errors
    /// [`WorkflowError::Study`] names what does not fit.
    pub(super) fn start(
        study: Study,
        loaded: StudyInputs,
        out: Option<&Path>,
        quick: bool,
        progress: &Progress,
    ) -> Result<OpenRun, WorkflowError> {
        let out = out.map_or_else(|| RunDirectory::fresh(&study), Path::to_path_buf);
        let protocol = Protocol::new(&study, &loaded, quick);
        report_integrity_flaw(&out, progress);
        let directory = RunDirectory::open(&out, &study, protocol)?;
        Ok(OpenRun { directory, study, loaded })
    }

    /// Opens the run in `run`; `study` is where its study lies now, if not where the run found it.
    ///
    /// # Errors
    /// [`WorkflowError::StudyGone`] without a study, [`WorkflowError::Study`] where it is not the
    /// run's.
    pub(super) fn reopen(
        run: &Path,
        study: Option<&Path>,
        trust: FolderTrust,
        progress: &Progress,
    ) -> Result<OpenRun, WorkflowError> {
        report_integrity_flaw(run, progress);
        let directory = RunDirectory::existing(run)?;
        let path = study.unwrap_or(&directory.protocol.study_file);
        if !path.exists() {
            return Err(WorkflowError::StudyGone(path.to_path_buf()));
        }
        let study = study::load(path, trust)?;
        let loaded = study::open(&study)?;
        directory.protocol.describes(&study, &loaded, run)?;
        Ok(OpenRun { directory, study, loaded })
    }

    /// Path of the run directory.
    pub(super) fn path(&self) -> &Path {
        self.directory.folders.root()
    }

    /// Writes the run's manifest; gives its SHA-256.
    ///
    /// # Errors
    /// [`WorkflowError::Study`] where a file cannot be read or written.
    pub(super) fn seal(&mut self) -> Result<Sha256Hex, WorkflowError> {
        Ok(self.directory.seal()?)
    }
}

/// Tells of a run that is not what was written there; that a process was killed in it is no flaw of a
/// run which is gone on with.
pub(super) fn report_integrity_flaw(run: &Path, progress: &Progress) {
    let flaw = study::first_violation(run).filter(|flaw: &VerifyError| !flaw.is_interruption());
    if let Some(flaw) = &flaw {
        progress(ProgressEvent::IntegrityFlaw { run, flaw });
    }
}

/// A folder that stands for `/` where power sensors are read, absolute, because an agent may have
/// another working directory.
///
/// # Errors
/// [`WorkflowError::Option`] where it is no folder.
pub fn sysfs_root(folder: &Path) -> Result<PathBuf, WorkflowError> {
    folder.canonicalize().ok().filter(|path| path.is_dir()).ok_or_else(|| {
        WorkflowError::Option(format!("--sysfs-root {} is no folder", folder.display()))
    })
}
