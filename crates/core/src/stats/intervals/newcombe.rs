//! Interval of a difference of two correlated estimates.

use crate::schema::ConfidenceInterval;

/// The interval of `variant` − `baseline` from both intervals and the correlation of both estimates.
///
/// Source: the method of variance estimates recovery, Zou & Donner 2008; of proportions Newcombe 1998.
pub fn newcombe_interval(
    variant: ConfidenceInterval,
    baseline: ConfidenceInterval,
    correlation: f64,
) -> ConfidenceInterval {
    let value = variant.value - baseline.value;
    let reach = |own: f64, other: f64| {
        (own * own + other * other - 2.0 * correlation * own * other).max(0.0).sqrt()
    };
    let low = reach(variant.value - variant.low, baseline.high - baseline.value);
    let high = reach(variant.high - variant.value, baseline.value - baseline.low);
    ConfidenceInterval { value, low: value - low, high: value + high }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_perfect_correlation_of_equal_intervals_leaves_no_width() {
        let even = ConfidenceInterval { value: 0.5, low: 0.25, high: 0.75 };
        let same = newcombe_interval(even, even, 1.0);
        assert_eq!((same.low, same.high), (0.0, 0.0));
        let one = ConfidenceInterval { value: 0.5, low: 0.25, high: 0.625 };
        let apart = newcombe_interval(one, one, 0.0);
        assert!((apart.high - 0.25f64.hypot(0.125)).abs() < 1e-15 && apart.low == -apart.high);
    }
}
