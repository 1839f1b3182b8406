//! Kinds of tasks, as studies and files spell them.

use crate::schema::{Metric, UnknownName};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

const CLASSIFICATION_METRICS: &[Metric] = &[
    Metric::Accuracy,
    Metric::Top(5),
    Metric::F1Macro,
    Metric::F1Micro,
    Metric::Precision,
    Metric::Recall,
    Metric::Sensitivity,
    Metric::Specificity,
    Metric::FalseNegativeRate,
    Metric::Auc,
    Metric::LogLoss,
    Metric::Brier,
    Metric::Ece,
    Metric::EceMass,
    Metric::Agreement,
    Metric::KlDivergence,
];

const MULTILABEL_METRICS: &[Metric] = &[
    Metric::F1Macro,
    Metric::F1Micro,
    Metric::Accuracy,
    Metric::Precision,
    Metric::Recall,
    Metric::Sensitivity,
    Metric::Specificity,
    Metric::FalseNegativeRate,
    Metric::Auc,
    Metric::LogLoss,
    Metric::Brier,
    Metric::Ece,
    Metric::EceMass,
    Metric::Agreement,
    Metric::RelativeL2,
    Metric::Sqnr,
];

const REGRESSION_METRICS: &[Metric] =
    &[Metric::Mse, Metric::Mae, Metric::R2, Metric::RelativeL2, Metric::Sqnr];

const SEGMENTATION_METRICS: &[Metric] = &[
    Metric::Dice,
    Metric::Iou,
    Metric::Accuracy,
    Metric::Sensitivity,
    Metric::Specificity,
    Metric::FalseNegativeRate,
    Metric::Agreement,
    Metric::KlDivergence,
];

const SCORES_METRICS: &[Metric] = &[
    Metric::Auc,
    Metric::F1Macro,
    Metric::Accuracy,
    Metric::Precision,
    Metric::Recall,
    Metric::Sensitivity,
    Metric::Specificity,
    Metric::FalseNegativeRate,
    Metric::Agreement,
    Metric::RelativeL2,
    Metric::Sqnr,
];

const SEQUENCE_METRICS: &[Metric] = &[Metric::Accuracy, Metric::Agreement, Metric::KlDivergence];

/// Kind of a task: meaning of the model's outputs and the data's labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskKind {
    /// One class a sample.
    #[default]
    Classification,
    /// Any number of classes a sample.
    Multilabel,
    /// Numbers.
    Regression,
    /// One class a pixel.
    Segmentation,
    /// One score a sample; the higher, the likelier label 1 (an anomaly, say). Without labels, any
    /// numbers.
    Scores,
    /// One class a position (a character, a token), classes along the last axis.
    Sequence,
}

impl TaskKind {
    /// All kinds.
    pub const ALL: [TaskKind; 6] = [
        TaskKind::Classification,
        TaskKind::Multilabel,
        TaskKind::Regression,
        TaskKind::Segmentation,
        TaskKind::Scores,
        TaskKind::Sequence,
    ];

    /// As written in studies and files.
    pub fn name(self) -> &'static str {
        match self {
            TaskKind::Classification => "classification",
            TaskKind::Multilabel => "multilabel",
            TaskKind::Regression => "regression",
            TaskKind::Segmentation => "segmentation",
            TaskKind::Scores => "scores",
            TaskKind::Sequence => "sequence",
        }
    }

    /// The usual primary metric of data without labels: how much of the baseline's answers is kept.
    pub fn fidelity(self) -> Metric {
        match self {
            TaskKind::Regression | TaskKind::Scores => Metric::RelativeL2,
            _ => Metric::Agreement,
        }
    }

    /// The metrics that can count most without labels, for messages.
    pub fn without_labels(self) -> String {
        let own = self.metrics().iter().filter(|m| m.needs_baseline() && **m != Metric::Sqnr);
        own.map(ToString::to_string).collect::<Vec<_>>().join("`, `")
    }

    /// The metrics that make sense for it, the usual primary one first.
    pub fn metrics(self) -> &'static [Metric] {
        match self {
            TaskKind::Classification => CLASSIFICATION_METRICS,
            TaskKind::Multilabel => MULTILABEL_METRICS,
            TaskKind::Regression => REGRESSION_METRICS,
            TaskKind::Segmentation => SEGMENTATION_METRICS,
            TaskKind::Scores => SCORES_METRICS,
            TaskKind::Sequence => SEQUENCE_METRICS,
        }
    }
}

impl fmt::Display for TaskKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for TaskKind {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        TaskKind::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| UnknownName {
            what: "task kind",
            found: text.to_string(),
            known: TaskKind::ALL.map(TaskKind::name).join("`, `"),
        })
    }
}
