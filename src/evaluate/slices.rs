//! The same figures for named subsets of the samples.

use super::assess::{LEVEL, draws};
use super::{Exam, Sampling};
use crate::record::{Evaluation, Metric, Score, SliceScore};
use crate::stats;
use std::collections::BTreeMap;

/// Adds slices to evaluations of which the first is the baseline's.
pub(super) fn add(exams: &[Exam], how: &Sampling, found: &mut [Evaluation]) {
    let parts = exams.first().map_or(0, |exam| exam.parts.len());
    for index in 0..parts {
        let own: Vec<&Exam> = exams.iter().map(|exam| &exam.parts[index].exam).collect();
        let part = &exams[0].parts[index];
        let groups: Option<Vec<String>> =
            how.groups.map(|all| part.positions.iter().map(|p| all[*p].clone()).collect());
        let how = Sampling { groups: groups.as_deref(), ..*how };
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
fn compare(exam: &Exam, slices: &mut [SliceScore]) {
    let counted: Vec<_> = exam.parts.iter().filter_map(|p| p.exam.losses_and_gains()).collect();
    let tests: Vec<f64> =
        counted.iter().map(|(losses, gains)| stats::mcnemar(*losses, *gains)).collect();
    let mut adjusted = stats::holm(&tests).into_iter();
    for (slice, part) in slices.iter_mut().zip(&exam.parts) {
        let flips = part.exam.flips.as_ref();
        slice.flips = flips.map(|flips| flips.iter().flatten().count());
        slice.p_adjusted = flips.and_then(|_| adjusted.next());
    }
}

/// How far apart the slices of each column lie.
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

/// Accuracy by intervals that have a width however few samples there are, and the primary metric.
fn scores(exams: &[&Exam], how: &Sampling) -> Vec<BTreeMap<Metric, Score>> {
    let mut all: Vec<BTreeMap<Metric, Score>> =
        exams.iter().map(|exam| accuracy(exam, how).into_iter().collect()).collect();
    let Some(primary) = exams.first().map(|exam| exam.task.primary) else { return all };
    if all.iter().all(|scores| scores.contains_key(&primary)) {
        return all;
    }
    let drawn = draws(exams, primary, how);
    let values: Vec<Option<f64>> = exams.iter().map(|exam| exam.value(primary)).collect();
    for (index, scores) in all.iter_mut().enumerate() {
        let Some(value) = values[index] else { continue };
        let change = values[0].filter(|_| index > 0).and_then(|was| {
            let moved = drawn[index].iter().zip(&drawn[0]).map(|(now, before)| now - before);
            stats::percentile_interval(value - was, &moved.collect::<Vec<_>>(), LEVEL)
        });
        let value = stats::percentile_interval(value, &drawn[index], LEVEL);
        scores.extend(value.map(|value| (primary, Score { value, change })));
    }
    all
}

fn accuracy(exam: &Exam, how: &Sampling) -> Option<(Metric, Score)> {
    let right = exam.right().filter(|_| how.groups.is_none())?;
    let value = stats::wilson(right.iter().filter(|r| **r).count(), right.len())?;
    let change = exam
        .losses_and_gains()
        .and_then(|(losses, gains)| stats::paired_difference(losses, gains, right.len()));
    Some((Metric::Accuracy, Score { value, change }))
}
