//! Answers that a run keeps, with the task that they are answers to, as the study in its folder says.

use super::sections::{self, ClassShares, task_settings};
use crate::pipeline::Folders;
use crate::report::KeptAnswers;
use std::path::Path;

/// The answers of the run in `run`; `None` where it keeps no study that can be read.
pub fn kept_answers(run: &Path) -> Option<KeptAnswers> {
    let bytes = Folders::new(run).root().join("study.toml").read().ok()?;
    let file = sections::parse(&String::from_utf8(bytes).ok()?).ok()?;
    let settings = task_settings(&file.task).ok()?;
    Some(KeptAnswers {
        run: run.to_path_buf(),
        task: settings.labelled_task,
        grouped: file.data.group.is_some(),
        fixed_class_shares: file.data.class_shares == ClassShares::Fixed,
    })
}
