//! The `[task]` section: what is asked of the model, and by which metrics it is judged.

use super::file::TaskSection;
use super::load::Task;
use crate::evaluate;
use paring_core::schema::Scores;
use paring_core::schema::{Metric, TaskKind};

/// Checks the section.
pub(super) fn task(section: &TaskSection) -> Result<Task, String> {
    let kind = match section.kind.as_deref() {
        None => TaskKind::Classification,
        Some(text) => text.parse().map_err(|e: paring_core::schema::UnknownName| e.to_string())?,
    };
    let scores = match section.scores.as_deref() {
        None | Some("probabilities") => Scores::Probabilities,
        Some("logits") => Scores::Logits,
        Some(other) => {
            return Err(format!("`scores` is `probabilities` or `logits`, not `{other}`"));
        }
    };
    let mut asked = evaluate::Task::new(kind, scores);
    if let Some(text) = &section.metric {
        asked.primary = metric(kind, text)?;
    }
    asked.further = section.metrics.iter().map(|t| metric(kind, t)).collect::<Result<_, _>>()?;
    asked.positive = section.positive;
    asked.threshold = section.threshold;
    if let Some(threshold) = section.threshold {
        let probability = (0.0..=1.0).contains(&threshold);
        match kind {
            TaskKind::Regression => {
                return Err("`threshold` under [task] means nothing for regression".into());
            }
            TaskKind::Scores if threshold.is_finite() => {}
            _ if probability => {}
            _ => return Err(format!("`threshold` under [task] is {threshold}, not a probability")),
        }
    }
    let metric = section.metric.as_ref().map(|_| asked.primary);
    Ok(Task { output: section.output.clone(), asked, metric })
}

/// A metric that says something about tasks of this kind.
fn metric(kind: TaskKind, text: &str) -> Result<Metric, String> {
    let metric: Metric =
        text.parse().map_err(|e: paring_core::schema::UnknownName| e.to_string())?;
    if evaluate::Task::knows(kind, metric) {
        return Ok(metric);
    }
    let usual = kind.metrics().iter().filter(|m| evaluate::Task::knows(kind, **m));
    let known = usual.map(ToString::to_string).collect::<Vec<_>>().join("`, `");
    Err(format!("metric `{metric}` says nothing about {kind}; known there are `{known}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(kind: &str, metric: &str) -> TaskSection {
        let (kind, metric) = (Some(kind.into()), Some(metric.into()));
        TaskSection { kind, metric, ..TaskSection::default() }
    }

    #[track_caller]
    fn refused(section: &TaskSection, start: &str) {
        let message = task(section).unwrap_err();
        assert!(message.starts_with(start), "{message}");
    }

    #[test]
    fn metrics_belong_to_tasks() {
        let asked = task(&section("classification", "top_3")).unwrap().asked;
        assert_eq!(asked.primary, Metric::Top(3));
        assert!(asked.metrics().contains(&Metric::Top(3)));
        assert_eq!(task(&TaskSection::default()).unwrap().asked.primary, Metric::Accuracy);
        refused(&section("classification", "f1"), "unknown metric `f1`; known are `accuracy`");
        refused(
            &section("regression", "ece"),
            "metric `ece` says nothing about regression; known there are `mse`, `mae`, `r2`, `relative_l2`",
        );
        refused(&section("ranking", "auc"), "unknown task kind `ranking`; known are");
        let absurd = TaskSection { threshold: Some(3.0), ..section("classification", "recall") };
        refused(&absurd, "`threshold` under [task] is 3, not a probability");
    }
}
