//! A controlled experiment: a variant with only some of its decisions, and what it answered.

use super::{EngineOptions, Forecast, SCHEMA, Sha256Hex};
use serde::{Deserialize, Serialize};

/// A component of a decision, as a replay names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ComponentRef {
    /// `coupling:original index`.
    pub id: String,
    /// Its index in the baseline.
    pub original_index: usize,
}

/// A decision, or a part of its components, that a replay keeps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReplayedDecision {
    /// The coupling or layer.
    pub coupling: String,
    /// What was removed of it; empty for a change of precision.
    pub components: Vec<ComponentRef>,
    /// What the layer was narrowed to, as a step names it: `int8 per tensor`.
    pub precision: Option<String>,
}

/// Which decisions of a step belong to a group: those on one coupling, or one part of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GroupPart {
    /// Position of the step from the baseline on.
    pub step: usize,
    /// The coupling or layer; `None` for the whole step.
    pub coupling: Option<String>,
    /// Of its components by rank, the how-manieth part of how many.
    pub share: Option<(usize, usize)>,
}

/// What is done or left undone as one in the experiments on a variant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DecisionGroup {
    /// Stable for the same recipe: `1:block1.pw`, `2:head`.
    pub id: String,
    /// For a person: `prune channels of block1.pw`.
    pub label: String,
    /// What it is made of; empty for engine options.
    pub parts: Vec<GroupPart>,
    /// The step in the study's own words.
    pub step: String,
    /// `prune channels`, `quantize int8`, `engine options`.
    pub operation: String,
    /// How importance was judged, where something was removed.
    pub criterion: Option<String>,
    /// The ledger's entries.
    pub decisions: Vec<Sha256Hex>,
    /// Every removed component, by id.
    pub components: Vec<String>,
    /// Layers whose weights it changed.
    pub layers: Vec<String>,
    /// What the ledger expected, decision by decision.
    pub expected: Vec<Forecast>,
}

/// What one experiment gave.
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
    /// How the inputs were disturbed, if they were: `noise 0.3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disturbed: Option<String>,
    /// Whether the ONNX file is kept beside this record, named after its hash.
    pub kept: bool,
    /// What it answered.
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

    /// Whether a sample's answer holds numbers to judge.
    pub fn usable(&self, sample: usize) -> bool {
        match self.width() {
            0 => self.classes[sample].is_some(),
            width => self.values[sample * width..(sample + 1) * width].iter().all(Option::is_some),
        }
    }
}
