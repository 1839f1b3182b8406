//! The gate's verdicts for people and for CI: lines on the terminal, a table of requirements, JUnit.

mod cell_text;
mod gate_junit;
mod gate_lines;
mod requirement_rows;
mod restoration_text;
mod scenario;

pub use cell_text::subject as requirement_case;
pub use gate_junit::gate_junit;
pub use gate_lines::{gate_lines, gate_sentence, undecidable_line};
pub(in crate::report) use requirement_rows::{REQUIREMENT_COLUMNS, requirement_rows};
pub use restoration_text::{VariantRestoration, restoration_text};
pub(in crate::report) use scenario::scenario_sentences;
