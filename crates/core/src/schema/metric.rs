//! Names of tasks and metrics, as studies and files spell them.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What a model's outputs and the data's labels are.
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
        use Metric::*;
        match self {
            TaskKind::Classification => &[
                Accuracy,
                Top(5),
                F1Macro,
                F1Micro,
                Precision,
                Recall,
                Sensitivity,
                Specificity,
                FalseNegativeRate,
                Auc,
                LogLoss,
                Brier,
                Ece,
                EceMass,
                Agreement,
                KlDivergence,
            ],
            TaskKind::Multilabel => &[
                F1Macro,
                F1Micro,
                Accuracy,
                Precision,
                Recall,
                Sensitivity,
                Specificity,
                FalseNegativeRate,
                Auc,
                LogLoss,
                Brier,
                Ece,
                EceMass,
                Agreement,
                RelativeL2,
                Sqnr,
            ],
            TaskKind::Regression => &[Mse, Mae, R2, RelativeL2, Sqnr],
            TaskKind::Segmentation => &[
                Dice,
                Iou,
                Accuracy,
                Sensitivity,
                Specificity,
                FalseNegativeRate,
                Agreement,
                KlDivergence,
            ],
            TaskKind::Scores => &[
                Auc,
                F1Macro,
                Accuracy,
                Precision,
                Recall,
                Sensitivity,
                Specificity,
                FalseNegativeRate,
                Agreement,
                RelativeL2,
                Sqnr,
            ],
            TaskKind::Sequence => &[Accuracy, Agreement, KlDivergence],
        }
    }
}

impl fmt::Display for TaskKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{found}`; known are `{known}`")]
pub struct UnknownName {
    /// `metric` or `task kind`.
    pub what: &'static str,
    /// What was written.
    pub found: String,
    /// What could have been.
    pub known: String,
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

/// A figure of quality. METHODOLOGY.md has the definitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Metric {
    /// Share of samples whose predicted class (set of classes; pixels) is the label.
    Accuracy,
    /// Share of samples whose label is among the so many most probable classes.
    Top(usize),
    /// Mean of the classes' F1.
    F1Macro,
    /// F1 of all decisions together.
    F1Micro,
    /// Of the positive class where there is one, else the mean over classes.
    Precision,
    /// Likewise.
    Recall,
    /// The same as recall, in medicine's words.
    Sensitivity,
    /// Share of negatives that were called so.
    Specificity,
    /// Share of positives that were missed.
    FalseNegativeRate,
    /// Area under the ROC curve; of several classes, the mean of each against the rest.
    Auc,
    /// Mean of −ln p(label).
    LogLoss,
    /// Mean squared distance of probabilities and labels.
    Brier,
    /// Expected calibration error, 15 bins of equal width.
    Ece,
    /// Expected calibration error, 15 bins of equal mass.
    EceMass,
    /// Mean squared error.
    Mse,
    /// Mean absolute error.
    Mae,
    /// Share of variance explained.
    R2,
    /// Mean of the classes' Dice coefficients.
    Dice,
    /// Mean of the classes' intersections over unions.
    Iou,
    /// Share of samples with the baseline's answer.
    Agreement,
    /// Mean of KL(baseline ‖ variant), in nats.
    KlDivergence,
    /// Distance of the outputs from the baseline's, relative to the baseline's norm.
    RelativeL2,
    /// Signal-to-quantization-noise ratio of the outputs in decibels: power of the baseline's over that
    /// of the difference. Infinite, so without a value, where nothing differs.
    Sqnr,
}

/// What there is to know of a metric: its name, whether more of it is better, and whether it is a
/// share, which people read in percent.
type MetricProperties = (Metric, &'static str, bool, bool);

impl Metric {
    const NAMED: [MetricProperties; 22] = [
        (Metric::Accuracy, "accuracy", true, true),
        (Metric::F1Macro, "f1_macro", true, true),
        (Metric::F1Micro, "f1_micro", true, true),
        (Metric::Precision, "precision", true, true),
        (Metric::Recall, "recall", true, true),
        (Metric::Sensitivity, "sensitivity", true, true),
        (Metric::Specificity, "specificity", true, true),
        (Metric::FalseNegativeRate, "false_negative_rate", false, true),
        (Metric::Auc, "auc", true, false),
        (Metric::LogLoss, "log_loss", false, false),
        (Metric::Brier, "brier", false, false),
        (Metric::Ece, "ece", false, false),
        (Metric::EceMass, "ece_mass", false, false),
        (Metric::Mse, "mse", false, false),
        (Metric::Mae, "mae", false, false),
        (Metric::R2, "r2", true, false),
        (Metric::Dice, "dice", true, true),
        (Metric::Iou, "iou", true, true),
        (Metric::Agreement, "agreement", true, true),
        (Metric::KlDivergence, "kl_divergence", false, false),
        (Metric::RelativeL2, "relative_l2", false, false),
        (Metric::Sqnr, "sqnr_db", true, false),
    ];

    /// `None` of `top_k`, which has a name for every k.
    fn facts(self) -> Option<&'static MetricProperties> {
        Metric::NAMED.iter().find(|(metric, ..)| *metric == self)
    }

    /// Whether more of it is better.
    pub fn higher_is_better(self) -> bool {
        self.facts().is_none_or(|(_, _, higher, _)| *higher)
    }

    /// Whether it is a share, which people read in percent.
    pub fn is_share(self) -> bool {
        self.facts().is_none_or(|(.., share)| *share)
    }

    /// Whether it says something only beside a baseline.
    pub fn needs_baseline(self) -> bool {
        use Metric::{Agreement, KlDivergence, RelativeL2, Sqnr};
        matches!(self, Agreement | KlDivergence | RelativeL2 | Sqnr)
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.facts()) {
            (_, Some((_, name, ..))) => f.pad(name),
            (Metric::Top(k), None) => f.pad(&format!("top_{k}")),
            (_, None) => f.pad("metric"),
        }
    }
}

impl FromStr for Metric {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let top = text.strip_prefix("top_").and_then(|k| k.parse().ok()).filter(|k| *k > 0);
        let named = Metric::NAMED.iter().find(|(_, name, ..)| *name == text);
        let named = named.map(|(metric, ..)| *metric);
        named.or(top.map(Metric::Top)).ok_or_else(|| UnknownName {
            what: "metric",
            found: text.to_string(),
            known: format!("{}`, `top_K", Metric::NAMED.map(|(_, name, ..)| name).join("`, `")),
        })
    }
}

impl TryFrom<String> for Metric {
    type Error = UnknownName;

    fn try_from(text: String) -> Result<Self, UnknownName> {
        text.parse()
    }
}

impl From<Metric> for String {
    fn from(metric: Metric) -> String {
        metric.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_unknown_ones_list_what_there_is() {
        let all = TaskKind::ALL.iter().flat_map(|kind| kind.metrics());
        for metric in all {
            assert_eq!(metric.to_string().parse(), Ok(*metric));
        }
        assert_eq!("top_3".parse(), Ok(Metric::Top(3)));
        let message = "f2".parse::<Metric>().unwrap_err().to_string();
        assert!(message.starts_with("unknown metric `f2`; known are `accuracy`, `f1_macro`"));
        assert!("top_0".parse::<Metric>().is_err());
        assert_eq!(
            "ranking".parse::<TaskKind>().unwrap_err().to_string(),
            "unknown task kind `ranking`; known are `classification`, `multilabel`, `regression`, `segmentation`, `scores`, `sequence`"
        );
    }
}
