//! Answers in full, kept for what comes after: `NAME.scores.safetensors`, one row of numbers a sample.

use crate::evaluate::{GroundTruth, ModelOutputs, PixelOutputs};
use crate::pipeline::{PipelineError, replace};
use ndarray::{ArrayD, IxDyn};
use paring_agent::arrays::{Array, read_tensors, write_tensors};
use paring_core::files::ConfinedPath;
use paring_core::schema::TaskKind;
use std::collections::BTreeMap;
use std::path::Path;

/// Stands in a file for a class that there is not.
const NO_CLASS: i64 = i64::MIN;

/// Writes answers.
///
/// # Errors
/// [`PipelineError`] names the file.
pub fn write_answers(path: &ConfinedPath, answers: &ModelOutputs) -> Result<(), PipelineError> {
    let failed = |what: &str| {
        let problem = std::io::Error::other(what.to_string());
        PipelineError::file("write", path)(problem)
    };
    let rows = answers.len();
    let table = |width: usize| IxDyn(&[rows, width]).clone();
    let column = |values: Vec<i64>| Array::I64(ndarray::Array1::from(values).into_dyn());
    let values = ArrayD::from_shape_vec(table(answers.width), answers.values.clone())
        .map_err(|e| failed(&e.to_string()))?;
    let mut arrays = BTreeMap::from([
        ("samples".to_string(), column(answers.samples.iter().map(|s| *s as i64).collect())),
        ("labels".to_string(), column(answers.labels.clone())),
        (
            "class".to_string(),
            column(answers.class.iter().map(|c| c.unwrap_or(NO_CLASS)).collect()),
        ),
        ("values".to_string(), Array::F32(values)),
    ]);
    let truth = match &answers.truth {
        GroundTruth::Sets(sets) => {
            Some(ArrayD::from_shape_vec(table(answers.width), sets.clone()).map(Array::Bool))
        }
        GroundTruth::Numbers(numbers) => {
            Some(ArrayD::from_shape_vec(table(answers.width), numbers.clone()).map(Array::F64))
        }
        GroundTruth::Classes | GroundTruth::Counted | GroundTruth::Unknown => None,
    };
    if answers.truth == GroundTruth::Unknown {
        // The strata are not what is right.
        arrays.remove("labels");
    }
    if let Some(truth) = truth {
        arrays.insert("truth".into(), truth.map_err(|e| failed(&e.to_string()))?);
    }
    let PixelOutputs { class, chances } = &answers.pixels;
    let wide = |all: usize| table(all / rows.max(1));
    if !class.is_empty() {
        let pixels = ArrayD::from_shape_vec(wide(class.len()), class.clone());
        arrays.insert("pixels".into(), Array::U8(pixels.map_err(|e| failed(&e.to_string()))?));
    }
    if !chances.is_empty() {
        let chances = ArrayD::from_shape_vec(wide(chances.len()), chances.clone());
        arrays.insert("chances".into(), Array::F32(chances.map_err(|e| failed(&e.to_string()))?));
    }
    replace(path, &write_tensors(&arrays).map_err(|e| failed(&e.to_string()))?)
}

/// Reads answers to a task of `kind`.
///
/// # Errors
/// [`PipelineError`] names the file.
pub fn read_answers(path: &Path, kind: TaskKind) -> Result<ModelOutputs, PipelineError> {
    let failed = |what: String| PipelineError::file("read", path)(std::io::Error::other(what));
    let arrays = read_tensors(path).map_err(|e| failed(e.to_string()))?;
    let array = |name: &str| arrays.get(name).ok_or_else(|| failed(format!("no tensor `{name}`")));
    let integers =
        |name: &str| array(name)?.as_integers().ok_or_else(|| failed(format!("tensor `{name}`")));
    let Array::F32(values) = array("values")? else { return Err(failed("tensor `values`".into())) };
    let samples = integers("samples")?;
    let labelled = arrays.contains_key("labels");
    let pixels = PixelOutputs {
        class: match arrays.get("pixels") {
            Some(Array::U8(class)) => class.iter().copied().collect(),
            _ => vec![],
        },
        chances: match arrays.get("chances") {
            Some(Array::F32(chances)) => chances.iter().copied().collect(),
            _ => vec![],
        },
    };
    let answers = ModelOutputs {
        kind,
        samples: samples.iter().map(|s| usize::try_from(*s).unwrap_or(usize::MAX)).collect(),
        labels: if labelled { integers("labels")? } else { vec![0; samples.len()] },
        truth: match (kind, arrays.get("truth")) {
            _ if !labelled => GroundTruth::Unknown,
            (TaskKind::Segmentation, _) => GroundTruth::Counted,
            (_, Some(Array::Bool(sets))) => GroundTruth::Sets(sets.iter().copied().collect()),
            (_, Some(Array::F64(numbers))) => {
                GroundTruth::Numbers(numbers.iter().copied().collect())
            }
            _ => GroundTruth::Classes,
        },
        width: values.shape().get(1).copied().unwrap_or(0),
        values: values.iter().copied().collect(),
        class: integers("class")?.into_iter().map(|c| (c != NO_CLASS).then_some(c)).collect(),
        pixels,
    };
    let rows = answers.len();
    let whole = answers.labels.len() == rows
        && answers.class.len() == rows
        && answers.values.len() == rows * answers.width;
    if whole { Ok(answers) } else { Err(failed("its tensors differ in length".into())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.safetensors");
        for (kind, truth) in [
            (TaskKind::Classification, GroundTruth::Classes),
            (TaskKind::Multilabel, GroundTruth::Sets(vec![true, false, false, false])),
            (TaskKind::Regression, GroundTruth::Numbers(vec![0.5, 1.0, 2.0, 3.0])),
            (TaskKind::Segmentation, GroundTruth::Counted),
            (TaskKind::Sequence, GroundTruth::Unknown),
        ] {
            let answers = ModelOutputs {
                kind,
                samples: vec![7, 9],
                labels: if truth == GroundTruth::Unknown { vec![0, 0] } else { vec![1, 0] },
                truth,
                width: 2,
                values: vec![0.25, 0.75, 0.5, 0.0],
                class: vec![Some(1), None],
                pixels: match kind {
                    TaskKind::Segmentation => {
                        PixelOutputs { class: vec![0, 1], chances: vec![0.75, 0.25, 0.5, 0.5] }
                    }
                    _ => PixelOutputs::default(),
                },
            };
            write_answers(&ConfinedPath::file(&path), &answers).unwrap();
            assert_eq!(read_answers(&path, kind).unwrap(), answers);
        }
    }
}
