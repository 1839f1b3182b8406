//! Names of tasks and metrics, as studies and files spell them.

use crate::schema::UnknownName;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

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

/// Name and kind of a metric.
struct MetricProperties {
    metric: Metric,
    name: &'static str,
    higher_is_better: bool,
    /// Read in percent.
    is_share: bool,
}

impl MetricProperties {
    const fn new(
        metric: Metric,
        name: &'static str,
        higher_is_better: bool,
        is_share: bool,
    ) -> MetricProperties {
        MetricProperties { metric, name, higher_is_better, is_share }
    }
}

impl Metric {
    const NAMED: [MetricProperties; 22] = [
        MetricProperties::new(Metric::Accuracy, "accuracy", true, true),
        MetricProperties::new(Metric::F1Macro, "f1_macro", true, true),
        MetricProperties::new(Metric::F1Micro, "f1_micro", true, true),
        MetricProperties::new(Metric::Precision, "precision", true, true),
        MetricProperties::new(Metric::Recall, "recall", true, true),
        MetricProperties::new(Metric::Sensitivity, "sensitivity", true, true),
        MetricProperties::new(Metric::Specificity, "specificity", true, true),
        MetricProperties::new(Metric::FalseNegativeRate, "false_negative_rate", false, true),
        MetricProperties::new(Metric::Auc, "auc", true, false),
        MetricProperties::new(Metric::LogLoss, "log_loss", false, false),
        MetricProperties::new(Metric::Brier, "brier", false, false),
        MetricProperties::new(Metric::Ece, "ece", false, false),
        MetricProperties::new(Metric::EceMass, "ece_mass", false, false),
        MetricProperties::new(Metric::Mse, "mse", false, false),
        MetricProperties::new(Metric::Mae, "mae", false, false),
        MetricProperties::new(Metric::R2, "r2", true, false),
        MetricProperties::new(Metric::Dice, "dice", true, true),
        MetricProperties::new(Metric::Iou, "iou", true, true),
        MetricProperties::new(Metric::Agreement, "agreement", true, true),
        MetricProperties::new(Metric::KlDivergence, "kl_divergence", false, false),
        MetricProperties::new(Metric::RelativeL2, "relative_l2", false, false),
        MetricProperties::new(Metric::Sqnr, "sqnr_db", true, false),
    ];

    /// `None` of `top_k`, which has a name for every k.
    fn properties(self) -> Option<&'static MetricProperties> {
        Metric::NAMED.iter().find(|known| known.metric == self)
    }

    /// Every metric but `top_k` with its name.
    pub fn names() -> impl Iterator<Item = (Metric, &'static str)> {
        Metric::NAMED.iter().map(|known| (known.metric, known.name))
    }

    /// True if more of it is better.
    pub fn higher_is_better(self) -> bool {
        self.properties().is_none_or(|known| known.higher_is_better)
    }

    /// True if it is a share, which people read in percent.
    pub fn is_share(self) -> bool {
        self.properties().is_none_or(|known| known.is_share)
    }

    /// True if it says something only beside a baseline.
    pub fn needs_baseline(self) -> bool {
        use Metric::{Agreement, KlDivergence, RelativeL2, Sqnr};
        matches!(self, Agreement | KlDivergence | RelativeL2 | Sqnr)
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.properties()) {
            (_, Some(known)) => f.pad(known.name),
            (Metric::Top(k), None) => f.pad(&format!("top_{k}")),
            (_, None) => f.pad("metric"),
        }
    }
}

impl FromStr for Metric {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let top = text.strip_prefix("top_").and_then(|k| k.parse().ok()).filter(|k| *k > 0);
        let named = Metric::NAMED.iter().find(|known| known.name == text);
        let named = named.map(|known| known.metric);
        named.or(top.map(Metric::Top)).ok_or_else(|| UnknownName {
            what: "metric",
            found: text.to_string(),
            known: format!("{}`, `top_K", Metric::NAMED.map(|known| known.name).join("`, `")),
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
    use crate::schema::TaskKind;

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
