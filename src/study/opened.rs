//! A study with its model's signature and its data.

use super::required_data::check_requirements;
use super::{Study, StudyError};
use crate::evaluate::{DataSplits, EvaluationTask, task_output};
use paring_agent::engine::{self, DimensionBindings, ModelSignature, ModelSource, tensor_facts};
use paring_core::schema::{Sha256Hex, TaskKind};
use paring_data::{DataError, Dataset, DatasetRequest};
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
    let data = load_data(study, &signature)?;
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
    let attacks = study.robustness.as_ref().is_some_and(|test| test.attack.is_some());
    if attacks && kind != TaskKind::Classification {
        return Err(invalid(format!(
            "`attack` under [robustness] needs one class a sample, `kind = \"classification\"` under [task], not \"{kind}\"; leave `attack` out"
        )));
    }
    let splits = study.data.splits.divide(&data, study.data.group.as_deref())?;
    let (source, bindings) =
        (ModelSource::File(&study.model), DimensionBindings { batch, dims: &dims });
    let output = task_output(source, bindings, &signature.outputs, study.task.output.as_deref());
    let output = output.map_err(|e| invalid(e.to_string()))?;
    if kind == TaskKind::Classification && data.labelled {
        let facts = tensor_facts(source, bindings).unwrap_or_default();
        let output = signature.outputs.get(output).and_then(|name| facts.get(name));
        output.map_or(Ok(()), |fact| check_labels(&data, &splits, &fact.shape)).map_err(invalid)?;
    }
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
    check_requirements(study, &data, &splits)?;
    Ok(StudyInputs { model_sha256, signature, data, splits, dims, batch, output, task })
}

/// The arrays and columns that a study names.
fn load_data(study: &Study, signature: &ModelSignature) -> Result<Dataset, StudyError> {
    let wanted = DatasetRequest {
        inputs: &signature.inputs,
        columns: study.data.slices.iter().chain(&study.data.group).cloned().collect(),
        extras: study.data.splits.arrays(),
        rules: study.data.rules.clone(),
    };
    Dataset::load(&study.data.path, &wanted).map_err(|error| match error {
        DataError::Absent(path) => StudyError::NoData(path),
        other => other.into(),
    })
}

/// Refuses the first label of a sample in use that names no class of an output of this shape, the samples'
/// axis included.
fn check_labels(data: &Dataset, splits: &DataSplits, shape: &[usize]) -> Result<(), String> {
    let Some(classes) = shape.get(1).filter(|classes| shape.len() == 2 && **classes > 1) else {
        return Ok(());
    };
    if !data.class_names.is_empty() && data.class_names.len() != *classes {
        return Err(class_mismatch(data.class_names.len(), *classes));
    }
    let used = splits.calibrate.iter().chain(&splits.select).chain(&splits.report);
    let is_class = |label: i64| usize::try_from(label).is_ok_and(|label| label < *classes);
    let labels = used.filter_map(|sample| Some((*sample, *data.labels.get(*sample)?)));
    match labels.filter(|(_, label)| !is_class(*label)).min() {
        Some((sample, label)) => Err(format!(
            "the label of sample {sample} is {label}, the model has {classes} classes: write labels from 0 to {}",
            classes - 1
        )),
        None => Ok(()),
    }
}

/// The sentence about names of classes that are not as many as the model's scores.
fn class_mismatch(names: usize, scores: usize) -> String {
    format!(
        "the data name {names} classes, but the model gives {scores} scores: list all {scores} as `classes` under [data], in the order of the model's outputs"
    )
}
