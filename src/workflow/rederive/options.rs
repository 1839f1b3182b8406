//! Options of making variants again.

use std::path::PathBuf;

/// A run whose variants are to be made again. That it holds in itself is known before.
#[derive(Clone, Debug)]
pub struct RederiveOptions {
    /// The run directory.
    pub run: PathBuf,
    /// The baseline's file, as the second party has it.
    pub baseline: PathBuf,
    /// The data of the study, where the second party has them.
    pub data: Option<PathBuf>,
    /// The variants; all where none is named.
    pub variants: Vec<String>,
}
