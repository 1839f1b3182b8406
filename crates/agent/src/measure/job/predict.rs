//! A model's answers on this machine, for whoever wants to compare them with another's.

use super::job_limits::request_problem;
use crate::arrays::{Array, read_tensors, write_tensors};
use crate::engine::{AnalysedModel, DimensionBindings, InferencePlan, ModelSource, samples_first};
use anyhow::{Context, bail, ensure};
use ndarray::{ArrayD, Axis};
use paring_core::schema::{PredictRequest, Sha256Hex, check_schema};
use std::collections::BTreeMap;
use std::path::Path;

/// The name of the answers in their file.
pub const ANSWERS: &str = "output";

/// Answers a question: the wanted output for all samples, in their order, as safetensors.
pub(crate) fn predict(question: &Path) -> anyhow::Result<Vec<u8>> {
    let folder = question.parent().unwrap_or(Path::new(""));
    let text = std::fs::read(question).with_context(|| format!("read {}", question.display()))?;
    let question: PredictRequest = serde_json::from_slice(&text).context("read the question")?;
    check_schema("the question", question.schema)?;
    if let Some(problem) = request_problem(&question) {
        bail!("the question: {problem}");
    }
    let (model, inputs) = (folder.join(&question.model), folder.join(&question.inputs));
    for (path, expected) in [(&model, &question.model_sha256), (&inputs, &question.inputs_sha256)] {
        let found = Sha256Hex::of_file(path).with_context(|| format!("read {}", path.display()))?;
        ensure!(found == *expected, "{} has SHA-256 {found}, not {expected}", path.display());
    }
    let arrays = read_tensors(&inputs)?;
    let bindings = DimensionBindings { batch: question.batch, dims: &question.dims };
    let plan =
        AnalysedModel::load(ModelSource::File(&model), bindings)?.optimise(&question.options)?;
    let answers = answers(&plan, &arrays, question.batch, question.output)?;
    let named = BTreeMap::from([(ANSWERS.to_string(), Array::F32(answers))]);
    Ok(write_tensors(&named)?)
}

fn answers(
    plan: &InferencePlan,
    arrays: &BTreeMap<String, Array>,
    batch: usize,
    output: usize,
) -> anyhow::Result<ArrayD<f32>> {
    let samples = arrays.values().map(Array::rows).min().unwrap_or(0);
    ensure!(samples > 0 && batch > 0, "there are no samples");
    let mut parts: Vec<ArrayD<f32>> = Vec::new();
    for first in (0..samples).step_by(batch) {
        let fresh = batch.min(samples - first);
        // A last batch that is not full repeats its samples; the surplus answers are dropped.
        let indices: Vec<usize> = (first..first + fresh).cycle().take(batch).collect();
        let inputs = arrays.iter().map(|(name, array)| (name.clone(), array.take(&indices)));
        let Some(found) = plan.run_output(&plan.inputs(&inputs.collect())?, output)? else {
            bail!("the model has no output {output}")
        };
        let shape = found.shape().to_vec();
        let Some(found) = samples_first(found, batch) else {
            bail!("the output has shape {shape:?} for {batch} samples")
        };
        parts.push(found.slice_axis(Axis(0), (..fresh).into()).to_owned());
    }
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    Ok(ndarray::concatenate(Axis(0), &views)?)
}
