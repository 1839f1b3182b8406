//! Quantiles, and how many samples one needs before it means something.

/// The `q`-quantile of `values` (0 ≤ `q` ≤ 1), linear between order statistics; `None` of nothing.
///
/// Source: Hyndman & Fan 1996, definition 7 (the default of R and NumPy).
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted_quantile(&sorted, q)
}

/// The middle of `values`, `None` of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// [`quantile`] of values that are already in ascending order.
pub(crate) fn sorted_quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = q.clamp(0.0, 1.0) * last as f64;
    let below = position.floor() as usize;
    let fraction = position - below as f64;
    let low = *sorted.get(below)?;
    let high = *sorted.get(below + 1).unwrap_or(&low);
    Some(low + fraction * (high - low))
}

/// Samples needed before the `q`-quantile (0 < `q` < 1) is worth stating: the fewest `n` for which
/// at most one of `n` samples beyond the true quantile would be a surprise at 99 % confidence, that
/// is P(Binomial(n, 1 − q) ≤ 1) ≤ 0.01.
///
/// Source: the early-stopping criterion of the MLPerf Inference rules (11 for p50, 64 for p90).
pub fn samples_for_percentile(q: f64) -> usize {
    let tail = 1.0 - q;
    let at_most_one = |n: f64| q.powf(n) + n * tail * q.powf(n - 1.0);
    (2..1_000_000).find(|n| at_most_one(f64::from(*n)) <= 0.01).map_or(usize::MAX, |n| n as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn is(values: &[f64], q: f64, expected: f64) {
        assert!((quantile(values, q).unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn equals_numpy() {
        is(&[3.0, 1.0, 2.0, 4.0], 0.5, 2.5);
        is(&[3.0, 1.0, 2.0, 4.0], 0.9, 3.7);
        is(&[7.0], 0.99, 7.0);
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn sample_counts_are_those_of_mlperf() {
        let counts = [0.5, 0.9, 0.95, 0.99].map(samples_for_percentile);
        assert_eq!(counts, [11, 64, 130, 662]);
    }

    proptest! {
        #[test]
        fn lies_between_the_extremes(values in prop::collection::vec(-1e9..1e9f64, 1..50), q in 0.0..1.0f64) {
            let found = quantile(&values, q).unwrap();
            prop_assert!(values.iter().any(|v| *v <= found) && values.iter().any(|v| *v >= found));
        }
    }
}
