//! Files that are replaced as a whole or not at all.

use super::PipelineError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::Write;
use std::path::Path;

/// Writes under a temporary name, syncs, and renames: a reader sees the old content or the new.
///
/// # Errors
/// [`PipelineError::File`] names the file.
pub fn replace(path: &Path, content: &[u8]) -> Result<(), PipelineError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || {
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path).map(drop).map_err(|e| e.error)
    };
    write().map_err(PipelineError::file("write", path))
}

/// [`replace`] with a value as indented JSON.
///
/// # Errors
/// [`PipelineError::File`] names the file.
pub fn replace_json(path: &Path, value: &impl Serialize) -> Result<(), PipelineError> {
    let mut content = serde_json::to_vec_pretty(value)
        .map_err(|e| PipelineError::file("write", path)(e.into()))?;
    content.push(b'\n');
    replace(path, &content)
}

/// Reads a value; `None` where the file does not exist or is not one, and so has to be made again.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}
