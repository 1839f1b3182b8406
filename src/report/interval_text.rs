//! A figure with its interval, as every answer and report writes it.

use paring_core::schema::ConfidenceInterval;

/// `1.85 [1.84, 1.86]`; the value alone where its bounds are written as it is, because nothing changed or
/// because only one block stands behind it.
pub(super) fn interval_text(interval: ConfidenceInterval, show: impl Fn(f64) -> String) -> String {
    let [value, low, high] = [interval.value, interval.low, interval.high].map(show);
    match low == value && high == value {
        true => value,
        false => format!("{value} [{low}, {high}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use paring_core::number_format::signed;

    #[test]
    fn no_bounds_stand_where_they_say_nothing() {
        let text = |value, low, high| {
            interval_text(ConfidenceInterval { value, low, high }, |value| signed(value, 2))
        };
        assert_eq!(text(-0.512, -1.52, 0.5), "−0.51 [−1.52, +0.50]");
        assert_eq!(text(-0.0001, -0.001, 0.002), "0.00");
        assert_eq!(text(1.094, 1.094, 1.094), "+1.09");
        assert_eq!(text(0.001, -0.02, 0.02), "0.00 [−0.02, +0.02]");
    }
}
