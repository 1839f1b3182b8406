//! Evaluation of a variant: metrics, classes, slices, calibration.

use crate::schema::{
    ConfidenceInterval, FlipSummary, Metric, MissingReason, RobustnessScore, SCHEMA, Sha256Hex,
    TaskKind,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A metric of a variant, and against the baseline on identical samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricScore {
    /// Its value, with its interval.
    pub value: ConfidenceInterval,
    /// Variant less baseline, paired; `None` for the baseline.
    pub change: Option<ConfidenceInterval>,
}

/// Scores of one class.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassScore {
    /// The class.
    pub class: i64,
    /// Samples (labels, pixels) of it.
    pub samples: u64,
    /// Times it was predicted.
    pub predicted: u64,
    /// Share of its samples that were recognised; `None` without samples.
    pub recall: Option<MetricScore>,
    /// Share of its predictions that were right; `None` without any.
    pub precision: Option<MetricScore>,
    /// Their harmonic mean; `None` without either.
    pub f1: Option<MetricScore>,
    /// Share of the samples of other classes that were not called so; `None` of pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub specificity: Option<MetricScore>,
}

/// Scores of one slice of the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SliceScore {
    /// The column that names slices.
    pub column: String,
    /// The slice.
    pub value: String,
    /// Its samples.
    pub samples: usize,
    /// The accuracy and the primary metric, where they have a value.
    pub metrics: BTreeMap<Metric, MetricScore>,
    /// Flips within it.
    pub flips: Option<usize>,
    /// p-value of losses against gains in it, after Holm's correction over the slices of
    /// all columns.
    pub p_adjusted: Option<f64>,
}

/// Confidence against what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Smallest confidence in the bin (its bound, where bins are of equal width).
    pub low: f64,
    /// Largest.
    pub high: f64,
    /// Samples.
    pub samples: usize,
    /// Mean confidence; `None` of none.
    pub confidence: Option<f64>,
    /// Share of right answers.
    pub accuracy: Option<f64>,
}

/// The quality of one variant on the report split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Format version.
    pub schema: u32,
    /// The variant.
    pub variant_id: Sha256Hex,
    /// Kind of the task.
    #[serde(default)]
    pub task: TaskKind,
    /// The metric that the study cares for most.
    #[serde(default = "accuracy")]
    pub primary: Metric,
    /// Samples evaluated.
    pub samples: usize,
    /// Share of samples whose predicted class is the label, with its 95 % interval; `None` where the
    /// task has no classes.
    pub accuracy: Option<ConfidenceInterval>,
    /// Accuracy less the baseline's on the same samples, with its paired 95 % interval.
    pub accuracy_change: Option<ConfidenceInterval>,
    /// Samples whose predicted class differs from the baseline's.
    pub flips: Option<usize>,
    /// Samples without a usable answer.
    pub unusable: usize,
    /// All metrics, 95 % intervals.
    #[serde(default)]
    pub metrics: BTreeMap<Metric, MetricScore>,
    /// Reasons for metrics without a value.
    #[serde(default)]
    pub missing: BTreeMap<Metric, MissingReason>,
    /// Flips by kind, and whether losses outweigh gains.
    #[serde(default)]
    pub flip_kinds: Option<FlipSummary>,
    /// Mean confidence and mean margin of the answers.
    #[serde(default)]
    pub decisiveness: Option<ConfidenceSummary>,
    /// `confusion[label][class]`; a last column counts unusable answers where there are any.
    #[serde(default)]
    pub confusion: Vec<Vec<u64>>,
    /// Class by class.
    #[serde(default)]
    pub classes: Vec<ClassScore>,
    /// Slice by slice.
    #[serde(default)]
    pub slices: Vec<SliceScore>,
    /// Spread of the primary metric over the slices of each column: largest less smallest.
    #[serde(default)]
    pub slice_spread: BTreeMap<String, f64>,
    /// Bins of equal width.
    #[serde(default)]
    pub reliability: Vec<ReliabilityBin>,
    /// Bins of equal mass.
    #[serde(default)]
    pub reliability_mass: Vec<ReliabilityBin>,
    /// Scores on disturbed inputs, where they were asked for.
    #[serde(default)]
    pub robustness: Vec<RobustnessScore>,
}

/// Mean confidence and margin of a model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfidenceSummary {
    /// Mean probability of the predicted class.
    pub confidence: f64,
    /// Mean distance to the runner-up.
    pub margin: f64,
}

fn accuracy() -> Metric {
    Metric::Accuracy
}

impl Evaluation {
    /// An evaluation of so many samples, in which nothing is known yet.
    pub fn empty(variant_id: Sha256Hex, task: TaskKind, primary: Metric, samples: usize) -> Self {
        Evaluation {
            schema: SCHEMA,
            variant_id,
            task,
            primary,
            samples,
            accuracy: None,
            accuracy_change: None,
            flips: None,
            unusable: 0,
            metrics: BTreeMap::new(),
            missing: BTreeMap::new(),
            flip_kinds: None,
            decisiveness: None,
            confusion: vec![],
            classes: vec![],
            slices: vec![],
            slice_spread: BTreeMap::new(),
            reliability: vec![],
            reliability_mass: vec![],
            robustness: vec![],
        }
    }

    /// Without tables that only a look at this variant alone needs.
    pub fn brief(&self) -> Evaluation {
        Evaluation {
            confusion: vec![],
            reliability: vec![],
            reliability_mass: vec![],
            ..self.clone()
        }
    }

    /// A metric's value with its interval, if it has one.
    pub fn value(&self, metric: Metric) -> Option<ConfidenceInterval> {
        self.metrics.get(&metric).map(|score| score.value)
    }

    /// A metric's change against the baseline, if it has one.
    pub fn change(&self, metric: Metric) -> Option<ConfidenceInterval> {
        self.metrics.get(&metric).and_then(|score| score.change)
    }
}
