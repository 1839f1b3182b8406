//! Runs against each other: which rows can be compared, how far they differ, and how sure that is.
//!
//! Each run's speed-ups stand beside its own baseline, measured in the same minute; between two runs
//! the machine may be another one for all we know. So what is compared is a variant's speed-up in one
//! run with its speed-up in the other, and what identical variants differ by between the runs is part
//! of every interval. Quality, size, memory and energy are compared beside it. Knows result files, journals
//! and answers, not how they came about.

mod compare_error;
mod comparison;
mod comparison_markdown;
mod comparison_table;
mod figures;
mod regression_history;
mod row_matching;
mod sources;
mod speedup_change;

pub use compare_error::CompareError;
pub use comparison::{ChangeBasis, ComparedVariant, RowMatch, RunComparison, SpeedupSeries};
pub use comparison_markdown::comparison_markdown;
pub use comparison_table::comparison_table;
pub use figures::{
    ComparedFigure, FigureBasis, FigureChange, FigureVerdict, KeptAnswers, UnjudgedFigure,
    unjudged, worsened,
};
pub use row_matching::ComparisonRules;
pub use sources::{ComparedSource, RowFigures, SourceKind};
pub use speedup_change::compare;
