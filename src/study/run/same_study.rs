//! Comparison of a run with a study: the same model, variants, data and splits, however measured.

use super::format_1;
use super::protocol::{DATA, Protocol, VARIANTS};
use crate::study::{Study, StudyError, StudyInputs};
use std::path::Path;

impl Protocol {
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
