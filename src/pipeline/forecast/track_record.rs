//! The tool's record as a forecaster, kept across runs in one file of the user's.

use crate::pipeline::PipelineError;
use paring_core::files::{ConfinedPath, append_lines};
use paring_core::schema::{ForecastOutcome, SCHEMA};
use std::path::Path;

/// Outcomes of earlier forecasts; none where there is no file. A line that is not one was torn, or
/// written by a newer paring, and is left out.
///
/// # Errors
/// [`PipelineError::File`] where the file is there and cannot be read.
pub fn read_outcomes(path: &Path) -> Result<Vec<ForecastOutcome>, PipelineError> {
    let bytes = match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        other => other.map_err(PipelineError::file("read", path))?,
    };
    let lines = bytes.split(|byte| *byte == b'\n');
    let read = lines.filter_map(|line| serde_json::from_slice::<ForecastOutcome>(line).ok());
    Ok(read.filter(|outcome| outcome.schema <= SCHEMA).collect())
}

/// Adds outcomes that the file does not hold yet.
///
/// # Errors
/// [`PipelineError::File`] names the file.
pub fn add_outcomes(path: &Path, outcomes: &[ForecastOutcome]) -> Result<(), PipelineError> {
    let known = read_outcomes(path)?;
    let new: Vec<ForecastOutcome> =
        outcomes.iter().filter(|outcome| !known.contains(outcome)).cloned().collect();
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(PipelineError::file("create", folder))?;
    }
    // The user's own file may be a link of the user's.
    let place = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    append_lines(&ConfinedPath::file(&place), &new).map_err(PipelineError::file("append to", path))
}
