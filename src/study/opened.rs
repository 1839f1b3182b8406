//! A study with its model's signature and its data.

use super::{Study, StudyError};
use crate::evaluate::{DataSplits, EvaluationTask, task_output};
use paring_agent::engine::{self, DimensionBindings, ModelSignature, ModelSource};
use paring_core::schema::{Sha256Hex, TaskKind};
use paring_data::{Dataset, DatasetRequest};
use std::collections::BTreeMap;

/// A study, opened.
#[derive(Clone, Debug)]
pub struct StudyInputs {
    /// Hash of the model's file.
    pub model_sha256: Sha256Hex,
    /// Inputs and outputs of the model.
    pub signature: ModelSignature,
    /// The data.
    pub data: Dataset,
    /// Division of the data.
    pub splits: DataSplits,
    /// Values for symbolic dimensions: the study's, and what the data's shapes say.
    pub dims: BTreeMap<String, usize>,
    /// Samples that one inference takes in evaluation: 1, or what the file fixes.
    pub batch: usize,
    /// Position of the output with the scores.
    pub output: usize,
    /// The task as evaluated on these data.
    pub task: EvaluationTask,
}

/// Opens the model and the data of a study and holds them against each other.
///
/// # Errors
/// [`StudyError`] names what does not fit.
pub fn open(study: &Study) -> Result<StudyInputs, StudyError> {
    let invalid = |problem: String| StudyError::Invalid { path: study.path.clone(), problem };
    let signature = engine::describe(ModelSource::File(&study.model))?;
    let columns = study.data.slices.iter().chain(&study.data.group).cloned().collect();
    let wanted = DatasetRequest {
        inputs: &signature.inputs,
        columns,
        extras: study.data.splits.arrays(),
        pixels: study.data.pixels.clone(),
    };
    let data = Dataset::load(&study.data.path, &wanted)?;
    let batch = signature.fixed_batch().unwrap_or(1);
    let mut dims = signature
        .sizes(&study.dims, batch)
        .map_err(|e| invalid(format!("`dims` under [model]: {e}")))?;
    for need in &signature.inputs {
        let rows = &data.inputs[&need.name];
        need.bind(rows.dtype(), rows.shape(), &mut dims).map_err(|e| invalid(e.to_string()))?;
    }
    if let (Some(fixed), Some(other)) = (
        signature.fixed_batch(),
        study.batches.iter().find(|b| Some(**b) != signature.fixed_batch()),
    ) {
        return Err(invalid(format!(
            "`batch` is {other}, but the model's batch is fixed at {fixed}"
        )));
    }
    let kind = study.task.labelled_task.kind;
    if data.targets.is_some() && matches!(kind, TaskKind::Classification | TaskKind::Scores) {
        return Err(invalid(format!(
            "`labels` must be one-dimensional and hold whole numbers, one class a sample, for `kind = \"{kind}\"` under [task]"
        )));
    }
    let splits = study.data.splits.divide(&data, study.data.group.as_deref())?;
    let (source, bindings) =
        (ModelSource::File(&study.model), DimensionBindings { batch, dims: &dims });
    let output = task_output(source, bindings, &signature.outputs, study.task.output.as_deref());
    let output = output.map_err(|e| invalid(e.to_string()))?;
    if let Some(large) = study.batches.iter().find(|batch| **batch > splits.report.len()) {
        let found = splits.report.len();
        return Err(invalid(format!(
            "`batch` is {large}, but there are {found} samples to report"
        )));
    }
    let model_sha256 = Sha256Hex::of_file(&study.model).map_err(|source| StudyError::Io {
        doing: "read",
        path: study.model.clone(),
        source,
    })?;
    let task = study.task.labelled_task.on_data(study.task.metric, data.labelled);
    let task = task.map_err(|e| invalid(format!("under [task]: {e}")))?;
    Ok(StudyInputs { model_sha256, signature, data, splits, dims, batch, output, task })
}
