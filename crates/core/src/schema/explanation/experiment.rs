//! A controlled experiment: a variant with only some of its decisions, and what it answered.

use crate::schema::{EngineOptions, SCHEMA, Sha256Hex};
use serde::{Deserialize, Serialize};

/// Result of one experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Format version.
    pub schema: u32,
    /// Hash over everything that the experiment's answers depend on.
    pub key: Sha256Hex,
    /// The steps that were done, in the study's own words.
    pub steps: Vec<String>,
    /// Engine options.
    pub options: EngineOptions,
    /// Hash of the ONNX file.
    pub file_sha256: Sha256Hex,
    /// Its size.
    pub file_bytes: u64,
    /// Number of weights and biases.
    pub params: u64,
    /// Multiply-adds of one sample; `None` where a shape is unknown.
    pub macs: Option<u64>,
    /// Disturbance of the inputs, if there was one: `noise 0.3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disturbed: Option<String>,
    /// The reason why inputs could not be disturbed so; there are no answers then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Reasons why its figures under attack are not sound.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unsound: Vec<String>,
    /// Seconds that its steps took: a guide to what further ones will take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_s: Option<f64>,
    /// Seconds that asking it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_s: Option<f64>,
    /// True if the ONNX file is kept beside this record, named after its hash.
    pub kept: bool,
    /// Its predictions.
    pub answers: ExperimentPredictions,
}

impl Experiment {
    /// One of which only the answers are known.
    pub fn of(answers: ExperimentPredictions) -> Experiment {
        Experiment {
            schema: SCHEMA,
            key: Sha256Hex::zeros(),
            steps: vec![],
            options: EngineOptions::default(),
            file_sha256: Sha256Hex::zeros(),
            file_bytes: 0,
            params: 0,
            macs: None,
            disturbed: None,
            refused: None,
            unsound: vec![],
            made_s: None,
            asked_s: None,
            kept: false,
            answers,
        }
    }
}

/// Answers on the report samples, in the study's order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExperimentPredictions {
    /// Predicted classes, one a sample; `None` where the task has none or the scores held no number.
    pub classes: Vec<Option<i64>>,
    /// Probabilities given to them.
    pub confidences: Vec<Option<f64>>,
    /// All numbers of each sample, row by row, where classes do not say enough; `None` is no number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Option<f32>>,
}

impl ExperimentPredictions {
    /// Numbers a sample that are kept.
    pub fn width(&self) -> usize {
        self.values.len() / self.classes.len().max(1)
    }

    /// True if a sample's answer holds numbers to judge.
    pub fn usable(&self, sample: usize) -> bool {
        match self.width() {
            0 => self.classes[sample].is_some(),
            width => self.values[sample * width..(sample + 1) * width].iter().all(Option::is_some),
        }
    }
}
