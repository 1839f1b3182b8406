//! Errors on the way from a recipe to its numbers.

use crate::evaluate::{AttackError, PredictError, SampleMismatch};
use crate::ledger::LedgerError;
use paring_agent::engine::EngineError;
use paring_agent::measure::JournalError;
use paring_boards::TargetError;
use paring_compress::{CompressError, UndoError};
use paring_core::schema::Sha256Hex;
use paring_onnx::graph::GraphError;
use std::path::PathBuf;

/// An error of the pipeline. Messages name the variant or the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// A step failed.
    #[error("make variant `{variant}`, step `{step}`")]
    Step {
        /// The variant.
        variant: String,
        /// The step.
        step: String,
        /// The cause.
        source: Box<CompressError>,
    },
    /// A variant is no valid ONNX model.
    #[error("make variant `{variant}`: it would not be a valid ONNX model; please report it")]
    Invalid {
        /// The variant.
        variant: String,
        /// The problem.
        source: Box<paring_onnx::graph::Violation>,
    },
    /// A step cannot be taken back.
    #[error("take back the steps of variant `{variant}`")]
    Undo {
        /// The variant.
        variant: String,
        /// The cause.
        source: UndoError,
    },
    /// A model cannot be read or written.
    #[error("variant `{variant}`")]
    Graph {
        /// The variant.
        variant: String,
        /// The cause.
        source: GraphError,
    },
    /// The engine cannot run a variant.
    #[error("variant `{variant}`")]
    Engine {
        /// The variant.
        variant: String,
        /// The cause.
        source: EngineError,
    },
    /// A variant's answers cannot be used.
    #[error("evaluate variant `{variant}`")]
    Predict {
        /// The variant.
        variant: String,
        /// The cause.
        source: PredictError,
    },
    /// A variant cannot be attacked along its gradients.
    #[error(
        "attack variant `{variant}` along its gradients (leave out `attack` under [robustness] to go without)"
    )]
    Attack {
        /// The variant.
        variant: String,
        /// The cause.
        source: Box<AttackError>,
    },
    /// A variant's work broke off.
    #[error("variant `{variant}`: internal error: {said}")]
    Panicked {
        /// The variant.
        variant: String,
        /// The panic's message.
        said: String,
    },
    /// Work on a target broke off.
    #[error("target `{target}`: internal error: {said}")]
    TargetPanicked {
        /// The target.
        target: String,
        /// The panic's message.
        said: String,
    },
    /// A measured choice cannot be made again.
    #[error(
        "variant `{variant}` goes by measurements on `{on}`, and the run has no table of them for this model, these samples and this kind of machine"
    )]
    NotFrozen {
        /// The variant.
        variant: String,
        /// The target.
        on: String,
    },
    /// Two models were not asked about the same samples.
    #[error("compare variant `{variant}` with the baseline")]
    OtherSamples {
        /// The variant.
        variant: String,
        /// The cause.
        source: SampleMismatch,
    },
    /// Removals cannot be tried.
    #[error("learn the cost of removals")]
    Forecast(#[source] Box<CompressError>),
    /// Another tool made a variant.
    #[error(
        "variant `{0}` was made by another tool, so its steps cannot be replayed with less removed; `--all` restores the baseline"
    )]
    Foreign(String),
    /// A run has no such variant.
    #[error("the run has no variant `{name}`; it has `{known}`")]
    NoVariant {
        /// The name asked for.
        name: String,
        /// Names of the variants that there are.
        known: String,
    },
    /// A file is not the record that its name says.
    #[error("{} is not the record of a variant: {problem}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// The problem.
        problem: String,
    },
    /// A variant's file is not the one that its record describes.
    #[error(
        "{} is not the file that variant `{variant}` was recorded with: its hash is another, or its options are", path.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// The variant.
        variant: String,
    },
    /// A record names a decision that made something else.
    #[error(
        "decision {entry} of the ledger did not make variant `{variant}`, whose record names it"
    )]
    OtherDecision {
        /// The entry.
        entry: Sha256Hex,
        /// The variant.
        variant: String,
    },
    /// A variant is its own ancestor.
    #[error("variant `{variant}` is made from itself: `{parent}` stands twice among its parents")]
    Cycle {
        /// The variant.
        variant: String,
        /// The variant that stands there twice.
        parent: String,
    },
    /// Something cannot be put back that was never taken.
    #[error(
        "component `{id}` was not removed from variant `{variant}`; its record lists `components_removed`"
    )]
    NotRemoved {
        /// The component.
        id: String,
        /// The variant.
        variant: String,
    },
    /// A variant is made from one that does not exist.
    #[error("variant `{variant}` is made from `{parent}`, which was not made")]
    NoParent {
        /// The variant.
        variant: String,
        /// The parent that it names.
        parent: String,
    },
    /// A decision holds a figure that is no number, which no file can hold.
    #[error(
        "record the decision on `{coupling}`: a score or forecast is no number; check that the calibration samples give finite activations"
    )]
    NotANumber {
        /// The coupling or layer.
        coupling: String,
        /// The cause.
        source: serde_json::Error,
    },
    /// A decision in the ledger cannot be read.
    #[error("read decision {entry} of the ledger")]
    Decision {
        /// Its entry.
        entry: Sha256Hex,
        /// The cause.
        source: serde_json::Error,
    },
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The target.
    #[error("target `{target}`")]
    Target {
        /// Its name.
        target: String,
        /// The cause.
        source: TargetError,
    },
    /// A file of the run cannot be written or read.
    #[error("{doing} {}", path.display())]
    File {
        /// `read`, `write`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Predictions cannot be encoded.
    #[error("write {}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: parquet::errors::ParquetError,
    },
}

impl PipelineError {
    /// Refusals of a step that could do nothing, one by one.
    pub fn refusals(&self) -> &[(String, String)] {
        match self {
            PipelineError::Step { source, .. } => source.refusals(),
            _ => &[],
        }
    }

    /// True of an error in the model or the recipe of one variant, so that others can be made all
    /// the same; the ledger, the disk and the targets are everybody's.
    pub fn is_of_one_variant(&self) -> bool {
        match self {
            PipelineError::Step { .. }
            | PipelineError::Panicked { .. }
            | PipelineError::Invalid { .. }
            | PipelineError::NoParent { .. }
            | PipelineError::NotFrozen { .. }
            | PipelineError::Undo { .. }
            | PipelineError::Engine { .. } => true,
            PipelineError::Graph { source, .. } => !matches!(source, GraphError::Write { .. }),
            _ => false,
        }
    }

    /// A variant goes by measurements on a target that the run has no table of.
    pub(in crate::pipeline) fn not_frozen(variant: &str, on: &str) -> PipelineError {
        PipelineError::NotFrozen { variant: variant.to_string(), on: on.to_string() }
    }

    /// Wraps an input/output error.
    pub(crate) fn file(
        doing: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(std::io::Error) -> PipelineError {
        let path = path.to_path_buf();
        move |source| PipelineError::File { doing, path, source }
    }
}
