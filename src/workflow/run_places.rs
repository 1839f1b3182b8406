//! Places of a run's study, model and data now: those that the run found them at, those that somebody
//! says, or near the run. What was found is held against the run's hashes before it is used.

use super::{PlacesError, WorkflowError};
use crate::pipeline::{BASELINE, Folders};
use crate::study::{self, Protocol, Study, StudyError, StudyInputs, StudyPlaces};
use paring_boards::FolderTrust;
use std::path::{Path, PathBuf};

/// Places of a run's study, model and data, where they are others than the run found them at.
#[derive(Clone, Debug, Default)]
pub struct RunPlaces {
    /// The study file.
    pub study: Option<PathBuf>,
    /// The model as given.
    pub model: Option<PathBuf>,
    /// The data.
    pub data: Option<PathBuf>,
    /// The command line that names the data, for messages; its last word is to be filled in.
    pub data_command: Option<String>,
}

/// The purpose that a run's study is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StudyUse {
    /// Its data alone: nothing that it names is run, whoever made it.
    Draw,
    /// Its variants and data.
    Evaluate,
    /// Its targets too, which the run's own copy does not name for another machine.
    Measure,
}

impl RunPlaces {
    /// Opens the run's study with its model and data.
    ///
    /// # Errors
    /// [`WorkflowError::Places`] where they are nowhere or not the run's, [`WorkflowError::Study`] where they
    /// cannot be read.
    pub(super) fn open(
        &self,
        run: &Path,
        protocol: &Protocol,
        trust: FolderTrust,
        wanted: StudyUse,
    ) -> Result<(Study, StudyInputs), WorkflowError> {
        let mut problem: Option<WorkflowError> = None;
        for study in self.studies(run, protocol, trust, wanted)? {
            let opened = study::open(&study).and_then(|loaded| {
                protocol.describes(&study, &loaded, run)?;
                Ok(loaded)
            });
            match opened {
                Ok(loaded) => return Ok((study, loaded)),
                Err(StudyError::OtherProtocol { what, .. }) => {
                    let (model, data) = (study.model, study.data.path);
                    let run = run.to_path_buf();
                    let other = PlacesError::NotTheRuns { run, what, model, data };
                    problem.get_or_insert(other.into());
                }
                Err(error) => {
                    problem.get_or_insert(error.into());
                }
            }
        }
        Err(problem.unwrap_or_else(|| PlacesError::StudyGone(protocol.study_file.clone()).into()))
    }

    /// The run's study with each place that its data may have now; one at least.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub(super) fn studies(
        &self,
        run: &Path,
        protocol: &Protocol,
        trust: FolderTrust,
        wanted: StudyUse,
    ) -> Result<Vec<Study>, WorkflowError> {
        let recorded = Some(&protocol.study_file).filter(|path| path.exists());
        let file = self.study.as_ref().or(recorded);
        if file.is_none() && wanted == StudyUse::Measure {
            return Err(PlacesError::StudyGone(protocol.study_file.clone()).into());
        }
        let kept = run.join("study.toml");
        let (model, data) = study::paths_of(file.unwrap_or(&kept))?;
        let folder = file.unwrap_or(&protocol.study_file).parent().unwrap_or(Path::new(""));
        let model = self.model_place(folder, &model, run);
        let places = self.data_places(folder, &data, run)?;
        let each = places.into_iter().map(|data| match file {
            Some(file) if wanted != StudyUse::Draw => {
                let places = StudyPlaces { model: Some(model.clone()), data: Some(data) };
                study::load_placed(file, trust, &places)
            }
            _ => {
                let scratch = tempfile::tempdir().map_err(|source| StudyError::Io {
                    doing: "create",
                    path: std::env::temp_dir(),
                    source,
                })?;
                let file = file.unwrap_or(&kept);
                study::load_replayed(run, file, &model, &data, scratch.path())
            }
        });
        Ok(each.collect::<Result<_, StudyError>>()?)
    }

    /// The model: where somebody says, where the run found it, or the run's own copy.
    fn model_place(&self, folder: &Path, typed: &Path, run: &Path) -> PathBuf {
        let found = self.model.clone().unwrap_or_else(|| folder.join(typed));
        let own = Folders::new(run).variants().join(&format!("{BASELINE}.onnx"));
        match found.exists() || !own.exists() {
            true => found,
            false => own.to_path_buf(),
        }
    }

    /// Places of the data: where somebody says, where the run found them, or near the run and here.
    fn data_places(
        &self,
        folder: &Path,
        typed: &Path,
        run: &Path,
    ) -> Result<Vec<PathBuf>, PlacesError> {
        if let Some(data) = &self.data {
            return Ok(vec![data.clone()]);
        }
        let recorded = folder.join(typed);
        if recorded.exists() {
            return Ok(vec![recorded]);
        }
        let run = std::path::absolute(run).unwrap_or_else(|_| run.to_path_buf());
        let beside = run.parent().unwrap_or(Path::new("")).to_path_buf();
        let here = std::env::current_dir().unwrap_or_default();
        let name = typed.file_name().map(PathBuf::from).unwrap_or_default();
        let mut places: Vec<PathBuf> = Vec::new();
        for near in [&beside, &here] {
            for place in [near.join(typed), near.join(&name)] {
                if !places.contains(&place) && place != recorded {
                    places.push(place);
                }
            }
        }
        let (found, looked): (Vec<PathBuf>, Vec<PathBuf>) =
            places.into_iter().partition(|place| place.exists());
        match found.is_empty() {
            true => {
                Err(PlacesError::DataGone { recorded, looked, command: self.data_command.clone() })
            }
            false => Ok(found),
        }
    }
}
