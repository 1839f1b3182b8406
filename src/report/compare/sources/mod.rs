//! Sources of a comparison: run directories, their results.csv alone, and other tools' files.

mod external_table;
mod row_figures;
mod source;
mod source_table;

pub use row_figures::RowFigures;
pub use source::{ComparedSource, SourceKind};
