//! What people and other programs read: the CSV and the terminal's table.
//!
//! Derived from records, replaced as a whole, never a source of anything.

mod csv;
mod notes;
mod quality;
mod results;
mod terminal;

pub use csv::{ReportError, results_csv};
pub use quality::{evaluation_line, evaluation_text};
pub use results::{Row, RunFacts};
pub use terminal::{results_table, seconds};
