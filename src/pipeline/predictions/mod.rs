//! Predictions of variants, their quality and their files.

mod answer_files;
mod instance_ledger;
mod robustness;
mod variant_evaluation;

pub use answer_files::{read_answers, write_answers};
pub use instance_ledger::{Instances, write_instances, write_instances_csv};
pub use robustness::evaluate_disturbed;
pub use variant_evaluation::{
    EvaluatedPredictions, EvaluationSetup, VariantEvaluation, evaluate_variants,
};
