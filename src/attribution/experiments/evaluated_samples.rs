//! The samples that experiments are evaluated on: task, labels, groups and slices.

use super::experiment_metric::Aspect;
use crate::evaluate::{self, Task};
use paring_core::schema::{ExperimentPredictions, TaskKind};
use paring_core::stats::SamplingDesign;
use std::collections::BTreeMap;

/// What is asked, and what is known of the samples that experiments were asked, in their order.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    /// What is asked of the model.
    pub task: Task,
    /// Right classes; where there are none, the stratum of each sample.
    pub labels: Vec<i64>,
    /// What is right where one class a sample does not say it.
    pub targets: evaluate::Truth,
    /// Groups that are drawn whole, where there are any.
    pub groups: Option<Vec<String>>,
    /// Whether a fixed number of samples was taken of each class.
    pub fixed_class_shares: bool,
    /// Columns that name subsets.
    pub slices: BTreeMap<String, Vec<String>>,
}

/// The sampling design of some of the samples.
#[derive(Clone, Debug)]
pub(crate) enum CountedDesign {
    Independent,
    FixedShares(Vec<i64>),
    Groups(Vec<String>),
}

impl CountedDesign {
    pub(crate) fn design(&self) -> SamplingDesign<'_> {
        match self {
            CountedDesign::Independent => SamplingDesign::Independent,
            CountedDesign::FixedShares(labels) => SamplingDesign::FixedShares(labels),
            CountedDesign::Groups(groups) => SamplingDesign::Groups(groups),
        }
    }
}

impl Truth {
    /// The design that `samples` were drawn by.
    pub(crate) fn counted_design(&self, samples: &[usize]) -> CountedDesign {
        match &self.groups {
            Some(groups) => {
                CountedDesign::Groups(samples.iter().map(|s| groups[*s].clone()).collect())
            }
            None if self.fixed_class_shares => {
                CountedDesign::FixedShares(samples.iter().map(|s| self.labels[*s]).collect())
            }
            None => CountedDesign::Independent,
        }
    }

    /// How many samples a mean over classes is over: one decision changes it by a share of 1, in the
    /// root of the mean square over samples.
    pub(crate) fn macro_units(&self) -> f64 {
        let mut sizes: BTreeMap<i64, f64> = BTreeMap::new();
        self.labels.iter().for_each(|label| *sizes.entry(*label).or_default() += 1.0);
        let (samples, classes) = (self.labels.len() as f64, sizes.len() as f64);
        let square: f64 = sizes.values().map(|n| n / samples / (classes * n).powi(2)).sum();
        square.sqrt().recip()
    }

    /// What counts most.
    pub fn main(&self) -> Aspect {
        Aspect::main(&self.task)
    }

    /// What an experiment kept, as evaluation knows it; `None` where it kept no more than classes.
    pub(super) fn in_full(&self, kept: &ExperimentPredictions) -> Option<evaluate::Answers> {
        // Without labels, what is kept of pixels is their classes.
        let pixels = self.task.kind == TaskKind::Segmentation && !self.labelled();
        let class = |v: &Option<f32>| v.map_or(u8::MAX, |class| class as u8);
        let pixels = kept.values.iter().filter(|_| pixels).map(class).collect();
        (kept.width() > 0).then(|| evaluate::Answers {
            kind: self.task.kind,
            samples: (0..self.labels.len()).collect(),
            labels: self.labels.clone(),
            truth: self.targets.clone(),
            width: kept.width(),
            values: kept.values.iter().map(|v| v.unwrap_or(f32::NAN)).collect(),
            class: kept.classes.clone(),
            pixels: evaluate::PixelAnswers { class: pixels, chances: vec![] },
        })
    }

    /// Whether the labels say what is right, rather than the strata alone.
    pub fn labelled(&self) -> bool {
        self.targets != evaluate::Truth::Unknown
    }

    /// The first samples alone.
    pub fn first(&self, count: usize) -> Truth {
        let (all, count) = (self.labels.len().max(1), count.min(self.labels.len()));
        let cut = |column: &Vec<String>| column[..count].to_vec();
        Truth {
            task: self.task.clone(),
            labels: self.labels[..count].to_vec(),
            targets: match &self.targets {
                evaluate::Truth::Sets(sets) => {
                    evaluate::Truth::Sets(sets[..sets.len() / all * count].to_vec())
                }
                evaluate::Truth::Numbers(numbers) => {
                    evaluate::Truth::Numbers(numbers[..numbers.len() / all * count].to_vec())
                }
                other => other.clone(),
            },
            groups: self.groups.as_ref().map(cut),
            fixed_class_shares: self.fixed_class_shares,
            slices: self.slices.iter().map(|(name, own)| (name.clone(), cut(own))).collect(),
        }
    }

    /// The samples that count for an aspect.
    pub fn counted(&self, aspect: &Aspect) -> Vec<usize> {
        (0..self.labels.len()).filter(|sample| self.counts(aspect, *sample)).collect()
    }

    /// Whether a sample counts for an aspect.
    pub fn counts(&self, aspect: &Aspect, sample: usize) -> bool {
        match aspect {
            Aspect::Class(class) => self.labels[sample] == *class,
            Aspect::Slice(column, value)
            | Aspect::SliceAgreement(column, value)
            | Aspect::SliceMetric(_, column, value) => {
                self.slices.get(column).is_some_and(|values| values[sample] == *value)
            }
            _ => true,
        }
    }
}
