//! The samples that experiments are evaluated on: task, labels, groups and slices.

use super::experiment_metric::ExperimentMetric;
use crate::evaluate::{self, EvaluationTask};
use paring_core::schema::{ExperimentPredictions, TaskKind};
use paring_core::stats::SamplingDesign;
use std::collections::BTreeMap;

/// The samples that experiments are evaluated on, in their order: task, ground truth, groups and slices.
#[derive(Clone, Debug, Default)]
pub struct EvaluatedSamples {
    /// The task.
    pub task: EvaluationTask,
    /// Right classes; where there are none, the stratum of each sample.
    pub labels: Vec<i64>,
    /// Ground truth beyond one class a sample.
    pub targets: evaluate::GroundTruth,
    /// Groups that are drawn whole, where there are any.
    pub groups: Option<Vec<String>>,
    /// A fixed number of samples was taken of each class.
    pub fixed_class_shares: bool,
    /// Columns that name subsets.
    pub slices: BTreeMap<String, Vec<String>>,
}

/// The sampling design of some of the samples.
#[derive(Clone, Debug)]
pub(crate) enum SubsetDesign {
    Independent,
    FixedShares(Vec<i64>),
    Groups(Vec<String>),
}

impl SubsetDesign {
    pub(crate) fn design(&self) -> SamplingDesign<'_> {
        match self {
            SubsetDesign::Independent => SamplingDesign::Independent,
            SubsetDesign::FixedShares(labels) => SamplingDesign::FixedShares(labels),
            SubsetDesign::Groups(groups) => SamplingDesign::Groups(groups),
        }
    }
}

impl EvaluatedSamples {
    /// The design that `samples` were drawn by.
    pub(crate) fn counted_design(&self, samples: &[usize]) -> SubsetDesign {
        match &self.groups {
            Some(groups) => {
                SubsetDesign::Groups(samples.iter().map(|s| groups[*s].clone()).collect())
            }
            None if self.fixed_class_shares => {
                SubsetDesign::FixedShares(samples.iter().map(|s| self.labels[*s]).collect())
            }
            None => SubsetDesign::Independent,
        }
    }

    /// Effective number of samples of a mean over classes: one decision changes it by a share of 1, in the
    /// root of the mean square over samples.
    pub(crate) fn macro_units(&self) -> f64 {
        let mut sizes: BTreeMap<i64, f64> = BTreeMap::new();
        self.labels.iter().for_each(|label| *sizes.entry(*label).or_default() += 1.0);
        let (samples, classes) = (self.labels.len() as f64, sizes.len() as f64);
        let square: f64 = sizes.values().map(|n| n / samples / (classes * n).powi(2)).sum();
        square.sqrt().recip()
    }

    /// The primary metric.
    pub fn main(&self) -> ExperimentMetric {
        ExperimentMetric::main(&self.task)
    }

    /// The outputs that an experiment kept, as evaluation knows them; `None` where it kept no more than classes.
    pub(super) fn in_full(&self, kept: &ExperimentPredictions) -> Option<evaluate::ModelOutputs> {
        // Without labels, what is kept of pixels is their classes.
        let pixels = self.task.kind == TaskKind::Segmentation && !self.labelled();
        let class = |v: &Option<f32>| v.map_or(u8::MAX, |class| class as u8);
        let pixels = kept.values.iter().filter(|_| pixels).map(class).collect();
        (kept.width() > 0).then(|| evaluate::ModelOutputs {
            kind: self.task.kind,
            samples: (0..self.labels.len()).collect(),
            labels: self.labels.clone(),
            truth: self.targets.clone(),
            width: kept.width(),
            values: kept.values.iter().map(|v| v.unwrap_or(f32::NAN)).collect(),
            class: kept.classes.clone(),
            pixels: evaluate::PixelOutputs { class: pixels, chances: vec![] },
        })
    }

    /// Labels are the ground truth, rather than strata alone.
    pub fn labelled(&self) -> bool {
        self.targets != evaluate::GroundTruth::Unknown
    }

    /// The first samples alone.
    pub fn first(&self, count: usize) -> EvaluatedSamples {
        let (all, count) = (self.labels.len().max(1), count.min(self.labels.len()));
        let cut = |column: &Vec<String>| column[..count].to_vec();
        EvaluatedSamples {
            task: self.task.clone(),
            labels: self.labels[..count].to_vec(),
            targets: match &self.targets {
                evaluate::GroundTruth::Sets(sets) => {
                    evaluate::GroundTruth::Sets(sets[..sets.len() / all * count].to_vec())
                }
                evaluate::GroundTruth::Numbers(numbers) => {
                    evaluate::GroundTruth::Numbers(numbers[..numbers.len() / all * count].to_vec())
                }
                other => other.clone(),
            },
            groups: self.groups.as_ref().map(cut),
            fixed_class_shares: self.fixed_class_shares,
            slices: self.slices.iter().map(|(name, own)| (name.clone(), cut(own))).collect(),
        }
    }

    /// The samples that count for an aspect.
    pub fn counted(&self, aspect: &ExperimentMetric) -> Vec<usize> {
        (0..self.labels.len()).filter(|sample| self.counts(aspect, *sample)).collect()
    }

    /// Tells whether a sample counts for a metric.
    pub fn counts(&self, aspect: &ExperimentMetric, sample: usize) -> bool {
        match aspect {
            ExperimentMetric::Class(class) => self.labels[sample] == *class,
            ExperimentMetric::Slice(column, value)
            | ExperimentMetric::SliceAgreement(column, value)
            | ExperimentMetric::SliceMetric(_, column, value) => {
                self.slices.get(column).is_some_and(|values| values[sample] == *value)
            }
            _ => true,
        }
    }
}
