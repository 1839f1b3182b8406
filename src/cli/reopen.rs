//! A run that exists, with the study it was made from.

use super::{Coded, ExitCode, integrity};
use crate::study::{self, Loaded, RunDirectory, Study};
use anyhow::anyhow;
use paring_boards::FolderTrust;
use std::path::{Path, PathBuf};

/// A run, opened again.
pub(super) struct Reopened {
    pub(super) directory: RunDirectory,
    pub(super) study: Study,
    pub(super) loaded: Loaded,
}

impl Reopened {
    /// Opens the run in `run`; `study` is where its study lies now, if not where the run found it.
    pub(super) fn open(
        run: &Path,
        study: Option<&PathBuf>,
        trust: FolderTrust,
    ) -> Result<Reopened, Coded> {
        integrity::warn_before_going_on(run);
        let directory = RunDirectory::existing(run)?;
        let study = self::study(&directory, study, trust)?;
        let loaded = study::open(&study)?;
        directory.protocol.describes(&study, &loaded, run)?;
        Ok(Reopened { directory, study, loaded })
    }
}

/// The study that a run was made from.
fn study(
    directory: &RunDirectory,
    other: Option<&PathBuf>,
    trust: FolderTrust,
) -> Result<Study, Coded> {
    let path = other.unwrap_or(&directory.protocol.study_file);
    if !path.exists() {
        let error = anyhow!("the run's study {} is gone; name it with --study", path.display());
        return Err(Coded::new(ExitCode::Input, error));
    }
    Ok(study::load(path, trust)?)
}
