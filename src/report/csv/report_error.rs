//! The error of encoding a report file.

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
}
