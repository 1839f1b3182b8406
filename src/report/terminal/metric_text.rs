//! Values and changes of metrics with their intervals, as text.

use paring_core::number_format::{decimal, signed};
use paring_core::schema::{ConfidenceInterval, Metric};

/// A value with its interval: shares in percent.
pub(in crate::report) fn with_interval(
    metric: Metric,
    ConfidenceInterval { value, low, high }: ConfidenceInterval,
) -> String {
    match metric.is_share() {
        true => format!("{:.2} % [{:.2}, {:.2}]", 100.0 * value, 100.0 * low, 100.0 * high),
        false => {
            let [value, low, high] = [value, low, high].map(|value| decimal(value, 5));
            format!("{value} [{low}, {high}]")
        }
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
