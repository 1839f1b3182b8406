//! A model's answers on a board: the same question as to the engine here.

use super::board::Board;
use super::{Limits, Parcel, TargetError};
use ndarray::{ArrayD, Axis};
use paring_agent::arrays::{Array, read_tensors, write_tensors};
use paring_agent::measure::ANSWERS;
use paring_core::schema::{EngineOptions, PredictRequest, SCHEMA, Sha256Hex};
use paring_data::DataError;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// Inputs are sent in parts of about this many bytes.
const PART: usize = 16 << 20;
/// A part that takes longer than this is not answered.
const LONGEST: Duration = Duration::from_secs(3600);
const MOST_ANSWER: u64 = 1 << 30;

/// What is asked of a model.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
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

/// Gives the inputs of the samples at some positions.
type Inputs<'a> = dyn Fn(&[usize]) -> Result<BTreeMap<String, Array>, DataError> + 'a;

impl Board<'_> {
    /// The wanted output of a model for `samples` samples, computed on the board. `inputs` gives the
    /// inputs of the samples at some positions; `heard` is told how many are done.
    ///
    /// # Errors
    /// [`TargetError`] says what failed.
    pub fn predict(
        &mut self,
        asked: &Asked,
        samples: usize,
        inputs: &Inputs,
        heard: &mut dyn FnMut(usize),
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
        let rows = (PART / each.max(1)).div_ceil(asked.batch).max(1) * asked.batch;
        let positions: Vec<usize> = (0..samples).collect();
        let mut parts = Vec::new();
        for part in positions.chunks(rows) {
            let answers = self.answers(asked, &inputs(part)?)?;
            if answers.shape().first() != Some(&part.len()) {
                let said = format!("{:?} answers to {} samples", answers.shape(), part.len());
                return Err(TargetError::Garbage { what: "`paring-agent predict`".into(), said });
            }
            parts.push(answers);
            heard(part.len());
        }
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        ndarray::concatenate(Axis(0), &views).map_err(|_| TargetError::Garbage {
            what: "`paring-agent predict`".into(),
            said: "answers of several shapes".into(),
        })
    }

    fn answers(
        &mut self,
        asked: &Asked,
        inputs: &BTreeMap<String, Array>,
    ) -> Result<ArrayD<f32>, TargetError> {
        let failed =
            |source| TargetError::File { doing: "write", path: "the inputs".into(), source };
        let bytes = write_tensors(inputs).map_err(|e| failed(std::io::Error::other(e)))?;
        let model_sha256 =
            Sha256Hex::of_file(asked.model).map_err(super::transfer::file("read", asked.model))?;
        let inputs_sha256 = Sha256Hex::of(&bytes);
        let question = PredictRequest {
            schema: SCHEMA,
            model: model_sha256.as_str().into(),
            model_sha256: model_sha256.clone(),
            options: asked.options.clone(),
            dims: asked.dims.clone(),
            batch: asked.batch,
            inputs: inputs_sha256.as_str().into(),
            inputs_sha256: inputs_sha256.clone(),
            output: asked.output,
        };
        let text = serde_json::to_vec(&question).map_err(|e| failed(e.into()))?;
        let (kept_inputs, sent_inputs) = self.content(&bytes, &inputs_sha256)?;
        let (kept_question, sent_question) = self.content(&text, &Sha256Hex::of(&text))?;
        let to = sent_question.to.clone();
        let model = self.parcel(asked.model, &model_sha256);
        self.deploy(&[model, sent_inputs, sent_question])?;
        drop((kept_inputs, kept_question));
        let limits = Limits { output: MOST_ANSWER, ..Limits::short().within(LONGEST) };
        let answer = self.ask(&["predict", &to], &limits)?;
        let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
        file.write_all(&answer).map_err(failed)?;
        let garbage =
            |said: String| TargetError::Garbage { what: "`paring-agent predict`".into(), said };
        let found = read_tensors(file.path()).map_err(|e| garbage(e.to_string()))?;
        match found.into_iter().find(|(name, _)| name == ANSWERS) {
            Some((_, Array::F32(answers))) => Ok(answers),
            _ => Err(garbage("there are no answers in it".into())),
        }
    }

    /// Bytes as a file by their hash; it has to be kept until it is sent.
    pub(super) fn content(
        &self,
        bytes: &[u8],
        sha256: &Sha256Hex,
    ) -> Result<(tempfile::NamedTempFile, Parcel), TargetError> {
        let failed =
            |source| TargetError::File { doing: "write", path: "the question".into(), source };
        let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
        file.write_all(bytes).map_err(failed)?;
        let parcel = self.parcel(file.path(), sha256);
        Ok((file, parcel))
    }
}
