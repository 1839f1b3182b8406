//! Use cases: one public function for each, from typed options to a typed result. Nothing here parses
//! what was typed or prints an answer; progress goes to the caller as [`ProgressEvent`]s.

// An error ends the use case: nothing is gained by keeping it small.
#![allow(clippy::result_large_err)]

mod bench;
mod boards;
mod error;
mod evaluate;
mod models;
mod progress;
mod runs;
mod targets;

pub use bench::{BenchOptions, bench, refuse_unmeasured};
pub use boards::{
    AddTargetOptions, AddedTarget, CardJob, CardOptions, PatternsOption, PrepareOptions,
    PreparedCardImage, ProbeOptions, RunnerOptions, TargetList, WirelessOptions, add_target,
    check_targets, clean_targets, compare_card, inventory_file, list_targets, one_target,
    open_card, prepare_card_image, probe, run_program, write_card,
};
pub use error::WorkflowError;
pub use evaluate::{EvaluateOptions, EvaluationResult, ModelEvaluation, evaluate};
pub use models::{
    CatalogOptions, DiffOptions, InitOptions, LayerProfile, ModelSamples, ProfileOptions,
    SampleOptions, catalog, diff, init, profile,
};
pub use progress::{Progress, ProgressEvent, Stage};
pub use runs::{
    AddedNote, CompareOptions, FailureRules, NoteOptions, VerifyOptions, compare, note,
    refuse_changes, sensitivity, verify,
};
pub(crate) use targets::{on_all, on_one};
