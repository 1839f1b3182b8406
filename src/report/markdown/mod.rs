//! Markdown for pull requests: report.md of runs, and the pieces it is made of.
//!
//! A name of a model, a study or a board is code, or its marks are escaped: it forms no table, no link,
//! no markup, and calls nobody.

mod explanation_sections;
mod markdown_text;
mod report_md;
mod results_rows;

pub(super) use markdown_text::{code, table, text};
pub use report_md::report_md;
pub(super) use results_rows::{FIGURES, figure_cells};
