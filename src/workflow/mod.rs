//! Use cases: one public function for each, from typed options to a typed result. Nothing here parses
//! what was typed or prints an answer; progress goes to the caller as [`ProgressEvent`]s.

// An error ends the use case: nothing is gained by keeping it small.
#![allow(clippy::result_large_err)]

mod bench;
mod boards;
mod compress;
mod doctor;
mod error;
mod evaluate;
mod explain;
mod file_schemas;
mod gate;
mod models;
mod open_run;
mod progress;
mod rederive;
mod report;
mod restore;
mod run;
mod runs;
mod signing;
mod targets;
mod variants;

pub use bench::{BenchOptions, bench, refuse_unmeasured};
pub use boards::{
    AddTargetOptions, AddedTarget, CardJob, CardOptions, PatternsOption, PrepareOptions,
    PreparedCardImage, ProbeOptions, RunnerOptions, TargetList, WirelessOptions, add_target,
    check_targets, clean_targets, compare_card, inventory_file, list_targets, one_target,
    open_card, prepare_card_image, probe, remove_target, rename_target, run_program, write_card,
};
pub use compress::{CompressOptions, CompressResult, compress};
pub use doctor::{DoctorOptions, doctor};
pub use error::WorkflowError;
pub use evaluate::{EvaluateOptions, EvaluationResult, ModelEvaluation, evaluate};
pub use explain::{ExplainOptions, ExplainResult, explain};
pub use file_schemas::{TomlFileKind, file_schema};
pub use gate::{
    GateOptions, GateRestoreOptions, GateResult, MeasuredCost, RestoreCost, gate, refuse_unmet,
    restore_until_pass,
};
pub use models::{
    CatalogOptions, DiffOptions, GradientOptions, InitOptions, LayerProfile, ModelSamples,
    ProfileOptions, SampleOptions, catalog, diff, export_advice, gradient, init, profile,
};
pub use open_run::sysfs_root;
pub use progress::{Progress, ProgressEvent, ProgressStage};
pub use rederive::{
    Rederivation, RederivationOutcome, RederiveOptions, RederivedVariant, rederive,
};
pub use report::{
    ComparedReport, ReportAnswer, ReportFormat, ReportOptions, WrittenReport, report, write_report,
};
pub use restore::{RestoreEvidence, RestoreExtent, RestoreOptions, RestoreResult, restore};
pub use run::{
    RunOptions, RunPlan, RunResult, TargetResult, TrainingEstimate, cancel_run, plan_run, run,
};
pub use runs::{
    AddedNote, CompareOptions, FailureRules, NoteOptions, PersonalRecords, RegimeOptions,
    RegimeResult, ShownRun, VerifiedRun, VerifiedSignatures, VerifyOptions, add_regime, compare,
    list_runs, note, refuse_changes, refuse_other_variants, sensitivity, show, verify,
    verify_signed_folder, verify_statement_file,
};
pub(crate) use signing::refuse_unapproved_models;
pub use signing::{
    ApproveOptions, AuditOptions, CardFormat, CardOfRunOptions, GivenApproval, NewKey, SignOptions,
    SignProtocolOptions, SignedRules, SignedRun, approval_states, approve, cards, data_card,
    new_key, sign, sign_protocol, trusted_keys, trusted_signers, write_audit,
};
pub(crate) use targets::{on_all, on_one};
pub use variants::{TargetMeasurement, VariantFailure, VariantResult};
