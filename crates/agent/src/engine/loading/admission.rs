//! Admission of model files: what a program has put in front of the engine, asked before a file is
//! parsed and before it is loaded at concrete dimensions.
//!
//! Knows nothing of how admission is decided. Models in memory are never asked about: they come from
//! files that were.

use crate::engine::{DimensionBindings, EngineError};
use std::path::Path;
use std::sync::OnceLock;

/// Decides on a model file; without bindings it is only parsed next.
///
/// # Errors
/// [`EngineError`] names the file and says why the engine must not see it.
pub type AdmissionCheck = fn(&Path, Option<DimensionBindings>) -> Result<(), EngineError>;

static ADMIT: OnceLock<AdmissionCheck> = OnceLock::new();

/// Installs what decides on the model files of this process. Without it, as in a library's user or an
/// agent, every file is admitted. Only the first call counts.
pub fn admit_by(admit: AdmissionCheck) {
    // A second one would be asked about files that the first has let in already.
    let _ = ADMIT.set(admit);
}

/// Asks about a model file.
///
/// # Errors
/// Those of what [`admit_by`] installed.
pub fn admitted(path: &Path, bindings: Option<DimensionBindings>) -> Result<(), EngineError> {
    ADMIT.get().map_or(Ok(()), |admit| admit(path, bindings))
}
