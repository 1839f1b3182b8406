//! Use case of evaluating models on a dataset.

mod answered_model;
mod attacks;
mod board_answers;
mod insight;
mod options;
mod run;

pub(super) use board_answers::{BoundModel, largest_difference};
pub(super) use insight::{InsightSubject, ModelInsight};
pub use options::EvaluateOptions;
pub use run::{EvaluationResult, ModelEvaluation, evaluate};
