//! Slots of the sums behind each metric, and each metric as a function of them.

use crate::evaluate::EvaluationTask;
use crate::evaluate::metrics::{ClassCounts, ConfusionCounts};
use paring_core::schema::Metric;
use std::collections::BTreeMap;

/// Slots of a tally, by what they are for.
#[derive(Clone, Debug, Default)]
pub(crate) struct MetricSlots {
    /// Usable samples.
    pub(crate) usable: usize,
    /// Decisions about each class: samples, or pixels.
    pub(crate) decisions: Option<usize>,
    /// First of three slots a class: hits, predictions, labels.
    pub(crate) counts: Option<(usize, usize)>,
    /// First of four slots: hits, false alarms, missed, rejected.
    pub(crate) binary: Option<usize>,
    /// Means over all samples, and over usable ones.
    pub(crate) means: BTreeMap<Metric, (usize, MeanDenominator)>,
    /// First of so many bins, each the sum of right less confidence.
    pub(crate) gaps: BTreeMap<Metric, (usize, usize)>,
    /// The area under the curve, and the sum of influences.
    pub(crate) auc: Option<(f64, usize)>,
    /// Numbers of samples behind the area under the curve.
    pub(crate) roc: Option<RocSize>,
    /// First of three slots a target: truth less its mean, its square, the squared error.
    pub(crate) targets: Option<(usize, usize)>,
    /// Squared distance from the baseline, and the baseline's squared norm.
    pub(crate) distance: Option<(usize, usize)>,
    /// All samples.
    pub(crate) samples: usize,
}

/// Numbers of samples behind an area under the curve, and of areas that it is the mean of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RocSize {
    pub(crate) positives: f64,
    pub(crate) negatives: f64,
    pub(crate) areas: f64,
}

/// A figure that follows from the sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResampledMetric {
    /// A metric of all samples.
    Metric(Metric),
    /// F1 of one class, which of pixels is its Dice coefficient.
    ClassF1(usize),
}

/// A rate of yes and no.
type ConfusionRate = fn(&ConfusionCounts) -> Option<f64>;

/// Denominator of a mean.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MeanDenominator {
    Samples,
    Usable,
    /// The count in this slot.
    Slot(usize),
}

impl MetricSlots {
    /// A figure of the sums; `None` where it has no value.
    pub(crate) fn figure(
        &self,
        task: &EvaluationTask,
        figure: ResampledMetric,
        sums: &[f64],
    ) -> Option<f64> {
        match figure {
            ResampledMetric::Metric(metric) => self.value(task, metric, sums),
            ResampledMetric::ClassF1(class) => self
                .counts(sums)
                .filter(|c| class < c.true_positives.len())
                .and_then(|c| c.f1(class)),
        }
    }

    /// A metric of the sums; `None` where it has no value.
    pub(crate) fn value(&self, task: &EvaluationTask, metric: Metric, sums: &[f64]) -> Option<f64> {
        let over = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
        if let Some((slot, mean)) = self.means.get(&metric) {
            let whole = match mean {
                MeanDenominator::Samples => sums[self.samples],
                MeanDenominator::Usable => sums[self.usable],
                MeanDenominator::Slot(slot) => sums[*slot],
            };
            return over(sums[*slot], whole);
        }
        if let Some((first, bins)) = self.gaps.get(&metric) {
            let gaps = sums[*first..first + bins].iter().map(|gap| gap.abs()).sum();
            return over(gaps, sums[self.usable]);
        }
        match metric {
            Metric::Auc => {
                let (area, slot) = self.auc?;
                over(sums[slot], sums[self.usable]).map(|moved| area + moved)
            }
            Metric::RelativeL2 => {
                let (distance, norm) = self.distance?;
                over(sums[distance], sums[norm]).map(f64::sqrt)
            }
            Metric::Sqnr => {
                let (distance, norm) = self.distance?;
                let (noise, signal) = (sums[distance], sums[norm]);
                (noise > 0.0 && signal > 0.0).then(|| 10.0 * (signal / noise).log10())
            }
            Metric::R2 => self.explained(sums),
            _ => self.counted(task, metric, sums),
        }
    }

    fn explained(&self, sums: &[f64]) -> Option<f64> {
        let (first, targets) = self.targets?;
        let of = |t: usize| {
            let [off, squared, residual] = [0, 1, 2].map(|k| sums[first + 3 * t + k]);
            let total = squared - off * off / sums[self.usable];
            (total > 0.0).then(|| 1.0 - residual / total)
        };
        let all: Option<Vec<f64>> = (0..targets).map(of).collect();
        Some(all?.iter().sum::<f64>() / targets as f64)
    }

    fn counted(&self, task: &EvaluationTask, metric: Metric, sums: &[f64]) -> Option<f64> {
        let counts = self.counts(sums)?;
        let decisions = sums[self.decisions?];
        let binary = self.binary(task, sums);
        let positive = task.positive.filter(|class| *class < counts.true_positives.len());
        let (rate, mean): (ConfusionRate, Option<f64>) = match metric {
            Metric::F1Micro => return counts.f1_micro(),
            Metric::F1Macro => return counts.f1_macro(),
            Metric::Accuracy => {
                let right = counts.true_positives.iter().sum::<f64>();
                return (decisions > 0.0).then(|| right / decisions);
            }
            Metric::Dice => match positive {
                Some(class) => return counts.f1(class),
                None => return counts.f1_macro(),
            },
            Metric::Iou => match positive {
                Some(class) => return counts.iou(class),
                None => return counts.iou_macro(),
            },
            Metric::Precision => (ConfusionCounts::precision, counts.precision_macro()),
            Metric::Recall | Metric::Sensitivity => {
                (ConfusionCounts::recall, counts.recall_macro())
            }
            Metric::Specificity => {
                (ConfusionCounts::specificity, counts.specificity_macro(decisions))
            }
            Metric::FalseNegativeRate => (
                ConfusionCounts::false_negative_rate,
                counts.recall_macro().map(|recall| 1.0 - recall),
            ),
            _ => return None,
        };
        match binary {
            Some(binary) => rate(&binary),
            None => mean,
        }
    }

    pub(crate) fn binary(&self, task: &EvaluationTask, sums: &[f64]) -> Option<ConfusionCounts> {
        if let Some(first) = self.binary {
            let [true_positives, false_positives, false_negatives, true_negatives] =
                [0, 1, 2, 3].map(|k| sums[first + k]);
            return Some(ConfusionCounts {
                true_positives,
                false_positives,
                false_negatives,
                true_negatives,
            });
        }
        let class = task.positive?;
        let counts = self.counts(sums).filter(|counts| class < counts.true_positives.len())?;
        Some(counts.binary(class, sums[self.decisions?]))
    }

    /// Counts of classes in the sums.
    pub(crate) fn counts<'a>(&self, sums: &'a [f64]) -> Option<ClassCounts<'a>> {
        let (first, classes) = self.counts?;
        let part = |k: usize| &sums[first + k * classes..first + (k + 1) * classes];
        Some(ClassCounts { true_positives: part(0), predicted: part(1), labelled: part(2) })
    }
}
