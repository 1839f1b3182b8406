//! Errors of use cases. An exit code can be told from each without reading its text.

use crate::evaluate::PredictError;
use crate::ledger::LedgerError;
use crate::pipeline::PipelineError;
use crate::report::ReportError;
use crate::study::{StudyError, VerifyError};
use paring_agent::engine::EngineError;
use paring_boards::TargetError;
use paring_data::DataError;
use paring_onnx::graph::GraphError;
use std::path::PathBuf;

/// An error of a use case.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkflowError {
    /// The study or the run directory.
    #[error(transparent)]
    Study(#[from] StudyError),
    /// Making, evaluating or measuring a variant.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// A machine that measures.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A model's file.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The inference engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The dataset.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A table that people read.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A run directory is not what was written.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// An option cannot be used as it was given.
    #[error("{0}")]
    Option(String),
    /// A model cannot be asked for predictions.
    #[error("{}", model.display())]
    Predict {
        /// Its file.
        model: PathBuf,
        /// The cause.
        source: PredictError,
    },
    /// A board's predictions cannot be used.
    #[error("{} on `{target}`", model.display())]
    TargetPredict {
        /// The model's file.
        model: PathBuf,
        /// The board.
        target: String,
        /// The cause.
        source: PredictError,
    },
    /// Interrupts cannot be caught.
    #[error(transparent)]
    CatchInterrupts(std::io::Error),
    /// The user interrupted the work; boards go on by themselves.
    #[error("interrupted")]
    Interrupted,
    /// The user interrupted the work a second time, which stopped the boards.
    #[error("interrupted and stopped")]
    Stopped,
    /// A target was not measured at all.
    #[error("`{target}` has no rows")]
    TargetWithoutRows {
        /// The target.
        target: String,
        /// The cause.
        source: Box<PipelineError>,
    },
    /// A variant was not measured.
    #[error("variant `{variant}` was not measured: {reason}")]
    NotMeasured {
        /// The variant.
        variant: String,
        /// The reason.
        reason: String,
    },
    /// Variants were not made or not evaluated.
    #[error("{0}")]
    Incomplete(String),
    /// A run's study no longer lies where the run found it.
    #[error("the run's study {} is gone; name it with --study", .0.display())]
    StudyGone(PathBuf),
    /// A variant without decisions has nothing to be explained.
    #[error("variant `{0}` is its baseline: nothing was decided")]
    NothingDecided(String),
    /// A restored model differs from the baseline.
    #[error("initializer `{0}` is not the baseline's: the parings do not fit")]
    NotRestored(String),
}

impl From<LedgerError> for WorkflowError {
    fn from(error: LedgerError) -> Self {
        WorkflowError::Pipeline(error.into())
    }
}
