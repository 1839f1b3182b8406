//! Errors of a ledger or a paring.

use std::path::PathBuf;

/// An error of the ledger. Messages name the file and the line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The file system failed.
    #[error("{doing} {}", path.display())]
    Io {
        /// `read`, `append to`, `write`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Entries are gone that a variant was made with.
    #[error("{} lacks the decisions that variant `{variant}` was made by: entries were lost; choose another --out", path.display())]
    Lost {
        /// The ledger.
        path: PathBuf,
        /// The variant.
        variant: String,
    },
    /// A line was changed after it was written.
    #[error("line {line} of {} failed the integrity check: {problem}", path.display())]
    Tampered {
        /// The file.
        path: PathBuf,
        /// Counting from 1.
        line: usize,
        /// The problem.
        problem: String,
    },
    /// A paring is gone.
    #[error("paring {} is missing: the tensors in it cannot be restored", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A paring's bytes are not those that its name says.
    #[error("{} failed the integrity check: its SHA-256 is not the one in its name", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A value has no canonical form.
    #[error("write an entry of {}", path.display())]
    Canonical {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: serde_json::Error,
    },
    /// A paring holds a tensor that cannot be stored.
    #[error("keep tensor `{tensor}` of a paring: {problem}")]
    Paring {
        /// The tensor.
        tensor: String,
        /// The problem with it.
        problem: String,
    },
}
