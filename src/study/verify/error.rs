//! Findings of the check of a run directory.

use crate::study::run::WRITING_FILE;

/// The first thing that does not hold.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// There is no run, or one of an older version.
    #[error("cannot verify {}: {problem}", path.display())]
    Unverifiable {
        /// The folder.
        path: std::path::PathBuf,
        /// The missing part.
        problem: String,
    },
    /// A file's content is not the recorded one.
    #[error("{file}: {problem}")]
    Broken {
        /// The file in the run.
        file: String,
        /// The difference.
        problem: String,
    },
}

impl VerifyError {
    /// True where the only finding is that a verb was killed in the run.
    pub fn is_interruption(&self) -> bool {
        matches!(self, VerifyError::Broken { file, .. } if file == WRITING_FILE)
    }

    pub(in crate::study) fn broken(
        file: impl Into<String>,
        problem: impl Into<String>,
    ) -> VerifyError {
        VerifyError::Broken { file: file.into(), problem: problem.into() }
    }
}
