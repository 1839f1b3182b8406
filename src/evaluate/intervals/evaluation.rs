//! Evaluations with intervals: all variants in the same draws, each beside the baseline.

use super::bootstrap_sampling::BootstrapSampling;
use super::class_rate::ClassRate;
use super::class_specificity::class_specificities;
use super::metric_interval::{MetricResamples, RateResamples};
use super::resampled_statistics::{ResampledStatistics, draw};
use super::slice_scores;
use crate::evaluate::metrics::ClassCounts;
use crate::evaluate::statistics::PredictionStatistics;
use paring_core::schema::{
    ClassScore, ConfidenceInterval, Evaluation, Metric, MetricScore, TaskKind,
};
use paring_core::stats::{self, SamplingDesign};
use std::collections::BTreeMap;

/// The evaluations of variants of which the first is the baseline. All are looked at in the same
/// draws, and every change is paired.
pub fn evaluate_variants(
    exams: &[PredictionStatistics],
    how: &BootstrapSampling,
) -> Vec<Evaluation> {
    let Some(first) = exams.first().filter(|exam| exam.samples() > 0) else { return vec![] };
    let wanted: Vec<ResampledStatistics> = exams.iter().map(ResampledStatistics::of).collect();
    let all: Vec<&PredictionStatistics> = exams.iter().collect();
    let draws = draw(&all, &wanted, &how.units(&first.labels), how);
    let mut found: Vec<Evaluation> = Vec::new();
    for (index, exam) in exams.iter().enumerate() {
        let pair = PairedEvaluation {
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
    slice_scores::add(exams, how, &mut found);
    found
}

/// A variant beside the baseline.
struct PairedEvaluation<'a> {
    exam: &'a PredictionStatistics,
    wanted: &'a ResampledStatistics,
    draws: &'a [Vec<f64>],
    baseline: Option<(&'a PredictionStatistics, &'a ResampledStatistics, &'a [Vec<f64>])>,
    design: SamplingDesign<'a>,
}

impl PairedEvaluation<'_> {
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

    fn score(&self, metric: Metric) -> Option<MetricScore> {
        let position =
            |wanted: &ResampledStatistics| wanted.metrics.iter().position(|m| *m == metric);
        let own = MetricResamples { exam: self.exam, draws: &self.draws[position(self.wanted)?] };
        let change = self.baseline.filter(|_| !metric.needs_baseline());
        let change = change.and_then(|(exam, wanted, draws)| {
            let before = MetricResamples { exam, draws: &draws[position(wanted)?] };
            own.change(&before, metric, self.design)
        });
        Some(MetricScore { value: own.interval(metric, self.design)?, change })
    }

    fn classes(&self) -> Vec<ClassScore> {
        let totals = self.exam.tally.totals();
        let Some(counts) = self.exam.gauge.counts(&totals) else { return vec![] };
        let baseline = self.baseline.map(|(exam, ..)| exam);
        let specificities = class_specificities(self.exam, baseline, self.design);
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
                specificity: specificities.get(class).copied().flatten(),
            }
        };
        (0..counts.true_positives.len()).map(each).collect()
    }

    /// One class by one rate. Decisions about pixels depend on each other as those of a group do.
    fn class_score(
        &self,
        counts: &ClassCounts,
        class: usize,
        rate: ClassRate,
    ) -> Option<MetricScore> {
        let samples = self.exam.samples();
        let at = |wanted: &ResampledStatistics| wanted.metrics.len() + 3 * class + rate as usize;
        let value = rate.value(counts, class)?;
        let drawn = (class < self.wanted.classes).then(|| RateResamples {
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
            let before = RateResamples { value: rate.value(&counts, class)?, draws, units };
            match rate {
                _ if pixels => drawn.percentile_change(&before, samples, self.design),
                ClassRate::Recall if self.exam.by_sample() => self.recall_change(exam, class),
                _ => drawn.change(&before, samples, self.design),
            }
        });
        Some(MetricScore { value: interval?, change })
    }

    /// The change of the share of right answers among the samples of a class.
    fn recall_change(
        &self,
        baseline: &PredictionStatistics,
        class: usize,
    ) -> Option<ConfidenceInterval> {
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
