//! Reasons for which a block cannot be measured.

use crate::arrays::InputsError;
use crate::engine::EngineError;
use paring_core::schema::{MissingReason, Sha256Hex};
use std::path::PathBuf;

/// Errors of measuring a block.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
    /// The engine failed.
    #[error("measure `{model}`")]
    Engine {
        /// The variant.
        model: String,
        /// The cause.
        source: EngineError,
    },
    /// The inputs cannot be read.
    #[error("read the job's inputs")]
    Inputs(#[from] InputsError),
    /// A file is not the one the job names.
    #[error("{} has SHA-256 {found}, the job says {expected}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Its hash.
        found: Sha256Hex,
        /// The hash in the job.
        expected: Sha256Hex,
    },
    /// A file of the job cannot be read.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The job has no such model, or no inputs.
    #[error("the job has no {0}")]
    Absent(&'static str),
    /// There is no energy.
    #[error("read energy: {}", .0.0)]
    Energy(MissingReason),
    /// One side of a pair failed.
    #[error("measure a pair")]
    Side(#[source] EngineError),
    /// The process with the other side of a pair failed.
    #[error("the process with the baseline: {how}")]
    Partner {
        /// The event.
        how: String,
        /// The cause, where there is another.
        source: Option<std::io::Error>,
    },
    /// The process cannot be kept on the processors that the rules name.
    #[error("keep the process on the processors {0:?}")]
    Affinity(Vec<usize>, #[source] std::io::Error),
}
