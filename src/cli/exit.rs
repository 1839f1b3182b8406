//! Exit codes.

use crate::ledger::LedgerError;
use crate::pipeline::PipelineError;
use crate::study::StudyError;
use paring_agent::engine::EngineError;
use paring_boards::TargetError;
use paring_onnx::graph::GraphError;

/// How the program ends. Scripts may count on these.
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
    /// What is kept is not what was written.
    Rejected = 5,
    /// It was interrupted.
    Interrupted = 130,
}

/// An error, and the code it ends the program with.
#[derive(Debug)]
pub struct Coded {
    /// The code.
    pub code: ExitCode,
    /// What went wrong.
    pub error: anyhow::Error,
}

impl Coded {
    /// An error with its code.
    pub fn new(code: ExitCode, error: impl Into<anyhow::Error>) -> Self {
        Coded { code, error: error.into() }
    }
}

impl From<StudyError> for Coded {
    fn from(error: StudyError) -> Self {
        let code = match &error {
            // Reading what was typed is the user's; writing the run is the machine's.
            StudyError::Io { doing, .. } if *doing != "read" => ExitCode::Internal,
            _ => ExitCode::Input,
        };
        Coded::new(code, error)
    }
}

impl From<PipelineError> for Coded {
    fn from(error: PipelineError) -> Self {
        let code = match &error {
            PipelineError::Step { .. }
            | PipelineError::NoParent { .. }
            | PipelineError::NoVariant { .. }
            | PipelineError::NotRemoved { .. }
            | PipelineError::Foreign(_)
            | PipelineError::Forecast(_)
            | PipelineError::Engine { .. }
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
        };
        Coded::new(code, error)
    }
}

impl From<EngineError> for Coded {
    fn from(error: EngineError) -> Self {
        Coded::new(ExitCode::Input, error)
    }
}

impl From<GraphError> for Coded {
    fn from(error: GraphError) -> Self {
        Coded::new(of_graph(&error), error)
    }
}

impl From<TargetError> for Coded {
    fn from(error: TargetError) -> Self {
        Coded::new(of_target(&error), error)
    }
}

fn of_target(error: &TargetError) -> ExitCode {
    match error {
        TargetError::Interrupted => ExitCode::Interrupted,
        TargetError::Unreachable { .. }
        | TargetError::Broken { .. }
        | TargetError::Chatter { .. }
        | TargetError::Held(_)
        | TargetError::Farm { .. } => ExitCode::Target,
        TargetError::NoAgent { .. }
        | TargetError::SpoiltAgent { .. }
        | TargetError::NoBoard
        | TargetError::Unknown(_)
        | TargetError::Unnamed(_) => ExitCode::Input,
        _ => ExitCode::Measurement,
    }
}

fn of_graph(error: &GraphError) -> ExitCode {
    match error {
        GraphError::Write { .. } => ExitCode::Internal,
        _ => ExitCode::Input,
    }
}
