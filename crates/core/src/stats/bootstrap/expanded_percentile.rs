//! Expanded percentile intervals and variances of bootstrap draws.

use crate::schema::ConfidenceInterval;
use crate::stats::quantile::sorted_quantile;
use crate::stats::sampling_design::student;
use statrs::distribution::{ContinuousCDF, Normal};

/// The 95 % percentile interval of a statistic whose value on all samples is `value`, with tails
/// so much smaller as `units` that were drawn are few: the bootstrap's spread is too small by
/// √((n − 1) / n), and its quantiles are the normal distribution's rather than Student's. Draws in
/// which it had no value are NaN and are left out; `None` if that is more than half of them.
///
/// Source: Hesterberg 2015, The American Statistician 69 (expanded percentile interval).
pub fn expanded_percentile_interval(
    value: f64,
    draws: &[f64],
    units: usize,
) -> Option<ConfidenceInterval> {
    let sorted = defined(draws)?;
    let n = units.max(2) as f64;
    let reach = student(units.saturating_sub(1), 0.95) * (n / (n - 1.0)).sqrt();
    let tail = Normal::standard().cdf(-reach);
    let (low, high) = (sorted_quantile(&sorted, tail)?, sorted_quantile(&sorted, 1.0 - tail)?);
    Some(ConfidenceInterval { value, low, high })
}

/// Variance of a statistic over draws; those in which it had no value are left out. `None` if that
/// is more than half of them.
pub fn bootstrap_variance(draws: &[f64]) -> Option<f64> {
    let defined = defined(draws)?;
    let n = defined.len() as f64;
    let mean = defined.iter().sum::<f64>() / n;
    Some(defined.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0))
}

/// Relative to a value, a change below this is the rounding of single-precision arithmetic.
pub const ROUNDING: f64 = 1e-6;

/// An interval that does not leave 0 out where its value is no more than rounding of values of this
/// `size`.
pub fn beyond_rounding(found: ConfidenceInterval, size: f64) -> ConfidenceInterval {
    let floor = ROUNDING * size.abs();
    if found.value == 0.0 || found.value.abs() > floor {
        return found;
    }
    ConfidenceInterval { low: found.low.min(-floor), high: found.high.max(floor), ..found }
}

fn defined(draws: &[f64]) -> Option<Vec<f64>> {
    let mut sorted: Vec<f64> = draws.iter().copied().filter(|v| !v.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    (2 * sorted.len() > draws.len()).then_some(sorted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statistic_without_a_value_in_most_draws_has_no_interval() {
        assert!(expanded_percentile_interval(1.0, &[f64::NAN, f64::NAN, 1.0], 9).is_none());
        assert!(expanded_percentile_interval(1.0, &[f64::NAN, 1.0, 1.0], 9).is_some());
        assert_eq!(bootstrap_variance(&[f64::NAN, 1.0, 3.0]), Some(2.0));
    }

    #[test]
    fn rounding_is_no_change() {
        let tiny = ConfidenceInterval { value: 7e-8, low: 6e-8, high: 8e-8 };
        assert!(!beyond_rounding(tiny, 2.5).excludes_zero());
        assert_eq!(beyond_rounding(tiny, 1e-3), tiny);
    }

    #[test]
    fn few_units_reach_further_into_the_tails() {
        let draws: Vec<f64> = (0..=10_000).map(f64::from).collect();
        let low = |units| expanded_percentile_interval(0.0, &draws, units).unwrap().low / 10_000.0;
        // Φ(−√(8/7) · t(0.975, 7)) = 0.00574.
        assert!((low(8) - 0.005_74).abs() < 2e-5, "{}", low(8));
        assert!((low(1_000_000) - 0.025).abs() < 1e-5);
    }
}
