//! Errors of use cases. An exit code can be told from each without reading its text.

use crate::evaluate::{AttackError, MetricNeedsLabels, OutputError, PredictError, SampleMismatch};
use crate::ledger::LedgerError;
use crate::pipeline::PipelineError;
use crate::report::{CompareError, ReportError};
use crate::study::{StudyError, VerifyError};
use paring_agent::arrays::{InputNeedError, InputsError, UnknownSizes};
use paring_agent::engine::EngineError;
use paring_boards::flash::FlashError;
use paring_boards::{InventoryError, ProfileError, TargetError};
use paring_compress::CompressError;
use paring_compress::catalog::CatalogError;
use paring_core::error_chain::error_chain;
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
    /// An array does not fit a model's input.
    #[error(transparent)]
    Input(#[from] InputNeedError),
    /// Inputs of a run cannot be read.
    #[error(transparent)]
    Inputs(#[from] InputsError),
    /// Dimensions of random inputs are neither fixed nor given.
    #[error(transparent)]
    Sizes(#[from] UnknownSizes),
    /// A metric that says nothing without labels.
    #[error(transparent)]
    NeedsLabels(#[from] MetricNeedsLabels),
    /// The output with the scores cannot be told.
    #[error("{}", model.display())]
    ModelOutput {
        /// The model's file.
        model: PathBuf,
        /// The cause.
        source: OutputError,
    },
    /// A model has other samples than the first.
    #[error("{}", model.display())]
    OtherSamples {
        /// Its file.
        model: PathBuf,
        /// The cause.
        source: SampleMismatch,
    },
    /// Arrays cannot be laid out as samples.
    #[error(transparent)]
    Samples(Box<dyn std::error::Error + Send + Sync>),
    /// Disturbed inputs cannot be asked about.
    #[error(transparent)]
    Robustness(PredictError),
    /// A model cannot be attacked along its gradients.
    #[error("attack {} along its gradients", model.display())]
    Attack {
        /// Its file.
        model: PathBuf,
        /// The cause.
        source: AttackError,
    },
    /// The inventory of targets.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// The profile of a board.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A card, or an image for one.
    #[error(transparent)]
    Flash(#[from] FlashError),
    /// Components that cannot be judged.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A step, or a comparison of models.
    #[error(transparent)]
    Compress(#[from] CompressError),
    /// Runs and tables to compare.
    #[error(transparent)]
    Compare(#[from] CompareError),
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
    /// A model's file cannot be hashed.
    #[error(transparent)]
    HashModel(std::io::Error),
    /// A folder for temporary files cannot be made.
    #[error(transparent)]
    TemporaryFolder(std::io::Error),
    /// A folder cannot be made.
    #[error("create {}", path.display())]
    CreateFolder {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A file that was named cannot be read.
    #[error("read {}", path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A key cannot be used.
    #[error("{}", path.display())]
    Key {
        /// Its file.
        path: PathBuf,
        /// The cause.
        source: paring_signing::KeyError,
    },
    /// A file that was asked for cannot be written.
    #[error("write {}", path.display())]
    WriteFile {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// No step of a run measured precisions.
    #[error(
        "{} has no measured precisions: it has no step `{{ quantize = \"int8\", layers = \"measured\" }}`, or was not made", .0.display()
    )]
    NoPrecisionTables(PathBuf),
    /// Variants became slower, larger or less accurate.
    #[error("worse than before: {0}")]
    Regressions(String),
    /// A variant is not approved, and the study asks for that.
    #[error(
        "variant `{variant}` must not go to `{target}`: {lacking}; `paring approve` approves it, as `require_approval` under [protocol] asks"
    )]
    NotApproved {
        /// The variant.
        variant: String,
        /// The target.
        target: String,
        /// The lack.
        lacking: String,
    },
    /// An audit cannot be signed.
    #[error("sign the audit")]
    Audit(#[source] paring_signing::SignatureError),
    /// Variants could not be made again.
    #[error("not made again, so not verified: `{0}`")]
    NotMadeAgain(String),
    /// Variants do not meet the protocol's requirements.
    #[error("requirements not met: {0}")]
    RequirementsUnmet(String),
    /// Rows could not be compared.
    #[error("not compared: {0}")]
    Incomparable(String),
    /// A board cannot be cleaned.
    #[error("target `{target}`")]
    Clean {
        /// The board.
        target: String,
        /// The cause.
        source: TargetError,
    },
    /// There is no working directory.
    #[error(transparent)]
    WorkingDirectory(std::io::Error),
    /// Files that a program reads cannot be found.
    #[error(transparent)]
    ProgramFiles(TargetError),
    /// A board did not run a program.
    #[error(transparent)]
    RunProgram(TargetError),
    /// A program cannot be started here.
    #[error("run {}", path.display())]
    StartProgram {
        /// The program.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
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
    /// A model was not measured.
    #[error("model `{model}` was not measured: {reason}")]
    ModelNotMeasured {
        /// Its name.
        model: String,
        /// The reason.
        reason: String,
        /// True where a model cannot even be opened.
        unusable: bool,
    },
    /// No layer of a model was timed.
    #[error("{} on `{target}`: {reason}", model.display())]
    NoLayerTimes {
        /// The model's file.
        model: PathBuf,
        /// The target.
        target: String,
        /// The reason.
        reason: String,
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

impl WorkflowError {
    /// True where a user's interrupt ended the work.
    pub fn is_interrupt(&self) -> bool {
        matches!(
            self,
            WorkflowError::Interrupted
                | WorkflowError::Stopped
                | WorkflowError::Target(TargetError::Interrupted)
                | WorkflowError::Pipeline(PipelineError::Target {
                    source: TargetError::Interrupted,
                    ..
                })
        )
    }

    /// The error and its causes in one line.
    pub fn with_causes(&self) -> String {
        error_chain(self)
    }
}

impl From<LedgerError> for WorkflowError {
    fn from(error: LedgerError) -> Self {
        WorkflowError::Pipeline(error.into())
    }
}
