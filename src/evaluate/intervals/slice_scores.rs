//! The same figures for named subsets of the samples.

use super::bootstrap_sampling::BootstrapSampling;
use super::metric_interval::MetricResamples;
use super::resampled_statistics::draws;
use crate::evaluate::statistics::PredictionStatistics;
use paring_core::schema::{Evaluation, Metric, MetricScore, SliceScore};
use paring_core::stats;
use std::collections::{BTreeMap, BTreeSet};

/// Adds slices to evaluations of which the first is the baseline's.
pub(super) fn add(
    exams: &[PredictionStatistics],
    how: &BootstrapSampling,
    found: &mut [Evaluation],
) {
    let parts = exams.first().map_or(0, |exam| exam.parts.len());
    for index in 0..parts {
        let own: Vec<&PredictionStatistics> =
            exams.iter().map(|exam| &exam.parts[index].exam).collect();
        let part = &exams[0].parts[index];
        let groups: Option<Vec<String>> =
            how.groups.map(|all| part.positions.iter().map(|p| all[*p].clone()).collect());
        let how = BootstrapSampling { groups: groups.as_deref(), ..*how };
        for (evaluation, metrics) in found.iter_mut().zip(scores(&own, &how)) {
            let exam = own[0];
            evaluation.slices.push(SliceScore {
                column: part.column.clone(),
                value: part.value.clone(),
                samples: exam.samples(),
                metrics,
                flips: None,
                p_adjusted: None,
            });
        }
    }
    for (exam, evaluation) in exams.iter().zip(found) {
        compare(exam, &mut evaluation.slices);
        spread(exam.task.primary, evaluation);
    }
}

/// Flips within each slice, and Holm's correction over all slices that were tested.
fn compare(exam: &PredictionStatistics, slices: &mut [SliceScore]) {
    let counted: Vec<_> =
        exam.parts.iter().filter_map(|p| p.exam.regressions_and_fixes()).collect();
    let tests: Vec<f64> =
        counted.iter().map(|(losses, gains)| stats::mcnemar(*losses, *gains)).collect();
    let mut adjusted = stats::holm(&tests).into_iter();
    for (slice, part) in slices.iter_mut().zip(&exam.parts) {
        let flips = part.exam.flips.as_ref();
        slice.flips = flips.map(|flips| flips.iter().flatten().count());
        slice.p_adjusted = flips.and_then(|_| adjusted.next());
    }
}

/// Adds the range of the primary metric over the slices of each column.
fn spread(primary: Metric, evaluation: &mut Evaluation) {
    let mut ranges: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for slice in &evaluation.slices {
        let Some(score) = slice.metrics.get(&primary) else { continue };
        let value = score.value.value;
        let range = ranges.entry(slice.column.clone()).or_insert((value, value));
        *range = (range.0.min(value), range.1.max(value));
    }
    evaluation.slice_spread =
        ranges.into_iter().map(|(column, (low, high))| (column, high - low)).collect();
}

/// Accuracy, where answers are classes, and the primary metric.
fn scores(
    exams: &[&PredictionStatistics],
    how: &BootstrapSampling,
) -> Vec<BTreeMap<Metric, MetricScore>> {
    let mut all = vec![BTreeMap::new(); exams.len()];
    let Some(first) = exams.first() else { return all };
    let design = how.design(&first.labels);
    let accuracy = first.right().map(|_| Metric::Accuracy);
    let metrics: BTreeSet<Metric> = accuracy.into_iter().chain([first.task.primary]).collect();
    for metric in metrics {
        // Proportions need no draws.
        let drawn = match first.proportion(metric) {
            Some(_) => vec![vec![]; exams.len()],
            None => draws(exams, metric, how),
        };
        let own = |index: usize| MetricResamples { exam: exams[index], draws: &drawn[index] };
        for (index, scores) in all.iter_mut().enumerate() {
            let change = (index > 0).then(|| own(index).change(&own(0), metric, design)).flatten();
            let value = own(index).interval(metric, design);
            scores.extend(value.map(|value| (metric, MetricScore { value, change })));
        }
    }
    all
}
