//! Values and changes of metrics with their intervals, as text.

use crate::report::interval_text::interval_text;
use paring_core::number_format::{decimal, signed};
use paring_core::schema::{ConfidenceInterval, Metric};

/// A value with its interval: shares in percent.
pub(in crate::report) fn with_interval(metric: Metric, interval: ConfidenceInterval) -> String {
    match metric.is_share() {
        true => {
            let ConfidenceInterval { value, low, high } = interval;
            let [value, low, high] = [value, low, high].map(|share| decimal(100.0 * share, 2));
            format!("{value} % [{low}, {high}]")
        }
        false => interval_text(interval, |value| decimal(value, 5)),
    }
}

/// A change with its interval and signs: shares in points; without an interval where nothing changed at
/// all.
pub(in crate::report) fn signed_change(
    metric: Metric,
    ConfidenceInterval { value, low, high }: ConfidenceInterval,
) -> String {
    let show = |value: f64| match metric.is_share() {
        true => signed(100.0 * value, 2),
        false => signed(value, 5),
    };
    let [value, low, high] = [value, low, high].map(show);
    let unit = if metric.is_share() { " points" } else { "" };
    match low == value && high == value {
        true => format!("{value}{unit}"),
        false => format!("{value}{unit} [{low}, {high}]"),
    }
}
