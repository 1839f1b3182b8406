//! Exit codes.

use crate::ledger::LedgerError;
use crate::pipeline::PipelineError;
use crate::study::{StudyError, VerifyError};
use crate::workflow::WorkflowError;
use paring_agent::engine::EngineError;
use paring_boards::flash::FlashError;
use paring_boards::{InventoryError, TargetError};
use paring_onnx::graph::GraphError;

/// Exit codes of the program; scripts may count on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// Something failed that is nobody's input: a full disk, a bug.
    Internal = 1,
    /// Usage or bad input.
    Input = 2,
    /// A target cannot be reached.
    Target = 3,
    /// A measurement failed.
    Measurement = 4,
    /// An integrity check failed, a requirement is not met, or a comparison found changes that are refused.
    Rejected = 5,
    /// It was interrupted.
    Interrupted = 130,
}

/// An error, and the code it ends the program with.
#[derive(Debug)]
pub struct CodedError {
    /// The code.
    pub code: ExitCode,
    /// The cause.
    pub error: anyhow::Error,
}

impl CodedError {
    /// An error with its code.
    pub fn new(code: ExitCode, error: impl Into<anyhow::Error>) -> Self {
        CodedError { code, error: error.into() }
    }
}

impl From<StudyError> for CodedError {
    fn from(error: StudyError) -> Self {
        CodedError::new(of_study(&error), error)
    }
}

impl From<PipelineError> for CodedError {
    fn from(error: PipelineError) -> Self {
        CodedError::new(of_pipeline(&error), error)
    }
}

impl From<WorkflowError> for CodedError {
    fn from(error: WorkflowError) -> Self {
        CodedError::new(of_workflow(&error), error)
    }
}

impl From<InventoryError> for CodedError {
    fn from(error: InventoryError) -> Self {
        CodedError::new(ExitCode::Input, error)
    }
}

impl From<EngineError> for CodedError {
    fn from(error: EngineError) -> Self {
        CodedError::new(ExitCode::Input, error)
    }
}

impl From<GraphError> for CodedError {
    fn from(error: GraphError) -> Self {
        CodedError::new(of_graph(&error), error)
    }
}

impl From<TargetError> for CodedError {
    fn from(error: TargetError) -> Self {
        CodedError::new(of_target(&error), error)
    }
}

fn of_workflow(error: &WorkflowError) -> ExitCode {
    match error {
        WorkflowError::Study(error) => of_study(error),
        WorkflowError::Pipeline(error) => of_pipeline(error),
        WorkflowError::Target(error) => of_target(error),
        WorkflowError::Graph(error) => of_graph(error),
        WorkflowError::Engine(_)
        | WorkflowError::Data(_)
        | WorkflowError::Input(_)
        | WorkflowError::Inputs(_)
        | WorkflowError::Sizes(_)
        | WorkflowError::NeedsLabels(_)
        | WorkflowError::ModelOutput { .. }
        | WorkflowError::OtherSamples { .. }
        | WorkflowError::Robustness(_)
        | WorkflowError::ModelNotMeasured { unusable: true, .. }
        | WorkflowError::Inventory(_)
        | WorkflowError::Profile(_)
        | WorkflowError::Catalog(_)
        | WorkflowError::Compress(_)
        | WorkflowError::Compare(_)
        | WorkflowError::Key { .. }
        | WorkflowError::ReadFile { .. }
        | WorkflowError::WriteFile { .. }
        | WorkflowError::NoPrecisionTables(_)
        | WorkflowError::WorkingDirectory(_)
        | WorkflowError::ProgramFiles(_)
        | WorkflowError::StartProgram { .. }
        | WorkflowError::Option(_)
        | WorkflowError::Predict { .. }
        | WorkflowError::Attack { .. }
        | WorkflowError::Incomplete(_)
        | WorkflowError::NotMadeAgain(_)
        | WorkflowError::StudyGone(_)
        | WorkflowError::NothingDecided(_)
        | WorkflowError::Verify(VerifyError::Unverifiable { .. }) => ExitCode::Input,
        WorkflowError::Report(_)
        | WorkflowError::Audit(_)
        | WorkflowError::CatchInterrupts(_)
        | WorkflowError::HashModel(_)
        | WorkflowError::Samples(_)
        | WorkflowError::TemporaryFolder(_)
        | WorkflowError::CreateFolder { .. } => ExitCode::Internal,
        WorkflowError::Verify(_)
        | WorkflowError::NotApproved { .. }
        | WorkflowError::NotRestored(_)
        | WorkflowError::Regressions(_)
        | WorkflowError::RequirementsUnmet(_)
        | WorkflowError::Incomparable(_) => ExitCode::Rejected,
        WorkflowError::Flash(error) => of_flash(error),
        WorkflowError::Clean { source, .. } => of_target(source),
        WorkflowError::RunProgram(error) => of_program(error),
        WorkflowError::Interrupted | WorkflowError::Stopped => ExitCode::Interrupted,
        WorkflowError::TargetWithoutRows { source, .. } => of_pipeline(source),
        WorkflowError::TargetPredict { .. }
        | WorkflowError::NotMeasured { .. }
        | WorkflowError::ModelNotMeasured { .. }
        | WorkflowError::NoLayerTimes { .. } => ExitCode::Measurement,
    }
}

fn of_study(error: &StudyError) -> ExitCode {
    match error {
        // Reading what was typed is the user's; writing the run is the machine's.
        StudyError::Io { doing, .. } if *doing != "read" => ExitCode::Internal,
        StudyError::Record(error) => of_pipeline(error),
        StudyError::Signature { .. } => ExitCode::Internal,
        _ => ExitCode::Input,
    }
}

fn of_pipeline(error: &PipelineError) -> ExitCode {
    match error {
        PipelineError::Step { .. }
        | PipelineError::NoParent { .. }
        | PipelineError::NotFrozen { .. }
        | PipelineError::NoVariant { .. }
        | PipelineError::NotRemoved { .. }
        | PipelineError::Foreign(_)
        | PipelineError::Forecast(_)
        | PipelineError::Engine { .. }
        | PipelineError::Attack { .. }
        | PipelineError::Predict { .. } => ExitCode::Input,
        PipelineError::Graph { source, .. } => of_graph(source),
        PipelineError::Record { .. }
        | PipelineError::Changed { .. }
        | PipelineError::OtherDecision { .. }
        | PipelineError::Cycle { .. } => ExitCode::Rejected,
        PipelineError::Ledger(
            LedgerError::Tampered { .. }
            | LedgerError::Changed { .. }
            | LedgerError::Missing { .. }
            | LedgerError::Lost { .. },
        ) => ExitCode::Rejected,
        PipelineError::Target { source, .. } => of_target(source),
        PipelineError::Journal(_) => ExitCode::Measurement,
        _ => ExitCode::Internal,
    }
}

fn of_target(error: &TargetError) -> ExitCode {
    match error {
        TargetError::Interrupted => ExitCode::Interrupted,
        TargetError::Unreachable { .. }
        | TargetError::Broken { .. }
        | TargetError::ShellChatter { .. }
        | TargetError::BoardInUse(_)
        | TargetError::Labgrid { .. } => ExitCode::Target,
        TargetError::NoAgent { .. }
        | TargetError::AgentHashMismatch { .. }
        | TargetError::NoBoard
        | TargetError::UnknownBoard(_)
        | TargetError::UnknownStudyTarget(_) => ExitCode::Input,
        _ => ExitCode::Measurement,
    }
}

/// The code of a program on a board: files and tools of this machine are the user's.
fn of_program(error: &TargetError) -> ExitCode {
    match error {
        TargetError::File { .. } | TargetError::RunProgram { .. } => ExitCode::Input,
        TargetError::Failed { .. }
        | TargetError::AnswerRefused { .. }
        | TargetError::AnswerTooLong { .. } => ExitCode::Measurement,
        TargetError::Interrupted => ExitCode::Interrupted,
        _ => ExitCode::Target,
    }
}

fn of_flash(error: &FlashError) -> ExitCode {
    match error {
        FlashError::Io { doing, .. } if *doing == "write" => ExitCode::Internal,
        FlashError::VerifyMismatch { .. } | FlashError::BlockMapChecksum { .. } => {
            ExitCode::Rejected
        }
        _ => ExitCode::Input,
    }
}

fn of_graph(error: &GraphError) -> ExitCode {
    match error {
        GraphError::Write { .. } => ExitCode::Internal,
        _ => ExitCode::Input,
    }
}
