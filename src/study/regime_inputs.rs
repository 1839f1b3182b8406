//! The data of a regime, held against the study's model and task.

use super::{Regime, Study, StudyError, StudyInputs};
use crate::evaluate::EvaluationTask;
use paring_core::schema::{Sha256Hex, TaskKind};
use paring_data::{DataError, Dataset, DatasetRequest};

/// A regime, opened: all of its samples are evaluated.
#[derive(Clone, Debug)]
pub struct RegimeInputs {
    /// The data.
    pub data: Dataset,
    /// All samples.
    pub samples: Vec<usize>,
    /// Hash of all samples.
    pub data_sha256: Sha256Hex,
    /// The task as evaluated on these data.
    pub task: EvaluationTask,
}

/// Opens the data of a regime and holds them against the model of the study.
///
/// # Errors
/// [`StudyError`] names the regime and what does not fit.
pub fn open_regime(
    study: &Study,
    loaded: &StudyInputs,
    regime: &Regime,
) -> Result<RegimeInputs, StudyError> {
    let invalid = |problem: String| StudyError::Invalid {
        path: regime.path.clone(),
        problem: format!("regime `{}`: {problem}", regime.name),
    };
    let wanted = DatasetRequest {
        inputs: &loaded.signature.inputs,
        columns: regime.slices.iter().chain(&regime.group).cloned().collect(),
        extras: vec![],
        rules: study.data.rules.clone(),
    };
    let data = Dataset::load(&regime.path, &wanted).map_err(|error| match error {
        DataError::Absent(path) => StudyError::NoData(path),
        other => invalid(other.to_string()),
    })?;
    let mut dims = loaded.dims.clone();
    for need in &loaded.signature.inputs {
        let rows = &data.inputs[&need.name];
        need.bind(rows.dtype(), rows.shape(), &mut dims).map_err(|e| invalid(e.to_string()))?;
    }
    if dims != loaded.dims {
        let problem =
            "its samples have other sizes than the study's; they need a study of their own";
        return Err(invalid(problem.into()));
    }
    let kind = study.task.labelled_task.kind;
    if data.targets.is_some() && matches!(kind, TaskKind::Classification | TaskKind::Scores) {
        return Err(invalid(format!(
            "`labels` must be one-dimensional and hold whole numbers, one class a sample, as the study's `kind = \"{kind}\"` has them"
        )));
    }
    if data.is_empty() {
        return Err(invalid("it has no samples".into()));
    }
    let samples: Vec<usize> = (0..data.len()).collect();
    let data_sha256 = data.sha256_of(&samples);
    if data.sha256 == loaded.data.sha256 {
        return Err(invalid(
            "these are the study's own data, whose report split is evaluated in any case; name other data, or columns of `slices` under [data]".into(),
        ));
    }
    let task = study.task.labelled_task.on_data(study.task.metric, data.labelled);
    let task = task.map_err(|e| invalid(e.to_string()))?;
    Ok(RegimeInputs { data, samples, data_sha256, task })
}
