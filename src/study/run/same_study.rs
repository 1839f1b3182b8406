//! Comparison of a run with a study: the same model, variants, data and splits, however measured.

use super::format_1;
use super::protocol::{DATA, Protocol, TIMING, VARIANTS};
use crate::study::{Study, StudyError, StudyInputs};
use std::path::Path;

impl Protocol {
    /// Refuses a study whose rules of timing are not those of the run in `root`: measurements that are added
    /// are to be comparable.
    ///
    /// # Errors
    /// [`StudyError::OtherProtocol`].
    pub fn measures_alike(
        &self,
        study: &Study,
        loaded: &StudyInputs,
        root: &Path,
    ) -> Result<(), StudyError> {
        let new = Protocol::new(study, loaded, self.quick);
        match self.measurement_sha256 == new.measurement_sha256 {
            true => Ok(()),
            false => Err(StudyError::OtherProtocol { path: root.to_path_buf(), what: TIMING }),
        }
    }

    /// Refuses a study whose model, variants, data or splits are not those of the run in `root`; rules of
    /// timing may differ.
    ///
    /// # Errors
    /// [`StudyError::OtherProtocol`] says what differs.
    pub fn describes(
        &self,
        study: &Study,
        loaded: &StudyInputs,
        root: &Path,
    ) -> Result<(), StudyError> {
        let other = |what| Err(StudyError::OtherProtocol { path: root.to_path_buf(), what });
        let new = Protocol::new(study, loaded, self.quick);
        let (recipes, data) = match self.schema {
            1 => format_1::matches(self, study, loaded, root)?,
            _ => (self.recipes_sha256 == new.recipes_sha256, self.data_sha256 == new.data_sha256),
        };
        match (recipes, data) {
            (false, _) => other(VARIANTS),
            (_, false) => other(DATA),
            _ => Ok(()),
        }
    }
}
