//! From recipes to variants, from variants to quality and measurements: each cached by content.
//!
//! Knows records and folders, not the study file that names them.

mod admission;
mod alignment;
mod answers;
mod attempt;
mod conformance;
mod contents;
mod costs;
mod error;
mod experiments;
mod files;
mod folders;
mod forecast;
mod given;
mod layers;
mod machine;
mod measure;
mod meter;
mod precision;
mod predictions;
mod quality;
mod race;
mod recipe;
mod records;
mod replay;
mod remote;
mod restore;
mod tune;
mod timing;
mod track;
mod stress;
mod validity;
mod variants;

pub use admission::{FIRST_LOAD_VERB, LoadSizes, admit, first_load};
pub use answers::{read_answers, write_answers};
pub use attempt::{attempt, attempt_on};
pub use conformance::{
    conformance, conformance_path, keep_conformance, known_conformance, refusal,
};
pub use costs::attributed;
pub use error::PipelineError;
pub use experiments::{ExperimentRequest, ExperimentRunner, measured_experiments, recorded};
pub use files::{read_json, replace, replace_json};
pub use folders::Folders;
pub use forecast::{
    ForecastBasis, ForecastBudget, Forecaster, HERE, forecaster, of_all_kinds, removal,
};
pub use given::{ExternalModel, place, runs_once};
pub use layers::{LayerTables, kept_nodes, layers};
pub use measure::{
    MeasurementExtent, MeasurementPlan, TargetJournal, TargetMeasurements, VariantMeasurement,
    measure,
};
pub use precision::precision_tables;
pub use predictions::{Instances, write_instances, write_instances_csv};
pub use quality::{EvaluatedPredictions, EvaluationSetup, VariantEvaluation, evaluate_variants};
pub use recipe::{BASELINE, Context, Recipe};
pub use records::{ancestry, variant_names, variant_record};
pub use remote::cancel;
pub use replay::rehearse;
pub use restore::{
    RecordedStep, check_decisions, recorded_steps, undone, unpruned, whole_file, with_components,
};
pub use stress::evaluate_disturbed;
pub use timing::{TimedModel, TimingRounds, kept_times_by_node, times_by_node};
pub use track::{add_outcomes, read_outcomes};
pub use variants::{baseline, make};
