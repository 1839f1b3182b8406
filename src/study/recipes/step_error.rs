//! Errors of variants and their steps: the key, its place in the file, and what is wrong with it.

use crate::study::StudyError;
use std::path::Path;

/// An error in a step: of one key, or of the step as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StepError {
    /// Place in the study's text, in bytes; `None` for a step without keys.
    pub(super) offset: Option<usize>,
    /// The problem.
    pub(super) problem: String,
    /// The key that was probably meant, or the known ones.
    pub(super) hint: Option<String>,
    /// True where no kind of step has the key.
    pub(super) unknown_key: bool,
}

impl StepError {
    /// An error whose words say all.
    pub(super) fn new(offset: Option<usize>, problem: impl Into<String>) -> StepError {
        StepError { offset, problem: problem.into(), hint: None, unknown_key: false }
    }

    /// The error as one of the variant that has the step.
    pub(super) fn of_variant(self, name: &str) -> RecipeError {
        let problem = match self.unknown_key {
            true => self.problem,
            false => format!("variant `{name}`: {}", self.problem),
        };
        RecipeError { offset: self.offset, problem, hint: self.hint }
    }
}

/// An error in a `[[variant]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::study) struct RecipeError {
    offset: Option<usize>,
    problem: String,
    hint: Option<String>,
}

impl RecipeError {
    /// The error as one of the study in the file at `path`, whose content is `text`.
    pub(in crate::study) fn of_study(self, path: &Path, text: &str) -> StudyError {
        match self.offset {
            Some(offset) => StudyError::at(path, text, offset, self.problem, self.hint),
            None => StudyError::Invalid { path: path.to_path_buf(), problem: self.problem },
        }
    }
}

impl From<String> for RecipeError {
    fn from(problem: String) -> RecipeError {
        RecipeError { offset: None, problem, hint: None }
    }
}

/// Words in backticks with `last` before the last of them: "`a`, `b` or `c`".
pub(super) fn quoted_list(words: &[&str], last: &str) -> String {
    match words {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [first @ .., end] => format!("`{}` {last} `{end}`", first.join("`, `")),
    }
}
