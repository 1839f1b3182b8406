//! Predictions of a model on a board, which answers the same question as the engine here.

use super::board::Board;
use crate::TargetError;
use crate::transport::ProcessLimits;
use ndarray::{ArrayD, Axis};
use paring_agent::arrays::{Array, read_tensors, write_tensors};
use paring_agent::measure::ANSWERS;
use paring_core::schema::{EngineOptions, PredictRequest, SCHEMA, Sha256Hex};
use paring_data::DataError;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// Bytes of inputs sent in one part, about.
const PART_BYTES: usize = 16 << 20;
/// Limit on one part.
const PART_LIMIT: Duration = Duration::from_secs(3600);
const MOST_ANSWER_BYTES: u64 = 1 << 30;

/// A model, and the output of it that is wanted.
#[derive(Clone, Copy, Debug)]
pub struct RemotePrediction<'a> {
    /// The ONNX file.
    pub model: &'a Path,
    /// Engine options.
    pub options: &'a EngineOptions,
    /// Values for symbolic dimensions other than the batch.
    pub dims: &'a BTreeMap<String, usize>,
    /// Samples in one inference.
    pub batch: usize,
    /// Position of the output that is wanted.
    pub output: usize,
}

/// Function from positions of samples to their inputs.
type InputLoader<'a> = dyn Fn(&[usize]) -> Result<BTreeMap<String, Array>, DataError> + 'a;

impl Board<'_> {
    /// The wanted output of a model for `samples` samples, computed on the board. `inputs` gives the
    /// inputs of the samples at some positions; `on_progress` gets the number that each part adds.
    ///
    /// # Errors
    /// [`TargetError`] says what failed.
    pub fn predict(
        &mut self,
        request: &RemotePrediction,
        samples: usize,
        inputs: &InputLoader,
        on_progress: &mut dyn FnMut(usize),
    ) -> Result<ArrayD<f32>, TargetError> {
        let inputs = |positions: &[usize]| {
            inputs(positions).map_err(|e| TargetError::File {
                doing: "read",
                path: "the inputs".into(),
                source: std::io::Error::other(e),
            })
        };
        let each: usize = inputs(&[0])?.values().map(|array| array.to_bytes().len()).sum();
        // Whole batches: only the last part may end with one that is not full.
        let rows = (PART_BYTES / each.max(1)).div_ceil(request.batch).max(1) * request.batch;
        let positions: Vec<usize> = (0..samples).collect();
        let mut parts = Vec::new();
        for part in positions.chunks(rows) {
            let answers = self.predict_part(request, &inputs(part)?)?;
            if answers.shape().first() != Some(&part.len()) {
                let message = format!("{:?} answers to {} samples", answers.shape(), part.len());
                return Err(TargetError::UnexpectedAnswer {
                    what: "`paring-agent predict`".into(),
                    message,
                });
            }
            parts.push(answers);
            on_progress(part.len());
        }
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        ndarray::concatenate(Axis(0), &views).map_err(|_| TargetError::UnexpectedAnswer {
            what: "`paring-agent predict`".into(),
            message: "answers of several shapes".into(),
        })
    }

    fn predict_part(
        &mut self,
        request: &RemotePrediction,
        inputs: &BTreeMap<String, Array>,
    ) -> Result<ArrayD<f32>, TargetError> {
        let failed =
            |source| TargetError::File { doing: "write", path: "the inputs".into(), source };
        let bytes = write_tensors(inputs).map_err(|e| failed(std::io::Error::other(e)))?;
        let model_sha256 =
            Sha256Hex::of_file(request.model).map_err(TargetError::file("read", request.model))?;
        let inputs_sha256 = Sha256Hex::of(&bytes);
        let question = PredictRequest {
            schema: SCHEMA,
            model: model_sha256.as_str().into(),
            model_sha256: model_sha256.clone(),
            options: request.options.clone(),
            dims: request.dims.clone(),
            batch: request.batch,
            inputs: inputs_sha256.as_str().into(),
            inputs_sha256: inputs_sha256.clone(),
            output: request.output,
        };
        let text = serde_json::to_vec(&question).map_err(|e| failed(e.into()))?;
        let (kept_inputs, sent_inputs) = self.upload_of_bytes(&bytes, &inputs_sha256)?;
        let (kept_question, sent_question) = self.upload_of_bytes(&text, &Sha256Hex::of(&text))?;
        let to = sent_question.to.clone();
        let model = self.upload_of_file(request.model, &model_sha256);
        self.deploy(&[model, sent_inputs, sent_question])?;
        drop((kept_inputs, kept_question));
        let limits = ProcessLimits {
            output: MOST_ANSWER_BYTES,
            ..ProcessLimits::short().within(PART_LIMIT)
        };
        let answer = self.ask(&["predict", &to], &limits)?;
        let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
        file.write_all(&answer).map_err(failed)?;
        let unexpected = |message: String| TargetError::UnexpectedAnswer {
            what: "`paring-agent predict`".into(),
            message,
        };
        let tensors = read_tensors(file.path()).map_err(|e| unexpected(e.to_string()))?;
        match tensors.into_iter().find(|(name, _)| name == ANSWERS) {
            Some((_, Array::F32(answers))) => Ok(answers),
            _ => Err(unexpected("there are no answers in it".into())),
        }
    }
}
