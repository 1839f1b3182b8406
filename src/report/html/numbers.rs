//! Numbers as the report writes them: with unit, interval and sign.

use paring_core::schema::{ConfidenceInterval, Metric};
use paring_core::units::{Bytes, LatencyNs};

/// A share in percent, or another metric's value, with its unit.
pub fn metric_value(metric: Metric, value: f64) -> String {
    if metric.is_share() { format!("{:.1} %", 100.0 * value) } else { significant(value) }
}

/// A change with its interval.
pub fn metric_change_interval(metric: Metric, change: ConfidenceInterval) -> String {
    match metric.is_share() {
        true => format!(
            "{} points (95 % CI {} to {})",
            signed(100.0 * change.value, 1),
            signed(100.0 * change.low, 1),
            signed(100.0 * change.high, 1)
        ),
        false => format!(
            "{} (95 % CI {} to {})",
            signed_significant(change.value),
            signed_significant(change.low),
            signed_significant(change.high)
        ),
    }
}

/// A change in a unit of an effects table: `share`, `ns`, `bytes`, `uj`, or a metric's own.
pub fn change_in_unit(unit: &str, change: f64) -> String {
    let (factor, name) = scale_of_unit(unit);
    match name {
        "" => signed_significant(change),
        name => format!("{} {name}", signed(factor * change, 1)),
    }
}

/// Factor and name under which numbers of a unit are shown.
pub fn scale_of_unit(unit: &str) -> (f64, &str) {
    match unit {
        "share" => (100.0, "points"),
        "ns" => (1e-3, "µs"),
        "bytes" => (1.0 / 1024.0, "KiB"),
        "uj" => (1.0, "µJ"),
        _ => (1.0, ""),
    }
}

/// A span of time.
pub fn nanoseconds(span: f64) -> String {
    LatencyNs::from_f64(span).to_string()
}

/// A span of time with its interval.
pub fn latency_interval(span: ConfidenceInterval) -> String {
    let [value, low, high] = [span.value, span.low, span.high].map(nanoseconds);
    format!("{value} (99 % CI {low} to {high})")
}

/// An amount of memory.
pub fn bytes(amount: u64) -> String {
    Bytes(amount).to_string()
}

/// A ratio with three digits.
pub fn ratio(of: f64) -> String {
    format!("{of:.3}")
}

/// A number with its sign and so many places; without a sign where nothing is left of it.
pub fn signed(number: f64, places: usize) -> String {
    let text = format!("{number:+.places$}");
    match text.trim_start_matches(['+', '-']).chars().all(|c| c == '0' || c == '.') {
        true => text.trim_start_matches(['+', '-']).to_string(),
        // A true minus sign: as wide as a plus, and no hyphen at a line's end.
        false => text.replace('-', "−"),
    }
}

fn significant(number: f64) -> String {
    let places = (3 - number.abs().max(1e-9).log10().floor() as i32).clamp(0, 9) as usize;
    format!("{number:.places$}").replace('-', "−")
}

fn signed_significant(number: f64) -> String {
    let text = significant(number);
    if number > 0.0 { format!("+{text}") } else { text }
}

/// `1 layer`, `2 layers`.
pub fn count(of: usize, one: &str) -> String {
    if of == 1 { format!("1 {one}") } else { format!("{of} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_stand_where_something_is_left() {
        assert_eq!(signed(-0.04, 1), "0.0");
        assert_eq!(signed(-0.5, 1), "−0.5");
        assert_eq!(signed(0.5, 1), "+0.5");
        let change = ConfidenceInterval { value: -0.005, low: -0.015, high: 0.005 };
        let expected = "−0.5 points (95 % CI −1.5 to +0.5)";
        assert_eq!(metric_change_interval(Metric::Accuracy, change), expected);
        assert_eq!(change_in_unit("ns", -8_300.0), "−8.3 µs");
        assert_eq!(count(1, "layer"), "1 layer");
        assert_eq!(metric_value(Metric::Mse, 0.012_345), "0.01235");
    }
}
