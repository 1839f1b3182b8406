//! Errors of a whole job.

use crate::measure::JournalError;
use crate::measure::machine::MachineError;
use paring_core::schema::NewerSchema;
use std::path::PathBuf;

/// Errors of a whole job; a single block that fails is a record instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// The job file cannot be read.
    #[error("read job {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The job file is not a job.
    #[error("{} is not a job", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: serde_json::Error,
    },
    /// The job asks for what no machine can do.
    #[error("job {}: {problem}", path.display())]
    Absurd {
        /// The file.
        path: PathBuf,
        /// The problem.
        problem: String,
    },
    /// A newer paring wrote the job.
    #[error(transparent)]
    Schema(#[from] NewerSchema),
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The machine's settings cannot be changed or put back.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// This program cannot find itself to start blocks with.
    #[error("find this program's own file")]
    Executable(#[source] std::io::Error),
}
