//! A model that was asked about all samples, with what is needed to ask it more.

use super::board_answers::BoundModel;
use crate::evaluate::{EvaluationTask, ModelOutputs};
use paring_data::Dataset;
use std::collections::BTreeMap;

/// A model and the first window of its data.
pub(super) struct AnsweredModel {
    pub(super) bound: BoundModel,
    pub(super) data: Dataset,
    pub(super) answers: ModelOutputs,
    pub(super) columns: BTreeMap<String, Vec<String>>,
    /// The task as evaluated on these data.
    pub(super) task: EvaluationTask,
}

impl AnsweredModel {
    /// The answers about the samples of the first window.
    pub(super) fn head(&self) -> ModelOutputs {
        self.answers.take(&(0..self.data.len()).collect::<Vec<_>>())
    }
}

pub(super) fn columns(
    all: &BTreeMap<String, Vec<String>>,
    names: &[String],
) -> Vec<(String, Vec<String>)> {
    names.iter().filter_map(|name| Some((name.clone(), all.get(name)?.clone()))).collect()
}
