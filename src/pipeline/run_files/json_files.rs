//! Files of a run, replaced as a whole, with errors that name them.

use crate::pipeline::PipelineError;
use paring_core::files::ConfinedPath;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// [`ConfinedPath::replace`] with an error that names the file.
///
/// # Errors
/// [`PipelineError::File`] names the file.
pub fn replace(path: &ConfinedPath, content: &[u8]) -> Result<(), PipelineError> {
    path.replace(content).map_err(PipelineError::file("write", path))
}

/// [`replace`] with a value as indented JSON.
///
/// # Errors
/// [`PipelineError::File`] names the file.
pub fn replace_json(path: &ConfinedPath, value: &impl Serialize) -> Result<(), PipelineError> {
    let mut content = serde_json::to_vec_pretty(value)
        .map_err(|e| PipelineError::file("write", path)(e.into()))?;
    content.push(b'\n');
    replace(path, &content)
}

/// Reads a value; `None` where the file does not exist or is not one, and so has to be made again.
pub fn read_json<T: DeserializeOwned>(path: &ConfinedPath) -> Option<T> {
    serde_json::from_slice(&path.read().ok()?).ok()
}
