//! Figures beside speed in two runs: quality, size, memory and energy, and verdicts on their changes.

mod figure_change;
mod figure_lines;
mod figure_verdicts;
mod quality_change;

pub use figure_change::{ComparedFigure, FigureBasis, FigureChange, FigureVerdict, UnjudgedFigure};
pub(super) use figure_lines::{FigureRow, figure_remarks, figure_rows, figures_table};
pub use figure_lines::{unjudged, worsened};
pub(super) use figure_verdicts::judge_figures;
pub use quality_change::KeptAnswers;
