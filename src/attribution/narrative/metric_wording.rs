//! Wording of the metric that counts most, and the rule for calling a change an effect.

use super::sentence_writer::at;
use crate::attribution::effects::LEVEL;
use paring_core::schema::{ConfidenceInterval, Effect, FieldFormat, PrimaryMetric};

/// How the metric that counts most is spoken of.
pub(super) struct Voice {
    /// A value of it.
    pub(super) value: FieldFormat,
    /// A change of it.
    pub(super) change: FieldFormat,
    /// What stands behind a change.
    pub(super) unit: &'static str,
    /// Whether it is the share of right answers, which has words of its own.
    pub(super) accuracy: bool,
    higher_is_better: bool,
}

impl Voice {
    pub(super) fn of(main: &PrimaryMetric) -> Voice {
        let share = main.unit == "share";
        Voice {
            value: if share { FieldFormat::Percent } else { FieldFormat::Significant },
            change: if share { FieldFormat::Points } else { FieldFormat::Signed },
            unit: if share { " points" } else { "" },
            accuracy: main.metric == "accuracy",
            higher_is_better: main.higher_is_better,
        }
    }

    /// Whether a change is for the worse.
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

/// Where the metric's name stands.
pub(super) fn metric() -> (String, FieldFormat) {
    at("/main/metric", FieldFormat::Text)
}

/// Whether an effect, of the Shapley value or whatever there is instead, may be called one.
pub(super) fn shown(effect: &Effect, value: Option<ConfidenceInterval>) -> bool {
    let clear = value.is_some_and(|i| i.excludes_zero());
    clear && effect.holm.is_some_and(|p| p <= 1.0 - LEVEL)
}
