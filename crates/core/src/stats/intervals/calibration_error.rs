//! The interval of a calibration error, whose estimate is too large by noise alone.

use crate::schema::ConfidenceInterval;
use statrs::distribution::{ContinuousCDF, Normal};

/// Steps of the search for a bound.
const STEPS: usize = 60;

/// A calibration error without the part that noise adds, with its interval. `gaps` are the signed
/// gaps of the bins, each weighted with its bin's share of samples; `variances` are those of these gaps.
///
/// Each gap is normal around the true one, so the sum of absolute gaps has the moments of a sum of
/// folded normal distributions. The interval holds every error with which the sum that was found is
/// at most `critical` standard errors from its expectation. Which bins a true error lies in is
/// unknown: the lower bound takes it in those whose gap stands out of the noise, the upper one in all
/// of them by size and noise; these are the least favourable of both kinds.
///
/// Source: Leone, Nelson & Nottingham 1961 (folded normal distribution); Neyman 1937 (inversion).
pub fn calibration_error_interval(
    gaps: &[f64],
    variances: &[f64],
    critical: f64,
) -> ConfidenceInterval {
    let spread = FoldedNormalSum::new(gaps, variances, |gap, sd| gap.abs() + sd);
    let clear =
        FoldedNormalSum::new(gaps, variances, |gap, sd| (gap * gap - sd * sd).max(0.0).sqrt());
    let found: f64 = gaps.iter().map(|gap| gap.abs()).sum();
    let above = |folded: &FoldedNormalSum, error: f64, critical: f64| {
        let (mean, sd) = folded.moments(error);
        mean + critical * sd > found
    };
    let value = bisect(|error| above(&spread, error, 0.0));
    let lower = |folded: &FoldedNormalSum| bisect(|error| above(folded, error, critical));
    let upper = |folded: &FoldedNormalSum| bisect(|error| above(folded, error, -critical));
    let low = lower(&spread).min(lower(&clear)).min(value);
    let high = upper(&spread).max(upper(&clear)).max(value);
    ConfidenceInterval { value, low, high }
}

/// The least error in [0, 1] from which on `above` holds.
fn bisect(above: impl Fn(f64) -> bool) -> f64 {
    if above(0.0) {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..STEPS {
        let middle = (low + high) / 2.0;
        if above(middle) { high = middle } else { low = middle }
    }
    high
}

/// A true error divided over bins, and the noise of each.
struct FoldedNormalSum {
    /// Share of the error that each bin has, and its standard deviation.
    bins: Vec<(f64, f64)>,
}

impl FoldedNormalSum {
    fn new(gaps: &[f64], variances: &[f64], weight: impl Fn(f64, f64) -> f64) -> FoldedNormalSum {
        let sd = |variance: &f64| variance.max(0.0).sqrt();
        let each = || gaps.iter().zip(variances).map(|(gap, v)| (weight(*gap, sd(v)), sd(v)));
        let all: f64 = each().map(|(weight, _)| weight).sum();
        let noise: f64 = variances.iter().map(sd).sum();
        let share = |(weight, sd): (f64, f64)| match (all > 0.0, noise > 0.0) {
            (true, _) => (weight / all, sd),
            (false, true) => (sd / noise, sd),
            (false, false) => (1.0 / gaps.len() as f64, sd),
        };
        FoldedNormalSum { bins: each().map(share).collect() }
    }

    /// Mean and standard deviation of the sum of absolute gaps where the true error is `error`.
    fn moments(&self, error: f64) -> (f64, f64) {
        let normal = Normal::standard();
        let (mut mean, mut variance) = (0.0, 0.0);
        for (share, sd) in &self.bins {
            let gap = share * error;
            if *sd <= 0.0 {
                mean += gap;
                continue;
            }
            let z = gap / sd;
            let density = (2.0 / std::f64::consts::PI).sqrt() * (-z * z / 2.0).exp();
            let own = sd * density + gap * (1.0 - 2.0 * normal.cdf(-z));
            mean += own;
            variance += (gap * gap + sd * sd - own * own).max(0.0);
        }
        (mean, variance.sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const Z: f64 = 1.959_963_984_540_054;

    #[test]
    fn moments_are_those_of_folded_normals() {
        // scipy.stats.foldnorm(c=1).mean() = 1.166630, .var() = 0.638975.
        let one = FoldedNormalSum { bins: vec![(1.0, 1.0)] };
        let (mean, sd) = one.moments(1.0);
        assert!((mean - 1.166_630).abs() < 1e-6, "{mean}");
        assert!((sd * sd - 0.638_975).abs() < 1e-5, "{sd}");
    }

    #[test]
    fn noise_alone_is_no_error_and_a_certain_one_stays() {
        let gaps: Vec<f64> = (0..15).map(|b| if b % 2 == 0 { 0.004 } else { -0.004 }).collect();
        // Noise alone adds up to 15 · 0.006 · √(2/π) = 0.072.
        let noise = calibration_error_interval(&gaps, &[3.6e-5; 15], Z);
        assert_eq!((noise.value, noise.low), (0.0, 0.0));
        // Where 0.06 is Z standard errors below the mean, by bisection of these moments in double
        // precision: 15 gaps of 0.004856.
        assert!((noise.high - 0.072_837).abs() < 1e-6, "{noise:?}");
        let certain = calibration_error_interval(&gaps, &[1e-12; 15], Z);
        assert!((certain.value - 0.06).abs() < 1e-4 && certain.high - certain.low < 1e-4);
        let exact = calibration_error_interval(&[0.02, -0.01], &[0.0, 0.0], Z);
        assert!((exact.value - 0.03).abs() < 1e-9 && (exact.high - exact.low).abs() < 1e-9);
    }
}
