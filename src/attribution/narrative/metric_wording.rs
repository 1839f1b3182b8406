//! Wording of the metric that counts most, and the rule for calling a change an effect.

use super::sentence_writer::at;
use crate::attribution::effects::LEVEL;
use paring_core::schema::{ConfidenceInterval, Effect, FieldFormat, PrimaryMetric};

/// Wording of the primary metric.
pub(super) struct MetricWording {
    /// A value of it.
    pub(super) value: FieldFormat,
    /// A change of it.
    pub(super) change: FieldFormat,
    /// Text behind a change.
    pub(super) unit: &'static str,
    /// It is accuracy, which has words of its own.
    pub(super) accuracy: bool,
    higher_is_better: bool,
}

impl MetricWording {
    pub(super) fn of(main: &PrimaryMetric) -> MetricWording {
        let share = main.unit == "share";
        MetricWording {
            value: if share { FieldFormat::Percent } else { FieldFormat::Significant },
            change: if share { FieldFormat::Points } else { FieldFormat::Signed },
            unit: if share { " points" } else { "" },
            accuracy: main.metric == "accuracy",
            higher_is_better: main.higher_is_better,
        }
    }

    /// Tells whether a change is for the worse.
    pub(super) fn worse(&self, change: f64) -> bool {
        (change < 0.0) == self.higher_is_better
    }

    /// A template that names the metric, which is its second field; of accuracy it is a word.
    pub(super) fn about(&self, worse: bool) -> &'static str {
        match (self.accuracy, worse) {
            (true, true) => "{} cost {}",
            (true, false) => "{} won {}",
            (false, true) => "{} made {} worse",
            (false, false) => "{} made {} better",
        }
    }
}

/// The field of the metric's name.
pub(super) fn metric() -> (String, FieldFormat) {
    at("/main/metric", FieldFormat::Text)
}

/// Tells whether an effect, of the Shapley value or whatever there is instead, is significant.
pub(super) fn is_significant(effect: &Effect, value: Option<ConfidenceInterval>) -> bool {
    let clear = value.is_some_and(|i| i.excludes_zero());
    clear && effect.holm.is_some_and(|p| p <= 1.0 - LEVEL)
}
