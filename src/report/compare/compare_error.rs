//! Errors of reading what is compared.

use paring_agent::measure::JournalError;
use paring_core::schema::NewerSchema;
use std::path::PathBuf;

/// Errors of reading a source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// It cannot be read.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: csv::Error,
    },
    /// A folder that is no finished run.
    #[error("{} has no results.csv; give a run directory that `paring run` or `paring bench` finished", .0.display())]
    NoResults(PathBuf),
    /// A table that nobody knows.
    #[error("{} is neither a results.csv nor another engine's table: {problem}", path.display())]
    Columns {
        /// The file.
        path: PathBuf,
        /// The missing column.
        problem: String,
    },
    /// A table without rows.
    #[error("{} has no rows", .0.display())]
    Empty(PathBuf),
    /// A cell that is not what its column says.
    #[error("{} line {line}: `{value}` is no usable {column}", path.display())]
    Cell {
        /// The file.
        path: PathBuf,
        /// Counting from 1, the header being 1.
        line: usize,
        /// The column.
        column: String,
        /// The cell's text.
        value: String,
    },
    /// A newer paring wrote it.
    #[error("read {}", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: NewerSchema,
    },
    /// The run's journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Fewer than two.
    #[error("nothing to compare with: give two or more run directories or CSV files")]
    Alone,
}
