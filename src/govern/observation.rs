//! A figure as it was observed: its interval, the units that this stands on, and doubts about it.

use paring_core::schema::{ConfidenceInterval, CountedUnit};

/// Coverage of intervals of quality.
pub(super) const QUALITY_LEVEL: f64 = 0.95;
/// Coverage of intervals of what targets measure.
pub(super) const TARGET_LEVEL: f64 = 0.99;

/// An observed figure.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Observation {
    /// The class, slice or disturbance, where a requirement is about several.
    pub(super) part: Option<String>,
    /// The value with its interval, or the reason for which there is none.
    pub(super) interval: Result<ConfidenceInterval, String>,
    /// Coverage of the interval; `None` of an exact value.
    pub(super) level: Option<f64>,
    /// Units of replication that the interval stands on; `None` of an exact value.
    pub(super) counted: Option<(CountedUnit, u64)>,
    /// The reason for which the figure decides nothing, whatever its interval.
    pub(super) doubt: Option<Doubt>,
}

/// A reason for which a figure decides nothing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Doubt {
    pub(super) reason: String,
    /// True where more units of replication would remove it.
    pub(super) more_would_do: bool,
}

impl Observation {
    /// A figure of so many report samples.
    pub(super) fn of_samples(interval: ConfidenceInterval, samples: u64) -> Observation {
        Observation {
            part: None,
            interval: Ok(interval),
            level: Some(QUALITY_LEVEL),
            counted: Some((CountedUnit::Samples, samples)),
            doubt: None,
        }
    }

    /// A figure that a target measured in so many units.
    pub(super) fn of_target(
        interval: ConfidenceInterval,
        unit: CountedUnit,
        count: usize,
    ) -> Observation {
        Observation {
            level: Some(TARGET_LEVEL),
            counted: Some((unit, count as u64)),
            ..Observation::of_samples(interval, 0)
        }
    }

    /// A figure without an error.
    pub(super) fn exact(value: f64) -> Observation {
        let interval = ConfidenceInterval { value, low: value, high: value };
        Observation { level: None, counted: None, ..Observation::of_samples(interval, 0) }
    }

    /// No figure, for a reason.
    pub(super) fn missing(reason: impl Into<String>) -> Observation {
        Observation { interval: Err(reason.into()), ..Observation::exact(0.0) }
    }

    /// The same of a part.
    pub(super) fn of_part(self, part: impl Into<String>) -> Observation {
        Observation { part: Some(part.into()), ..self }
    }
}

/// An interval with its sign turned.
pub(super) fn negated(interval: ConfidenceInterval) -> ConfidenceInterval {
    ConfidenceInterval { value: -interval.value, low: -interval.high, high: -interval.low }
}

/// 1 less an interval.
pub(super) fn complement(interval: ConfidenceInterval) -> ConfidenceInterval {
    let ConfidenceInterval { value, low, high } = negated(interval);
    ConfidenceInterval { value: 1.0 + value, low: 1.0 + low, high: 1.0 + high }
}
