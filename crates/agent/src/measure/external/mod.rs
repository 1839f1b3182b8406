//! Other engines: programs that run a model beside tract, their protocol, and their answers.

mod answer_agreement;
mod engine_messages;
mod engine_process;
mod engine_program_error;

pub(super) use answer_agreement::answer_agreement;
pub(super) use engine_messages::{EngineModel, EngineOutput};
pub(super) use engine_process::EngineProcess;
pub(crate) use engine_program_error::EngineProgramError;
