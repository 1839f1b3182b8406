//! From recipes to variants, from variants to quality and measurements: each cached by content.
//!
//! Knows records and folders, not the study file that names them.

mod ablations;
mod admission;
mod conformance;
mod error;
mod experiments;
mod forecast;
mod measurement;
mod mixed_precision;
mod panic_isolation;
mod predictions;
mod restoring;
mod run_files;
mod tuning;
mod variants;

pub use ablations::{
    AblationSetup, ComponentAblation, CriterionAgreement, CriterionComparison, CriterionVerdict,
    ablate, compare_criteria,
};
pub use admission::{FIRST_LOAD_VERB, LoadSizes, admit, first_load};
pub use conformance::{
    conformance, conformance_path, keep_conformance, known_conformance, refusal,
};
pub use error::PipelineError;
pub use experiments::{
    DisturbedExperiments, ExperimentRequest, ExperimentRunner, TriedRecipe, measured_experiments,
    recorded, rehearse,
};
pub use forecast::{
    ForecastBasis, ForecastBudget, Forecaster, HERE, add_outcomes, forecaster, of_all_kinds,
    read_outcomes, removal,
};
pub use measurement::{
    LayerTables, MeasurementExtent, MeasurementPlan, TargetJournal, TargetMeasurements, TimedModel,
    TimingRounds, VariantMeasurement, attributed, cancel, kept_times_by_node, layers, measure,
    recorded_nodes, times_by_node,
};
pub use mixed_precision::{RecordedDivergence, precision_tables, recorded_divergences};
pub use panic_isolation::{attempt, attempt_on};
pub use predictions::{
    EvaluatedPredictions, EvaluationSetup, Instances, VariantEvaluation, evaluate_disturbed,
    evaluate_variants, read_answers, write_answers, write_instances, write_instances_csv,
};
pub use restoring::{
    QuantizationTuning, RecordedStep, StepTuning, check_decisions, quantization_tunings,
    recorded_steps, undone, unpruned, whole_file, with_components,
};
pub use run_files::{
    ColumnValues, ExternalModel, Folders, ParquetError, TableColumn, ancestry, parquet_table,
    place, read_json, replace, replace_json, runs_once, variant_names, variant_record,
};
pub use variants::{
    BASELINE, BaselineEstimates, Recipe, RecipeContext, RecipeInputs, RunRecords, TrialMachines,
    baseline, make,
};
