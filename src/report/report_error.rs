//! The error of encoding a report file.

use crate::pipeline::ParquetError;

/// A report file could not be encoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The encoder failed.
    #[error("encode results.csv")]
    Csv(#[from] csv::Error),
    /// Its buffer could not be taken.
    #[error("encode results.csv")]
    Buffer(#[source] std::io::Error),
    /// The template of report.html could not be filled in.
    #[error("write report.html")]
    Html(#[from] askama::Error),
    /// A cell of a table is not what its column holds.
    #[error("`{value}` is no value of the column {column}")]
    Cell {
        /// The column.
        column: &'static str,
        /// The cell's text.
        value: String,
    },
    /// The encoder of Parquet failed.
    #[error("encode a Parquet table")]
    Parquet(#[source] ParquetError),
    /// A record has no canonical form.
    #[error("encode the report as JSON")]
    Json(#[source] serde_json::Error),
}
