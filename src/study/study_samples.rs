//! Samples of a study: where its data are, how files become numbers, how they are divided, and what the
//! model's answers mean; all that other verbs take from a study.

use super::sections::{
    self, ClassShares, DataSection, ShareOrArray, SplitsSection, dataset_rules, task_settings,
};
use super::{DataSource, StudyError, TaskSettings};
use crate::evaluate::SplitRule;
use std::collections::BTreeMap;
use std::path::Path;

/// The parts of a study that say how samples become inputs, and outputs answers.
#[derive(Clone, Debug)]
pub struct StudySamples {
    /// Data and the rules that make files numbers.
    pub data: DataSource,
    /// The task.
    pub task: TaskSettings,
    /// Values for symbolic dimensions other than the batch.
    pub dims: BTreeMap<String, usize>,
}

/// Reads these parts of a study. Paths in it are relative to its folder.
///
/// # Errors
/// [`StudyError`] names the file, the line or the key.
pub fn study_samples(path: &Path) -> Result<StudySamples, StudyError> {
    let (file, _) = sections::read(path)?;
    let invalid = |problem: String| StudyError::Invalid { path: path.to_path_buf(), problem };
    let folder = path.parent().unwrap_or(Path::new(""));
    Ok(StudySamples {
        data: data_source(file.data, folder).map_err(invalid)?,
        task: task_settings(&file.task).map_err(invalid)?,
        dims: file.model.dims,
    })
}

/// The checked `[data]` section.
///
/// # Errors
/// A sentence that names the key.
pub(super) fn data_source(section: DataSection, folder: &Path) -> Result<DataSource, String> {
    Ok(DataSource {
        rules: dataset_rules(&section)?,
        path: folder.join(section.path),
        slices: section.slices,
        group: section.group,
        fixed_class_shares: section.class_shares == ClassShares::Fixed,
        private: section.private,
        splits: splits(section.splits)?,
    })
}

fn splits(section: Option<SplitsSection>) -> Result<SplitRule, String> {
    use ShareOrArray::{Array, Share};
    let Some(SplitsSection { calibrate, select, report, seed }) = section else {
        return Ok(SplitRule::Shares { calibrate: 0.25, select: 0.25, report: 0.5, seed: 0 });
    };
    match (calibrate, select, report) {
        (Share(calibrate), Share(select), Share(report)) => {
            Ok(SplitRule::Shares { calibrate, select, report, seed })
        }
        (Array(calibrate), Array(select), Array(report)) => {
            Ok(SplitRule::Arrays { calibrate, select, report })
        }
        _ => Err("`splits` are three shares, or three names of index arrays".into()),
    }
}
