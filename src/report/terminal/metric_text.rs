//! Values and changes of metrics with their intervals, as text.

use paring_core::schema::{ConfidenceInterval, Metric};

/// A value with its interval: shares in percent.
pub(super) fn with_interval(
    metric: Metric,
    ConfidenceInterval { value, low, high }: ConfidenceInterval,
) -> String {
    match metric.is_share() {
        true => format!("{:.2} % [{:.2}, {:.2}]", 100.0 * value, 100.0 * low, 100.0 * high),
        false => format!("{value:.5} [{low:.5}, {high:.5}]"),
    }
}

/// A change with its interval and signs: shares in points.
pub(super) fn signed(
    metric: Metric,
    ConfidenceInterval { value, low, high }: ConfidenceInterval,
) -> String {
    match metric.is_share() {
        true => {
            format!("{:+.2} points [{:+.2}, {:+.2}]", 100.0 * value, 100.0 * low, 100.0 * high)
        }
        false => format!("{value:+.5} [{low:+.5}, {high:+.5}]"),
    }
}
