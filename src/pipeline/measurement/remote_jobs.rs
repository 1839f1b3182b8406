//! Runs as boards know them: under a name of their own, which stays when a run goes on.

use crate::pipeline::{Folders, PipelineError, read_json, replace_json};
use paring_boards::{
    RemoteJob, Target, TargetError, TargetEvent, TargetSession, TargetTransport, user_and_host_name,
};
use paring_core::files::ConfinedPath;
use paring_core::schema::{FileName, Job, Sha256Hex};
use std::path::Path;

/// Stops what [`crate::pipeline::measure()`] left to go on by itself.
///
/// # Errors
/// [`PipelineError`] where the board cannot be reached, or the agent does not end.
pub fn cancel(
    folders: &Folders,
    target: &Target,
    heard: &mut dyn FnMut(TargetEvent),
) -> Result<(), PipelineError> {
    let path = folders.journal(&target.name).join("job.json");
    let Some(job) =
        read_json::<Job>(&path).filter(|_| TargetSession::outlives_this_process(target))
    else {
        return Ok(());
    };
    with_remote(folders, target, &job, &mut |remote| {
        TargetSession::open(target, None, heard)?.cancel(remote)
    })
}

/// Does something with a job as a board knows it.
pub(in crate::pipeline) fn with_remote<T>(
    folders: &Folders,
    target: &Target,
    job: &Job,
    act: &mut dyn FnMut(&RemoteJob) -> Result<T, TargetError>,
) -> Result<T, PipelineError> {
    let folder = folders.journal(&target.name);
    let name = RemoteName::of(&folder, folders.root(), target.transport != TargetTransport::Local)?;
    let failed = |source| PipelineError::Target { target: target.name.clone(), source };
    act(&name.remote(job, &folder, &folder.join("blocks.jsonl"))).map_err(failed)
}

/// Name of a run on a board, kept whenever it goes on.
#[derive(serde::Serialize, serde::Deserialize)]
pub(in crate::pipeline) struct RemoteName {
    #[serde(deserialize_with = "FileName::checked")]
    job: String,
    owner: String,
}

impl RemoteName {
    /// The name of the job of a run at `root` whose files lie in `folder`, kept there where that is
    /// wanted.
    pub(in crate::pipeline) fn of(
        folder: &ConfinedPath,
        root: &Path,
        kept: bool,
    ) -> Result<Self, PipelineError> {
        let named = folder.join("remote.json");
        // It becomes a folder's name on the board, and a run directory may be anybody's.
        let plain = |known: &Self| known.job.chars().all(|c| c.is_ascii_hexdigit());
        if let Some(known) = read_json(&named).filter(plain) {
            return Ok(known);
        }
        let fresh = Self::fresh(root);
        if kept {
            replace_json(&named, &fresh)?;
        }
        Ok(fresh)
    }

    /// The job under this name.
    pub(in crate::pipeline) fn remote<'a>(
        &'a self,
        job: &'a Job,
        folder: &'a Path,
        journal: &'a Path,
    ) -> RemoteJob<'a> {
        RemoteJob { id: &self.job, owner: &self.owner, job, folder, journal }
    }

    fn fresh(root: &Path) -> Self {
        let root = root.canonicalize().unwrap_or_else(|_| root.to_path_buf());
        let owner = format!("{}, {}", user_and_host_name(), root.display());
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
        let job = Sha256Hex::of(format!("{owner} {now}").as_bytes()).short().to_string();
        RemoteName { job, owner }
    }
}
