//! Errors of datasets.

use paring_agent::arrays::InputNeedError;
use std::path::PathBuf;

/// Errors of datasets.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The path leads nowhere.
    #[error("no data at {}: no file or folder is there", .0.display())]
    Absent(PathBuf),
    /// The file cannot be read.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An array is not there.
    #[error("{} has no array `{name}`; it has {}", path.display(), list(found))]
    NoArray {
        /// The file.
        path: PathBuf,
        /// The requested name.
        name: String,
        /// The present value.
        found: Vec<String>,
    },
    /// An array has an element type that cannot be read.
    #[error("array `{name}` of {} has the element type {descriptor}; save it as bool, int8, uint8, int32, int64, float32 or float64", path.display())]
    Element {
        /// The file.
        path: PathBuf,
        /// The array.
        name: String,
        /// NumPy's descriptor.
        descriptor: String,
    },
    /// An array is damaged.
    #[error("array `{name}` of {} cannot be read", path.display())]
    Array {
        /// The file.
        path: PathBuf,
        /// The array.
        name: String,
        /// The cause.
        source: std::io::Error,
    },
    /// An array is stored in next to nothing: reading it would fill the memory.
    #[error(
        "array `{name}` of {} expands from {stored} to {bytes} bytes, more than {most}-fold; if that is right, save it uncompressed (numpy.savez) or in a smaller type",
        path.display()
    )]
    Expands {
        /// The file.
        path: PathBuf,
        /// The array.
        name: String,
        /// Bytes of the array.
        bytes: u64,
        /// Its bytes in the file.
        stored: u64,
        /// The most that one byte may become.
        most: u64,
    },
    /// An array holds nothing.
    #[error("array `{name}` of {} is empty: its shape is {shape:?}", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// The array.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// An array does not fit the model.
    #[error("{}", path.display())]
    Need {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: InputNeedError,
    },
    /// Arrays that should have one entry a sample do not.
    #[error("array `{name}` of {} has {found} entries for {samples} samples", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// The array.
        name: String,
        /// Its entries.
        found: usize,
        /// The samples.
        samples: usize,
    },
    /// A column of integers holds something else.
    #[error("array `{name}` of {} must be one-dimensional and hold whole numbers", path.display())]
    NotIntegers {
        /// The file.
        path: PathBuf,
        /// The array.
        name: String,
    },
    /// An input holds NaN or infinity.
    #[error("array `{name}` of {} holds a value that is not finite, first in sample {sample}", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The array.
        name: String,
        /// The first such sample.
        sample: usize,
    },
    /// A folder's table or an image is unusable.
    #[error("{}: {problem}", path.display())]
    Folder {
        /// The file.
        path: PathBuf,
        /// The problem, and what to do.
        problem: String,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".into() } else { format!("`{}`", names.join("`, `")) }
}
