//! Wording of changes of a metric, and the rule for calling a change significant.

use super::sentence_writer::{Field, Phrase, at, level};
use crate::attribution::effects::LEVEL;
use crate::pipeline::HERE;
use paring_core::schema::{ConfidenceInterval, Effect, FieldFormat, PrimaryMetric, UnitFormats};

/// Formats of a metric, and the direction that is better.
#[derive(Clone, Copy, Debug)]
pub(super) struct MetricWording {
    pub(super) formats: UnitFormats,
    higher_is_better: bool,
}

impl MetricWording {
    /// Wording of the primary metric.
    pub(super) fn of(main: &PrimaryMetric) -> MetricWording {
        MetricWording::of_unit(&main.unit).with_direction(main.higher_is_better)
    }

    /// Wording of a metric in a unit of effects; less of it is better.
    pub(super) fn of_unit(unit: &str) -> MetricWording {
        MetricWording { formats: UnitFormats::of(unit), higher_is_better: false }
    }

    /// Likewise, where more of it may be better.
    pub(super) fn with_direction(self, higher_is_better: bool) -> MetricWording {
        MetricWording { higher_is_better, ..self }
    }

    /// Tells whether a change is for the worse.
    pub(super) fn worse(&self, change: f64) -> bool {
        (change < 0.0) == self.higher_is_better
    }

    /// `8.30 points`: the size of the interval at a pointer.
    pub(super) fn size_of(&self, pointer: &str) -> Phrase {
        Phrase::new(
            format!("{{}}{}", self.formats.suffix),
            [at(format!("{pointer}/value"), self.formats.size)],
        )
    }

    /// ` (95 % CI 7.90 to 8.80)`: the bounds of the interval at a pointer.
    pub(super) fn bounds_of(&self, pointer: &str) -> Phrase {
        Phrase::new(" ({} % CI {})", [level(), at(pointer, self.formats.range)])
    }

    /// `no significant change (−0.50 points, 95 % CI −1.30 to 0.00)`, of the interval at a pointer.
    pub(super) fn no_change(&self, pointer: &str) -> Phrase {
        let change = at(format!("{pointer}/value"), self.formats.change);
        let template =
            format!("no significant change ({{}}{}, {{}} % CI {{}})", self.formats.suffix);
        Phrase::new(template, [change, level(), at(pointer, self.formats.range)])
    }

    /// `costs 8.30 points of accuracy (95 % CI 7.90 to 8.80)`, `makes mse worse by 0.1000 (…)`: a
    /// significant effect on the metric that a phrase names.
    pub(super) fn worsening(
        &self,
        value: ConfidenceInterval,
        pointer: &str,
        metric: Phrase,
    ) -> Phrase {
        let plain = |text: &str| Phrase::new(text, []);
        let size = self.size_of(pointer);
        let effect = match (self.formats.suffix.is_empty(), self.worse(value.value)) {
            (false, true) => plain("costs ").then(size).then(plain(" of ")).then(metric),
            (false, false) => plain("gains ").then(size).then(plain(" of ")).then(metric),
            (true, true) => plain("makes ").then(metric).then(plain(" worse by ")).then(size),
            (true, false) => plain("makes ").then(metric).then(plain(" better by ")).then(size),
        };
        effect.then(self.bounds_of(pointer))
    }

    /// `45.70 points lower (95 % CI …)`, or that there is no significant change.
    pub(super) fn compared(
        &self,
        change: ConfidenceInterval,
        pointer: &str,
        [less, more]: [&str; 2],
    ) -> Phrase {
        if !change.excludes_zero() {
            return self.no_change(pointer);
        }
        let direction = if change.value < 0.0 { less } else { more };
        self.size_of(pointer)
            .then(Phrase::new(format!(" {direction}"), []))
            .then(self.bounds_of(pointer))
    }
}

/// The field of the primary metric's name.
pub(super) fn metric() -> Field {
    at("/main/metric", FieldFormat::MetricName)
}

/// ` in this process` or ` on pi4`; nothing where a figure depends on no machine.
pub(super) fn place(target: Option<&str>, pointer: &str) -> Phrase {
    let preposition = match target {
        None => return Phrase::default(),
        Some(HERE) => "in",
        Some(_) => "on",
    };
    Phrase::new(
        format!(" {preposition} {{}}"),
        [at(format!("{pointer}/target"), FieldFormat::Text)],
    )
}

/// Tells whether an effect, of the Shapley value or whatever there is instead, is significant.
pub(super) fn is_significant(effect: &Effect, value: Option<ConfidenceInterval>) -> bool {
    let clear = value.is_some_and(|i| i.excludes_zero());
    clear && effect.holm.is_some_and(|p| p <= 1.0 - LEVEL)
}
