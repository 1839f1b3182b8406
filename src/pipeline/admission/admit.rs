//! Admission of model files: the first load of each is tried in a process of its own, with bounds on
//! memory and time, so that a hostile or broken file ends that process and not this one.
//!
//! A file is tried once in a process, by its hash; once more at other sizes of symbolic dimensions.

use super::first_load::{FirstLoad, LoadSizes};

use super::load_bounds::{LoadBounds, NO_MEMORY, TOO_LONG};
use paring_agent::engine::{DimensionBindings, EngineError};
use paring_agent::measure::{ProcessFailure, run_to_end};
use paring_core::schema::Sha256Hex;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// The verb that this program tries a file under.
pub const FIRST_LOAD_VERB: &str = "first-load";

/// The child bounds its own time; this is for one that cannot.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// A file as the file system tells it from others, without reading it.
type FileStamp = (PathBuf, u64, SystemTime);

/// Files that were tried in this process.
#[derive(Debug, Default)]
struct TriedFiles {
    hashes: BTreeMap<FileStamp, Sha256Hex>,
    loads: BTreeMap<(Sha256Hex, Option<LoadSizes>), Result<FirstLoad, String>>,
}

static TRIED: LazyLock<Mutex<TriedFiles>> = LazyLock::new(Mutex::default);

/// Tries the first load of a model file in a process of its own; see [`paring_agent::engine::admit_by`].
///
/// # Errors
/// [`EngineError::Inadmissible`] where that process was killed, crashed or took too much, and
/// [`EngineError::Invalid`] where the model violates the specification in a way that engines die of.
pub fn admit(path: &Path, bindings: Option<DimensionBindings>) -> Result<(), EngineError> {
    let mut tried = TRIED.lock().unwrap_or_else(PoisonError::into_inner);
    // A file that cannot be read is a message of whoever reads it next.
    let Ok(sha256) = tried.hash(path) else { return Ok(()) };
    let usual = tried.load(path, &sha256, None)?;
    if let Some(DimensionBindings { batch, dims }) = bindings {
        let sizes = LoadSizes { batch, dims: dims.clone() };
        if sizes.of(&usual.open) != usual.sizes {
            tried.load(path, &sha256, Some(sizes.of(&usual.open)))?;
        }
    }
    Ok(())
}

impl TriedFiles {
    fn hash(&mut self, path: &Path) -> std::io::Result<Sha256Hex> {
        let found = std::fs::metadata(path)?;
        let stamp = (path.to_path_buf(), found.len(), found.modified()?);
        if let Some(known) = self.hashes.get(&stamp) {
            return Ok(known.clone());
        }
        let sha256 = Sha256Hex::of_file(path)?;
        self.hashes.insert(stamp, sha256.clone());
        Ok(sha256)
    }

    fn load(
        &mut self,
        path: &Path,
        sha256: &Sha256Hex,
        sizes: Option<LoadSizes>,
    ) -> Result<FirstLoad, EngineError> {
        let key = (sha256.clone(), sizes);
        let load = match self.loads.get(&key) {
            Some(known) => known.clone(),
            None => {
                let load = tried_apart(path, key.1.as_ref());
                self.loads.insert(key, load.clone());
                load
            }
        };
        let name = path.display().to_string();
        let load = load.map_err(|ended| EngineError::Inadmissible { name: name.clone(), ended })?;
        match &load.violation {
            Some(problem) => Err(EngineError::Invalid { name, problem: problem.clone() }),
            None => Ok(load),
        }
    }
}

/// Loads a file in a process of its own.
///
/// # Errors
/// The end of that process, and the remedy.
fn tried_apart(path: &Path, sizes: Option<&LoadSizes>) -> Result<FirstLoad, String> {
    let bounds = LoadBounds::from_environment()?;
    let executable = std::env::current_exe().map_err(|e| format!("cannot start: {e}"))?;
    let mut command = Command::new(executable);
    command.args([FIRST_LOAD_VERB, "--parent", &std::process::id().to_string()]);
    if let Some(sizes) = sizes {
        let sizes = serde_json::to_string(sizes).map_err(|e| format!("cannot start: {e}"))?;
        command.args(["--sizes", &sizes]);
    }
    command.arg("--").arg(path);
    let answer = run_to_end(command, LONGEST, None).map_err(|failure| ended(&failure, &bounds))?;
    serde_json::from_slice(&answer).map_err(|e| format!("gave no answer: {e}"))
}

/// The end of a process that did not load its model, for a person.
fn ended(failure: &ProcessFailure, bounds: &LoadBounds) -> String {
    match failure {
        ProcessFailure::Ended { said, .. } if said.contains(NO_MEMORY) => bounds.too_much(),
        ProcessFailure::Ended { said, .. } if said.contains(TOO_LONG) => {
            said[said.find(TOO_LONG).unwrap_or(0)..].to_string()
        }
        ProcessFailure::Ended { how, said } if said.is_empty() => format!("ended with {how}"),
        ProcessFailure::Ended { how, said } => format!("ended with {how}: {said}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_reads_as_its_cause() {
        #[track_caller]
        fn reads(said: &str, expected: &str) {
            let how = "signal: 6 (SIGABRT)".to_string();
            let failure = ProcessFailure::Ended { how, said: said.into() };
            let found = ended(&failure, &LoadBounds::from_environment().unwrap());
            assert!(found.starts_with(expected), "{found}");
        }
        reads("memory allocation of 99 bytes failed", "needs more memory than 512 MiB");
        reads("takes more than 6 s", "takes more than 6 s");
        reads("free(): invalid pointer", "ended with signal: 6 (SIGABRT): free(): invalid");
        reads("", "ended with signal: 6 (SIGABRT)");
    }
}
