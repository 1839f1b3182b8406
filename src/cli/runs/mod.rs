//! Verbs about run directories.

mod compare;
mod compare_args;
mod explain;
mod explain_args;
mod list;
mod note;
mod regime;
mod report;
mod sensitivity;
mod show;

pub(super) use compare_args::CompareArgs;
pub(super) use explain_args::ExplainArgs;
pub(super) use list::ListArgs;
pub(super) use note::NoteArgs;
pub(super) use regime::RegimeArgs;
pub(super) use report::ReportArgs;
pub(super) use sensitivity::SensitivityArgs;
pub(super) use show::ShowArgs;
