//! Use case of evaluating models on a dataset.

mod board_answers;
mod insight;
mod options;
mod run;

pub use options::EvaluateOptions;
pub use run::{EvaluationResult, ModelEvaluation, evaluate};
