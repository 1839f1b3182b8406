//! Change of the primary metric between two runs: paired on the same samples where both keep their
//! answers, else from the two intervals.

use super::figure_change::{ComparedFigure, FigureBasis, FigureChange, FigureVerdict};
use crate::evaluate::{
    self, BootstrapSampling, EvaluationTask, ModelOutputs, PredictionStatistics,
};
use crate::pipeline::{Folders, read_answers};
use crate::report::compare::sources::RowFigures;
use paring_core::schema::{ConfidenceInterval, FileName, Metric, Sha256Hex};
use paring_core::stats;
use std::path::PathBuf;

const UNCHANGED: ConfidenceInterval = ConfidenceInterval { value: 0.0, low: 0.0, high: 0.0 };

/// Answers that a run keeps, and the task that they are answers to.
#[derive(Clone, Debug)]
pub struct KeptAnswers {
    /// The run directory.
    pub run: PathBuf,
    /// The task.
    pub task: EvaluationTask,
    /// Intervals resample whole groups, which the answers do not name.
    pub grouped: bool,
    /// Intervals take the number of samples of each class as given.
    pub fixed_class_shares: bool,
}

/// A row with the answers of its run.
pub(super) type AnsweredRow<'a> = (&'a RowFigures, Option<&'a KeptAnswers>);

/// The change of the primary metric, without a verdict.
///
/// # Errors
/// The reason for which there is none.
pub(super) fn quality_change(
    (before, kept_before): AnsweredRow,
    (after, kept_after): AnsweredRow,
) -> Result<FigureChange, String> {
    let missing = |row: &RowFigures, when: &str| match row.metric_missing.as_str() {
        "" => format!("no quality {when}"),
        reason => format!("no quality {when}: {reason}"),
    };
    let (name, was) = before.metric.clone().ok_or_else(|| missing(before, "before"))?;
    let (other, now) = after.metric.clone().ok_or_else(|| missing(after, "after"))?;
    if name != other {
        return Err(format!("another metric: {other}, before {name}"));
    }
    let metric: Metric = name.parse().map_err(|_| format!("`{name}` is no metric known here"))?;
    let paired = kept_before.zip(kept_after).and_then(|(kept_before, kept_after)| {
        paired_change(metric, (before, kept_before), (after, kept_after))
    });
    let two = before.metric_interval.zip(after.metric_interval);
    let same_file = before.variant_id.is_some() && before.variant_id == after.variant_id;
    let (change, basis) = match (paired, two) {
        (Some(change), _) => (change, FigureBasis::SameSamples),
        // The same file under the same options answers the same samples.
        (None, _) if same_file && was == now => (UNCHANGED, FigureBasis::Exact),
        (None, Some((before, after))) => {
            (stats::zou_donner_difference(before, after), FigureBasis::TwoIntervals)
        }
        (None, None) => return Err("its intervals are not at hand".into()),
    };
    Ok(FigureChange {
        figure: ComparedFigure::Accuracy,
        name,
        before: was,
        after: now,
        change,
        basis,
        verdict: FigureVerdict::CannotTell,
    })
}

/// The verdict on a change of a metric, all of whose interval has to lie on one side of 0.
pub(super) fn quality_verdict(name: &str, change: ConfidenceInterval) -> FigureVerdict {
    let better_above = name.parse::<Metric>().map_or(true, Metric::higher_is_better);
    match change {
        ConfidenceInterval { low: 0.0, high: 0.0, .. } => FigureVerdict::Unchanged,
        _ if !change.excludes_zero() => FigureVerdict::CannotTell,
        _ if (change.value > 0.0) == better_above => FigureVerdict::Better,
        _ => FigureVerdict::Worse,
    }
}

/// The change on the samples that both runs answered; `None` where their answers cannot be paired.
fn paired_change(
    metric: Metric,
    (before, kept_before): (&RowFigures, &KeptAnswers),
    (after, kept_after): (&RowFigures, &KeptAnswers),
) -> Option<ConfidenceInterval> {
    if metric.needs_baseline() || kept_before.grouped || kept_after.grouped {
        return None;
    }
    let task = EvaluationTask { primary: metric, ..kept_after.task.clone() };
    if task != (EvaluationTask { primary: metric, ..kept_before.task.clone() }) {
        return None;
    }
    let answers = |row: &RowFigures, kept: &KeptAnswers| {
        let name = FileName::try_from(row.variant.clone()).ok()?;
        read_answers(&Folders::new(&kept.run).scores(&name), task.kind).ok()
    };
    let (was, now) = (answers(before, kept_before)?, answers(after, kept_after)?);
    let same = |of: fn(&ModelOutputs) -> usize| of(&was) == of(&now);
    if was.samples != now.samples || was.labels != now.labels || was.truth != now.truth {
        return None;
    }
    if same(|answers| answers.width) && was == now {
        return Some(UNCHANGED);
    }
    let first = statistics(&task, &was, None)?;
    let second = statistics(&task, &now, Some(&was))?;
    let sampling = BootstrapSampling {
        fixed_class_shares: kept_after.fixed_class_shares,
        ..BootstrapSampling::default()
    };
    evaluate::evaluate_variants(&[first, second], &sampling).get(1)?.change(metric)
}

fn statistics(
    task: &EvaluationTask,
    answers: &ModelOutputs,
    before: Option<&ModelOutputs>,
) -> Option<PredictionStatistics> {
    PredictionStatistics::new(Sha256Hex::of(&[]), task, answers, before, &[]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, value: f64) -> RowFigures {
        let interval = ConfidenceInterval { value, low: value - 0.01, high: value + 0.01 };
        RowFigures {
            metric: Some((name.into(), value)),
            metric_interval: Some(interval),
            ..RowFigures::default()
        }
    }

    #[track_caller]
    fn judged(before: RowFigures, after: RowFigures, expected: FigureVerdict) {
        let change = quality_change((&before, None), (&after, None)).unwrap();
        assert_eq!(change.basis, FigureBasis::TwoIntervals);
        assert_eq!(quality_verdict(&change.name, change.change), expected);
    }

    #[test]
    fn quality_changes_only_beyond_both_intervals() {
        judged(row("accuracy", 0.9), row("accuracy", 0.91), FigureVerdict::CannotTell);
        judged(row("accuracy", 0.9), row("accuracy", 0.93), FigureVerdict::Better);
        judged(row("accuracy", 0.9), row("accuracy", 0.8), FigureVerdict::Worse);
        judged(row("mse", 0.9), row("mse", 0.8), FigureVerdict::Better);
    }

    #[test]
    fn what_is_missing_is_named() {
        let without = RowFigures { metric_missing: "no labels".into(), ..RowFigures::default() };
        let reason = |before: &RowFigures, after: &RowFigures| {
            quality_change((before, None), (after, None)).unwrap_err()
        };
        assert_eq!(reason(&row("mse", 0.1), &without), "no quality after: no labels");
        assert_eq!(
            reason(&row("mse", 0.1), &row("accuracy", 0.1)),
            "another metric: accuracy, before mse"
        );
        let bare = RowFigures { metric_interval: None, ..row("mse", 0.1) };
        assert_eq!(reason(&row("mse", 0.1), &bare), "its intervals are not at hand");
    }
}
