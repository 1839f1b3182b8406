//! Runs against each other: which rows can be compared, how far they differ, and how sure that is.
//!
//! Each run's speed-ups stand beside its own baseline, measured in the same minute; between two runs
//! the machine may be another one for all we know. So what is compared is a variant's speed-up in one
//! run with its speed-up in the other, and what identical variants differ by between the runs is part
//! of every interval. Knows result files and journals, not how they came about.

mod external;
mod figures;
mod history;
mod judge;
mod pairs;
mod render;
mod source;
mod text;

pub use figures::{Basis, Compared, Comparison, Figures, Match, Series};
pub use judge::{Rules, compare};
pub use render::{comparison_csv, comparison_markdown};
pub use source::{CompareError, Source, SourceKind};
pub use text::comparison_table;
