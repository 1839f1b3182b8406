//! Verbs about run directories.

mod compare;
mod compare_args;
mod explain;
mod explain_args;
mod note;
mod report;
mod sensitivity;
mod verify;

pub(super) use compare_args::CompareArgs;
pub(super) use explain_args::ExplainArgs;
pub(super) use note::NoteArgs;
pub(super) use report::ReportArgs;
pub(super) use sensitivity::SensitivityArgs;
pub(super) use verify::VerifyArgs;
