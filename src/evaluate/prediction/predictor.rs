//! Answers of a plan on samples of a dataset.

use super::model_outputs::{GroundTruth, ModelOutputs, PixelOutputs};
use super::predict_error::PredictError;
use super::quantized_output::QuantizedOutput;
use super::sample_output::{self, SampleOutput, SampleScores};
use crate::evaluate::EvaluationTask;
use ndarray::ArrayD;
use paring_agent::arrays::Array;
use paring_agent::engine::{
    AnalysedModel, DimensionBindings, EngineError, InferencePlan, ModelSource, samples_first,
};
use paring_core::schema::ScoreKind;
use paring_core::schema::{EngineOptions, SamplePrediction, TaskKind};
use paring_data::Dataset;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// A plan that answers for samples of a dataset.
#[derive(Debug)]
pub struct Predictor {
    plan: InferencePlan,
    batch: usize,
    output: usize,
    integers: Option<QuantizedOutput>,
    task: EvaluationTask,
}

impl Predictor {
    /// Loads a model to find classes; `output` is the position of the output with the scores.
    ///
    /// # Errors
    /// The engine's.
    pub fn load(
        source: ModelSource,
        batch: usize,
        dims: &BTreeMap<String, usize>,
        options: &EngineOptions,
        output: usize,
        scores: ScoreKind,
    ) -> Result<Predictor, EngineError> {
        let plan =
            AnalysedModel::load(source, DimensionBindings { batch, dims })?.optimise(options)?;
        let task = EvaluationTask::new(TaskKind::Classification, scores);
        let integers = QuantizedOutput::of(source, &plan, output);
        Ok(Predictor { plan, batch, output, integers, task })
    }

    /// The same model for another task.
    pub fn with_task(self, task: EvaluationTask) -> Predictor {
        Predictor { task, ..self }
    }

    /// The classes of the samples at `indices`, in that order. `heard` is told how many samples
    /// were done each time some are.
    ///
    /// # Errors
    /// [`PredictError`] names the sample.
    pub fn predict(
        &self,
        data: &Dataset,
        indices: &[usize],
        heard: &(dyn Fn(usize) + Sync),
    ) -> Result<Vec<SamplePrediction>, PredictError> {
        Ok(self.answers(data, indices, heard)?.predictions())
    }

    /// The full answers for the samples at `indices`, in that order.
    ///
    /// # Errors
    /// [`PredictError`] names the sample.
    pub fn answers(
        &self,
        data: &Dataset,
        indices: &[usize],
        heard: &(dyn Fn(usize) + Sync),
    ) -> Result<ModelOutputs, PredictError> {
        let classes = matches!(self.task.kind, TaskKind::Classification | TaskKind::Scores);
        if classes && data.targets.is_some() {
            return Err(PredictError::NoClasses(self.task.kind));
        }
        let batches: Vec<Vec<SampleOutput>> = indices
            .par_chunks(self.batch)
            .map(|samples| {
                let done = self.batch(
                    data,
                    &data.inputs_at(&self.filled(samples))?,
                    samples,
                    indices.len(),
                );
                heard(samples.len());
                done
            })
            .collect::<Result<_, _>>()?;
        self.joined(data, indices, batches.into_iter().flatten())
    }

    /// The answers for samples whose inputs are given, row by row as `indices` has them.
    ///
    /// # Errors
    /// [`PredictError`] names the sample.
    pub fn answers_to(
        &self,
        data: &Dataset,
        inputs: &BTreeMap<String, Array>,
        indices: &[usize],
    ) -> Result<ModelOutputs, PredictError> {
        let positions: Vec<usize> = (0..indices.len()).collect();
        let batches: Vec<Vec<SampleOutput>> = positions
            .par_chunks(self.batch)
            .map(|own| {
                let filled = self.filled(own);
                let inputs = inputs.iter().map(|(name, a)| (name.clone(), a.take(&filled)));
                let samples: Vec<usize> = own.iter().map(|p| indices[*p]).collect();
                self.batch(data, &inputs.collect(), &samples, indices.len())
            })
            .collect::<Result<_, _>>()?;
        self.joined(data, indices, batches.into_iter().flatten())
    }

    /// The answers that `output` holds, which this model gave for `indices` elsewhere.
    ///
    /// # Errors
    /// [`PredictError`] names the sample.
    pub fn answers_from(
        &self,
        data: &Dataset,
        output: &ArrayD<f32>,
        indices: &[usize],
    ) -> Result<ModelOutputs, PredictError> {
        let rows = self.read(data, output.clone(), indices.len(), indices, indices.len())?;
        self.joined(data, indices, rows.into_iter())
    }

    /// A last batch that is not full repeats its samples; the surplus answers are dropped.
    fn filled(&self, samples: &[usize]) -> Vec<usize> {
        samples.iter().copied().cycle().take(self.batch).collect()
    }

    fn batch(
        &self,
        data: &Dataset,
        inputs: &BTreeMap<String, Array>,
        samples: &[usize],
        total: usize,
    ) -> Result<Vec<SampleOutput>, PredictError> {
        let output = self.plan.run_output(&self.plan.inputs(inputs)?, self.output)?;
        let output = output.ok_or(PredictError::NoOutput(self.output))?;
        self.read(data, output, self.batch, samples, total)
    }

    /// The rows of an output with `count` samples, of which those of `samples` are wanted; there are
    /// `total` in the whole question.
    fn read(
        &self,
        data: &Dataset,
        output: ArrayD<f32>,
        count: usize,
        samples: &[usize],
        total: usize,
    ) -> Result<Vec<SampleOutput>, PredictError> {
        let (found, width) = (output.shape().to_vec(), output.len() / count.max(1));
        let output = samples_first(output, count).ok_or_else(|| self.shape(&found))?;
        let shape = &output.shape()[1..];
        if !sample_output::fits(&self.task, shape, data.labelled) || width == 0 {
            return Err(self.shape(&found));
        }
        let real = |v: &f32| self.integers.as_ref().map_or(*v, |own| own.dequantized(*v));
        let step = self.integers.as_ref().map_or(0.0, QuantizedOutput::step);
        let flat: Vec<f32> = output.iter().map(real).collect();
        let each = samples.iter().zip(flat.chunks(width));
        each.map(|(sample, scores)| match self.task.kind {
            TaskKind::Segmentation => {
                let pixels = shape[1..].iter().product();
                let mask = data.labelled.then(|| self.mask(data, *sample, shape)).transpose()?;
                Ok(sample_output::counted(&self.task, scores, pixels, mask.as_deref(), total))
            }
            _ => {
                let label = data.labelled.then(|| data.labels[*sample]);
                let part = SampleScores { sample: *sample, label, shape, scores, step };
                sample_output::row(&self.task, &part, total).map_err(|error| self.explained(error))
            }
        })
        .collect()
    }

    /// An error about probabilities, of an output of integers with what is the matter with it.
    fn explained(&self, error: PredictError) -> PredictError {
        self.integers.as_ref().and_then(|own| own.problem(&error)).unwrap_or(error)
    }

    fn shape(&self, found: &[usize]) -> PredictError {
        let needs = match self.task.kind {
            TaskKind::Classification => "[samples, classes]",
            TaskKind::Scores => "[samples] or [samples, 1]",
            TaskKind::Multilabel => "[samples, classes]",
            TaskKind::Regression => "[samples, numbers]",
            TaskKind::Segmentation => "[samples, classes, height, width]",
            TaskKind::Sequence => "[samples, positions, classes] or [positions, samples, classes]",
        };
        let (found, batch) = (found.to_vec(), self.batch);
        PredictError::Shape { found, batch, kind: self.task.kind, needs }
    }

    /// The labels of a sample's pixels.
    fn mask(
        &self,
        data: &Dataset,
        sample: usize,
        shape: &[usize],
    ) -> Result<Vec<i64>, PredictError> {
        let mask = data.targets.as_ref().map(|targets| targets.take(&[sample]));
        let found = mask.as_ref().map_or(vec![], |mask| mask.shape()[1..].to_vec());
        let pixels: usize = shape[1..].iter().product();
        let mismatch = || PredictError::Targets {
            found: found.clone(),
            kind: self.task.kind,
            needs: shape[1..].to_vec(),
        };
        let mask = mask.as_ref().and_then(Array::whole_numbers).ok_or_else(mismatch)?;
        if mask.len() == pixels { Ok(mask) } else { Err(mismatch()) }
    }

    fn joined(
        &self,
        data: &Dataset,
        indices: &[usize],
        rows: impl Iterator<Item = SampleOutput>,
    ) -> Result<ModelOutputs, PredictError> {
        let (mut values, mut class) = (Vec::new(), Vec::with_capacity(indices.len()));
        let mut pixels: Option<PixelOutputs> = None;
        for row in rows {
            values.extend(row.values);
            class.push(row.class);
            match &mut pixels {
                Some(pixels) => pixels.append(row.pixels),
                None => pixels = Some(row.pixels),
            }
        }
        let width = values.len() / indices.len().max(1);
        Ok(ModelOutputs {
            kind: self.task.kind,
            samples: indices.to_vec(),
            labels: indices.iter().map(|i| data.labels[*i]).collect(),
            truth: self.truth(data, indices, width)?,
            width,
            values,
            class,
            pixels: pixels.unwrap_or_default(),
        })
    }

    fn truth(
        &self,
        data: &Dataset,
        indices: &[usize],
        width: usize,
    ) -> Result<GroundTruth, PredictError> {
        let kind = self.task.kind;
        match kind {
            _ if !data.labelled => return Ok(GroundTruth::Unknown),
            TaskKind::Classification | TaskKind::Scores => return Ok(GroundTruth::Classes),
            TaskKind::Segmentation => return Ok(GroundTruth::Counted),
            TaskKind::Multilabel | TaskKind::Regression | TaskKind::Sequence => {}
        }
        let numbers = match &data.targets {
            Some(targets) => targets.take(indices).numbers(),
            None => indices.iter().map(|i| data.labels[*i] as f64).collect(),
        };
        let found = data.targets.as_ref().map_or(vec![], |t| t.shape()[1..].to_vec());
        let mismatch = PredictError::Targets { found, kind, needs: vec![width] };
        if numbers.len() != width * indices.len() {
            return Err(mismatch);
        }
        match kind {
            TaskKind::Multilabel if numbers.iter().all(|v| *v == 0.0 || *v == 1.0) => {
                Ok(GroundTruth::Sets(numbers.iter().map(|v| *v == 1.0).collect()))
            }
            TaskKind::Multilabel => Err(mismatch),
            _ => Ok(GroundTruth::Numbers(numbers)),
        }
    }
}
