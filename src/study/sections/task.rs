//! The `[task]` section: the kind of task, the meaning of the model's outputs, and the metrics.

use crate::evaluate;
use crate::study::key_schemas::{known_words, metric_schema, metrics_schema};
use paring_core::schema::{Metric, ScoreKind, TaskKind};
use schemars::JsonSchema;
use serde::Deserialize;

/// Kind of task, meaning of the model's outputs, and metrics.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::study) struct TaskSection {
    /// Kind of the task; default `classification`.
    #[serde(default)]
    #[schemars(schema_with = "known_words::<TaskKind>")]
    kind: Option<String>,
    /// The output with the scores; default: the only one, or the only one of floats.
    #[serde(default)]
    output: Option<String>,
    /// Meaning of the output's numbers; default `probabilities`.
    #[serde(default)]
    #[schemars(schema_with = "known_words::<ScoreKind>")]
    scores: Option<String>,
    /// The primary metric: forecasts, effects and the results table are about it.
    #[serde(default)]
    #[schemars(schema_with = "metric_schema")]
    metric: Option<String>,
    /// Further metrics, `["top_3"]` say.
    #[serde(default)]
    #[schemars(schema_with = "metrics_schema")]
    metrics: Vec<String>,
    /// The class that precision, recall, sensitivity, specificity and the false negative rate speak of.
    #[serde(default)]
    positive: Option<usize>,
    /// The probability (of `scores`: the score) from which an answer counts as positive.
    #[serde(default)]
    threshold: Option<f64>,
}

/// Meaning of a model's outputs, and the metrics it is judged by.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskSettings {
    /// The output with the scores; `None` for the only one.
    pub output: Option<String>,
    /// The task as evaluated where the data have labels.
    pub labelled_task: evaluate::EvaluationTask,
    /// The metric that is named as the one that counts most.
    pub metric: Option<Metric>,
}

/// Checks the section.
pub(in crate::study) fn task_settings(section: &TaskSection) -> Result<TaskSettings, String> {
    let kind = match section.kind.as_deref() {
        None => TaskKind::Classification,
        Some(text) => text.parse().map_err(|e: paring_core::schema::UnknownName| e.to_string())?,
    };
    let scores = match section.scores.as_deref() {
        None | Some("probabilities") => ScoreKind::Probabilities,
        Some("logits") => ScoreKind::Logits,
        Some(other) => {
            return Err(format!("`scores` is `probabilities` or `logits`, not `{other}`"));
        }
    };
    let mut task = evaluate::EvaluationTask::new(kind, scores);
    if let Some(text) = &section.metric {
        task.primary = metric(kind, text)?;
    }
    task.further = section.metrics.iter().map(|t| metric(kind, t)).collect::<Result<_, _>>()?;
    task.positive = section.positive;
    task.threshold = section.threshold;
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
    let metric = section.metric.as_ref().map(|_| task.primary);
    Ok(TaskSettings { output: section.output.clone(), labelled_task: task, metric })
}

/// A metric that says something about tasks of this kind.
fn metric(kind: TaskKind, text: &str) -> Result<Metric, String> {
    let metric: Metric =
        text.parse().map_err(|e: paring_core::schema::UnknownName| e.to_string())?;
    if evaluate::EvaluationTask::knows(kind, metric) {
        return Ok(metric);
    }
    let usual = kind.metrics().iter().filter(|m| evaluate::EvaluationTask::knows(kind, **m));
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
        let message = task_settings(section).unwrap_err();
        assert!(message.starts_with(start), "{message}");
    }

    #[test]
    fn metrics_belong_to_tasks() {
        let top_3 = task_settings(&section("classification", "top_3")).unwrap().labelled_task;
        assert_eq!(top_3.primary, Metric::Top(3));
        assert!(top_3.metrics().contains(&Metric::Top(3)));
        let default = task_settings(&TaskSection::default()).unwrap().labelled_task;
        assert_eq!(default.primary, Metric::Accuracy);
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
