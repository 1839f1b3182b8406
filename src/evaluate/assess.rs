//! Evaluations with intervals: all variants in the same draws, each beside the baseline.

use super::{Exam, slices};
use crate::record::{ClassScore, Evaluation, Interval, Metric, Score};
use crate::stats::{self, LANES, Lanes, Units};
use std::collections::BTreeMap;

/// Beyond these classes, F1 by class has no interval.
const MOST_CLASSES: usize = 100;

/// How evaluations are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Sampling<'a> {
    /// The group of each evaluated sample, where whole groups are drawn; otherwise single samples of
    /// each class.
    pub groups: Option<&'a [String]>,
    /// Draws.
    pub resamples: usize,
    /// Seeds them.
    pub seed: u64,
}

impl Default for Sampling<'_> {
    fn default() -> Self {
        Sampling { groups: None, resamples: 10_000, seed: 0 }
    }
}

/// Coverage of all intervals.
pub(super) const LEVEL: f64 = 0.95;

impl Sampling<'_> {
    pub(super) fn units(&self, labels: &[i64]) -> Units {
        self.groups.map_or_else(|| Units::stratified(labels), Units::groups)
    }
}

/// The evaluations of variants of which the first is the baseline. All are looked at in the same
/// draws, and every change is paired.
pub fn assess(exams: &[Exam], how: &Sampling) -> Vec<Evaluation> {
    let Some(first) = exams.first().filter(|exam| exam.samples() > 0) else { return vec![] };
    let wanted: Vec<Wanted> = exams.iter().map(Wanted::of).collect();
    let all: Vec<&Exam> = exams.iter().collect();
    let draws = draw(&all, &wanted, &how.units(&first.labels), how);
    let mut found: Vec<Evaluation> = Vec::new();
    for (index, exam) in exams.iter().enumerate() {
        let pair = Pair {
            exam,
            wanted: &wanted[index],
            draws: &draws[index],
            baseline: (index > 0).then(|| (first, &wanted[0], draws[0].as_slice())),
            grouped: how.groups.is_some(),
        };
        let mut evaluation = exam.begin();
        pair.metrics(&mut evaluation);
        evaluation.classes = pair.classes(&evaluation.confusion);
        evaluation.accuracy = evaluation.value(Metric::Accuracy);
        evaluation.accuracy_change = evaluation.change(Metric::Accuracy);
        found.push(evaluation);
    }
    slices::add(exams, how, &mut found);
    found
}

/// Values of one metric in draws that are the same for all exams: `[exam][draw]`, NaN where a draw
/// gives it no value. What is computed from them has the sampling uncertainty of these samples.
pub fn draws(exams: &[&Exam], metric: Metric, how: &Sampling) -> Vec<Vec<f64>> {
    let Some(first) = exams.first() else { return vec![] };
    let one = Wanted { metrics: vec![metric], classes: 0 };
    let wanted = vec![one; exams.len()];
    let all = draw(exams, &wanted, &how.units(&first.labels), how);
    all.into_iter().map(|mut of_one| of_one.swap_remove(0)).collect()
}

/// Which statistics of an exam are drawn: metrics, then precision, recall and F1 of each class.
#[derive(Clone, Debug)]
struct Wanted {
    metrics: Vec<Metric>,
    classes: usize,
}

impl Wanted {
    fn of(exam: &Exam) -> Wanted {
        let totals = exam.tally.totals();
        let defined = |metric: &Metric| exam.gauge.value(&exam.task, *metric, &totals).is_some();
        let metrics = exam.task.metrics().into_iter().filter(defined).collect();
        let classes = exam.gauge.counts(&totals).map_or(0, |counts| counts.hits.len());
        Wanted { metrics, classes: if classes > MOST_CLASSES { 0 } else { classes } }
    }

    fn values(&self, exam: &Exam, sums: &[f64]) -> Vec<f64> {
        let metric = |m: &Metric| exam.gauge.value(&exam.task, *m, sums);
        let mut values: Vec<Option<f64>> = self.metrics.iter().map(metric).collect();
        if let Some(counts) = exam.gauge.counts(sums) {
            for class in 0..self.classes {
                values.extend([counts.recall(class), counts.precision(class), counts.f1(class)]);
            }
        }
        // Not a number stands for no value inside the draws only; intervals leave it out.
        values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect()
    }

    fn len(&self) -> usize {
        self.metrics.len() + 3 * self.classes
    }
}

/// `[exam][statistic][draw]`.
fn draw(exams: &[&Exam], wanted: &[Wanted], units: &Units, how: &Sampling) -> Vec<Vec<Vec<f64>>> {
    let look = |weights: &[Lanes]| {
        let mut all = Vec::new();
        for (exam, wanted) in exams.iter().zip(wanted) {
            let sums = exam.tally.sums(weights);
            let mut values = vec![[f64::NAN; LANES]; wanted.len()];
            for lane in 0..LANES {
                let own: Vec<f64> = sums.iter().map(|sum| sum[lane]).collect();
                let found = wanted.values(exam, &own);
                values.iter_mut().zip(found).for_each(|(lanes, value)| lanes[lane] = value);
            }
            all.extend(values);
        }
        all
    };
    let mut all = units.replicate(how.resamples, how.seed, look).into_iter();
    wanted.iter().map(|wanted| all.by_ref().take(wanted.len()).collect()).collect()
}

/// A variant beside the baseline.
struct Pair<'a> {
    exam: &'a Exam,
    wanted: &'a Wanted,
    draws: &'a [Vec<f64>],
    baseline: Option<(&'a Exam, &'a Wanted, &'a [Vec<f64>])>,
    grouped: bool,
}

impl Pair<'_> {
    fn metrics(&self, evaluation: &mut Evaluation) {
        let totals = self.exam.tally.totals();
        let mut missing = BTreeMap::new();
        for metric in self.exam.task.metrics() {
            let index = self.wanted.metrics.iter().position(|m| *m == metric);
            let value = self.exam.gauge.value(&self.exam.task, metric, &totals);
            let score = index.zip(value).and_then(|(index, value)| {
                Some(Score {
                    value: self.interval(metric, value, &self.draws[index])?,
                    change: self.change(metric, value, &self.draws[index]),
                })
            });
            match score {
                Some(score) => {
                    evaluation.metrics.insert(metric, score);
                }
                None if metric.needs_baseline()
                    && self.baseline.is_none()
                    && metric != self.exam.task.primary => {}
                None => {
                    missing.insert(metric, self.exam.missing(metric));
                }
            }
        }
        evaluation.missing = missing;
    }

    fn interval(&self, metric: Metric, value: f64, draws: &[f64]) -> Option<Interval> {
        let right = self.exam.right().filter(|_| metric == Metric::Accuracy && !self.grouped);
        match (metric, right) {
            (_, Some(right)) => stats::wilson(right.iter().filter(|r| **r).count(), right.len()),
            (Metric::Ece | Metric::EceMass, _) => {
                let found = stats::unbiased_interval(value, draws, LEVEL)?;
                Some(Interval { low: found.low.max(0.0), ..found })
            }
            _ => stats::percentile_interval(value, draws, LEVEL),
        }
    }

    fn change(&self, metric: Metric, value: f64, draws: &[f64]) -> Option<Interval> {
        let (exam, wanted, base) = self.baseline.filter(|_| !metric.needs_baseline())?;
        let index = wanted.metrics.iter().position(|m| *m == metric)?;
        let before = exam.value(metric)?;
        let moved: Vec<f64> = draws.iter().zip(&base[index]).map(|(now, b)| now - b).collect();
        match metric {
            Metric::Ece | Metric::EceMass => {
                stats::unbiased_interval(value - before, &moved, LEVEL)
            }
            _ => stats::percentile_interval(value - before, &moved, LEVEL),
        }
    }

    /// Class by class. Samples that recall and precision speak of are independent, so these have
    /// Wilson's interval where nothing is grouped.
    fn classes(&self, confusion: &[Vec<u64>]) -> Vec<ClassScore> {
        let totals = self.exam.tally.totals();
        let Some(counts) = self.exam.gauge.counts(&totals) else { return vec![] };
        let before =
            self.baseline.map(|(exam, wanted, draws)| (exam.tally.totals(), exam, wanted, draws));
        let score = |class: usize, which: usize, of: usize, value: Option<f64>| -> Option<Score> {
            let value = value?;
            let at = |wanted: &Wanted| wanted.metrics.len() + 3 * class + which;
            let own = (class < self.wanted.classes).then(|| &self.draws[at(self.wanted)]);
            let interval = match (self.grouped || confusion.is_empty(), own) {
                (false, _) if which == 2 => {
                    // F1 is 2J / (1 + J) of the share J of hits among all samples that are or are
                    // called so, which is a proportion.
                    let hits = counts.hits[class];
                    let all = counts.labelled[class] + counts.predicted[class] - hits;
                    let share = stats::wilson(hits.round() as usize, all.round() as usize)?;
                    let f1 = |j: f64| 2.0 * j / (1.0 + j);
                    Interval { value, low: f1(share.low), high: f1(share.high) }
                }
                (false, _) => stats::wilson(counts.hits[class].round() as usize, of)?,
                (true, draws) => stats::percentile_interval(value, draws?, LEVEL)?,
            };
            let change =
                before.as_ref().zip(own).and_then(|((totals, exam, wanted, draws), own)| {
                    let counts = exam.gauge.counts(totals)?;
                    let was =
                        [counts.recall(class), counts.precision(class), counts.f1(class)][which]?;
                    let moved = own.iter().zip(&draws[at(wanted)]).map(|(now, b)| now - b);
                    stats::percentile_interval(value - was, &moved.collect::<Vec<_>>(), LEVEL)
                });
            Some(Score { value: interval, change })
        };
        let each = |class: usize| {
            let (samples, predicted) = (counts.labelled[class], counts.predicted[class]);
            ClassScore {
                class: class as i64,
                samples: samples as u64,
                predicted: predicted as u64,
                recall: score(class, 0, samples as usize, counts.recall(class)),
                precision: score(class, 1, predicted as usize, counts.precision(class)),
                f1: score(class, 2, 0, counts.f1(class)),
            }
        };
        (0..counts.hits.len()).map(each).collect()
    }
}
