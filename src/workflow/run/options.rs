//! Options of a run, and the study that they name.

use crate::study::{self, Study, StudyError, StudyInputs};
use paring_boards::FolderTrust;
use std::path::PathBuf;

/// Options of [`run`](super::run), [`plan_run`](super::plan_run) and
/// [`cancel_run`](super::cancel_run).
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The study file.
    pub study: PathBuf,
    /// The run directory, which an unfinished run goes on in; a new one in `paring-runs` without it.
    pub out: Option<PathBuf>,
    /// Targets instead of the study's, where there are any.
    pub targets: Vec<String>,
    /// The short protocol: 3 blocks, no verdicts.
    pub quick: bool,
    /// Trust in whoever made the study: its folder may name programs to run.
    pub trust: FolderTrust,
    /// The folder that stands for `/` where power sensors are read: a simulated machine, and marked as
    /// one.
    pub sysfs_root: Option<PathBuf>,
    /// The tool's record as a forecaster, one outcome a line.
    pub forecast_history: Option<PathBuf>,
}

impl RunOptions {
    /// A whole run of the study in a file, on the study's own targets.
    pub fn new(study: impl Into<PathBuf>) -> Self {
        RunOptions {
            study: study.into(),
            out: None,
            targets: Vec::new(),
            quick: false,
            trust: FolderTrust::Withheld,
            sysfs_root: None,
            forecast_history: None,
        }
    }

    /// The study, with the options' targets and protocol, its model and its data.
    ///
    /// # Errors
    /// [`StudyError`] names the file, the line or the key.
    pub(super) fn open_study(&self) -> Result<(Study, StudyInputs), StudyError> {
        let mut study = study::load_for(&self.study, &self.targets, self.trust)?;
        if self.quick {
            study.timing.shorten();
        }
        let loaded = study::open(&study)?;
        // What does not fit is found before the first variant is made.
        for regime in &study.regimes {
            study::open_regime(&study, &loaded, regime)?;
        }
        Ok((study, loaded))
    }
}
