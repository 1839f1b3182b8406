//! Evaluations with intervals: all variants in the same draws, each beside the baseline.

use super::interval::{ClassRate, Drawn, DrawnRate};
use super::metrics::Counts;
use super::{Exam, slices};
use paring_core::schema::{ClassScore, Evaluation, Interval, Metric, Score, TaskKind};
use paring_core::stats::{self, LANES, Lanes, SamplingDesign, Units};
use std::collections::BTreeMap;

/// Beyond these classes, F1 by class has no interval.
const MOST_CLASSES: usize = 100;

/// How evaluations are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Sampling<'a> {
    /// The group of each evaluated sample, where whole groups are drawn; otherwise single samples.
    pub groups: Option<&'a [String]>,
    /// Whether a fixed number of samples was taken of each class, so that another draw would have the
    /// same shares; of groups it has no meaning.
    pub fixed_class_shares: bool,
    /// Draws.
    pub resamples: usize,
    /// Seeds them.
    pub seed: u64,
}

impl Default for Sampling<'_> {
    fn default() -> Self {
        Sampling { groups: None, fixed_class_shares: false, resamples: 10_000, seed: 0 }
    }
}

impl<'a> Sampling<'a> {
    /// The design that it is, of samples with these classes.
    pub(super) fn design<'b>(&self, labels: &'b [i64]) -> SamplingDesign<'b>
    where
        'a: 'b,
    {
        match self.groups {
            Some(groups) => SamplingDesign::Groups(groups),
            None if self.fixed_class_shares => SamplingDesign::FixedShares(labels),
            None => SamplingDesign::Independent,
        }
    }

    pub(super) fn units(&self, labels: &[i64]) -> Units {
        Units::of(self.design(labels), labels.len())
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
            design: how.design(&first.labels),
        };
        let mut evaluation = exam.begin();
        pair.metrics(&mut evaluation);
        evaluation.classes = pair.classes();
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
                values.extend(ClassRate::ALL.map(|rate| rate.value(&counts, class)));
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
    design: SamplingDesign<'a>,
}

impl Pair<'_> {
    fn metrics(&self, evaluation: &mut Evaluation) {
        let mut missing = BTreeMap::new();
        for metric in self.exam.task.metrics() {
            match self.score(metric) {
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

    fn score(&self, metric: Metric) -> Option<Score> {
        let position = |wanted: &Wanted| wanted.metrics.iter().position(|m| *m == metric);
        let own = Drawn { exam: self.exam, draws: &self.draws[position(self.wanted)?] };
        let change = self.baseline.filter(|_| !metric.needs_baseline());
        let change = change.and_then(|(exam, wanted, draws)| {
            let before = Drawn { exam, draws: &draws[position(wanted)?] };
            own.change(&before, metric, self.design)
        });
        Some(Score { value: own.interval(metric, self.design)?, change })
    }

    fn classes(&self) -> Vec<ClassScore> {
        let totals = self.exam.tally.totals();
        let Some(counts) = self.exam.gauge.counts(&totals) else { return vec![] };
        let each = |class: usize| {
            let [recall, precision, f1] =
                ClassRate::ALL.map(|rate| self.class_score(&counts, class, rate));
            ClassScore {
                class: class as i64,
                samples: counts.labelled[class] as u64,
                predicted: counts.predicted[class] as u64,
                recall,
                precision,
                f1,
            }
        };
        (0..counts.hits.len()).map(each).collect()
    }

    /// One class by one rate. Decisions about pixels depend on each other as those of a group do.
    fn class_score(&self, counts: &Counts, class: usize, rate: ClassRate) -> Option<Score> {
        let samples = self.exam.samples();
        let at = |wanted: &Wanted| wanted.metrics.len() + 3 * class + rate as usize;
        let value = rate.value(counts, class)?;
        let drawn = (class < self.wanted.classes).then(|| DrawnRate {
            value,
            draws: &self.draws[at(self.wanted)],
            units: rate.units(counts, class),
        });
        let pixels = self.exam.task.kind == TaskKind::Segmentation;
        let grouped = matches!(self.design, SamplingDesign::Groups(_));
        let interval = match drawn {
            _ if !pixels && !grouped => rate.wilson(counts, class),
            Some(drawn) if pixels => {
                let units = self.design.units(samples);
                stats::expanded_percentile_interval(value, drawn.draws, units)
            }
            drawn => drawn?.interval(samples, self.design),
        };
        let change = self.baseline.zip(drawn).and_then(|((exam, wanted, draws), drawn)| {
            let totals = exam.tally.totals();
            let counts = exam.gauge.counts(&totals)?;
            let (units, draws) = (rate.units(&counts, class), &draws[at(wanted)]);
            let before = DrawnRate { value: rate.value(&counts, class)?, draws, units };
            match rate {
                _ if pixels => drawn.percentile_change(&before, samples, self.design),
                ClassRate::Recall if self.exam.by_sample() => self.recall_change(exam, class),
                _ => drawn.change(&before, samples, self.design),
            }
        });
        Some(Score { value: interval?, change })
    }

    /// The change of the share of right answers among the samples of a class.
    fn recall_change(&self, baseline: &Exam, class: usize) -> Option<Interval> {
        let labels = &self.exam.labels;
        let own: Vec<usize> =
            (0..labels.len()).filter(|s| usize::try_from(labels[*s]) == Ok(class)).collect();
        let (after, before) = (self.exam.right()?, baseline.right()?);
        let share = |s: &usize| f64::from(after[*s]) - f64::from(before[*s]);
        let shares: Vec<f64> = own.iter().map(share).collect();
        let groups: Option<Vec<String>> = match self.design {
            SamplingDesign::Groups(groups) => {
                Some(own.iter().map(|s| groups[*s].clone()).collect())
            }
            _ => None,
        };
        let design = groups.as_deref().map_or(SamplingDesign::Independent, SamplingDesign::Groups);
        stats::bonett_price_interval(&shares, design)
    }
}
