//! State of a board and of a job, as the agent reports it.

use crate::schema::Sha256Hex;
use serde::{Deserialize, Serialize};

/// Holder of a board: it stands in the file by whose lock a board belongs to one at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoardHolder {
    /// The agent's process.
    pub pid: i32,
    /// For whom it works.
    pub owner: String,
    /// The job's folder.
    pub job: String,
    /// The job.
    pub job_sha256: Sha256Hex,
    /// Since when, RFC 3339, by the board's clock.
    pub since: String,
}

/// State of a job, kept beside its journal and overwritten in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobState {
    /// Format version.
    pub schema: u32,
    /// The job that was started last.
    pub job_sha256: Sha256Hex,
    /// Blocks that are settled.
    pub done: usize,
    /// Blocks of the schedule.
    pub total: usize,
    /// Its end; `None` while it runs, and after a crash or a power cut.
    pub ended: Option<JobEnding>,
}

/// End of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobEnding {
    /// Nothing of it is left to do.
    Done,
    /// It cannot go on.
    Failed(String),
}

/// An agent's answer to the question where a job stands. In a `status` answer so many bytes of the
/// journal follow it as it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobStatus {
    /// Format version.
    pub schema: u32,
    /// Holder of the board now.
    pub holder: Option<BoardHolder>,
    /// State of the job; `None` before its first start.
    pub state: Option<JobState>,
    /// Bytes of the journal that follow: whole lines.
    pub follows: usize,
}

impl JobStatus {
    /// True if this job runs.
    pub fn runs(&self, job: &str) -> bool {
        self.holder.as_ref().is_some_and(|holder| holder.job == job)
    }
}
