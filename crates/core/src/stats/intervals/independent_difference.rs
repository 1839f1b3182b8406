//! Differences of two independent estimates.

use crate::schema::ConfidenceInterval;
use crate::stats::quantile::sorted_quantile;
use crate::stats::{BootstrapOptions, generator, median};
use rand::RngExt;
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// The standard normal distribution's 99.5 % point: half of a 99 % interval, in standard deviations.
pub const Z99: f64 = 2.575_829_303_548_9;

/// Percentile bootstrap of median(`b`) − median(`a`), both samples resampled independently. `None`
/// where either is empty.
///
/// Source: Efron & Tibshirani 1993, chapter 8 (two-sample problems).
pub fn bootstrap_median_difference(
    a: &[f64],
    b: &[f64],
    options: BootstrapOptions,
) -> Option<ConfidenceInterval> {
    let value = median(b)? - median(a)?;
    let mut rng = generator(options.seed, "difference");
    let mut drawn = (a.to_vec(), b.to_vec());
    let mut values = Vec::with_capacity(options.resamples);
    for _ in 0..options.resamples {
        drawn.0.iter_mut().for_each(|slot| *slot = a[rng.random_range(0..a.len())]);
        drawn.1.iter_mut().for_each(|slot| *slot = b[rng.random_range(0..b.len())]);
        values.push(median(&drawn.1)? - median(&drawn.0)?);
    }
    values.sort_by(f64::total_cmp);
    let tail = (1.0 - options.level) / 2.0;
    let (low, high) = (sorted_quantile(&values, tail)?, sorted_quantile(&values, 1.0 - tail)?);
    Some(ConfidenceInterval { value, low, high })
}

/// The interval of `b` − `a` from the two intervals alone, each of the level that the result has.
///
/// Source: the method of variance estimates recovery, Zou & Donner 2008, Statistics in Medicine 27.
pub fn zou_donner_difference(a: ConfidenceInterval, b: ConfidenceInterval) -> ConfidenceInterval {
    let value = b.value - a.value;
    let low = value - (b.value - b.low).hypot(a.high - a.value);
    let high = value + (b.high - b.value).hypot(a.value - a.low);
    ConfidenceInterval { value, low, high }
}

/// An interval, widened on both sides by an independent error whose 99 % half-width is `half`.
pub fn widen_interval(interval: ConfidenceInterval, half: f64) -> ConfidenceInterval {
    let ConfidenceInterval { value, low, high } = interval;
    ConfidenceInterval {
        value,
        low: value - (value - low).hypot(half),
        high: value + (high - value).hypot(half),
    }
}

/// An interval, stretched on both sides by `factor`.
pub fn stretch_interval(interval: ConfidenceInterval, factor: f64) -> ConfidenceInterval {
    let ConfidenceInterval { value, low, high } = interval;
    ConfidenceInterval {
        value,
        low: value - factor * (value - low),
        high: value + factor * (high - value),
    }
}

/// By how much 99 % intervals have to be stretched for all of `count` to cover together at 99 %.
///
/// Source: Bonferroni's inequality, with the normal distribution's quantiles.
pub fn bonferroni_factor(count: usize) -> f64 {
    bonferroni_factor_at(0.99, count)
}

/// By how much intervals of coverage `level` have to be stretched for all of `count` to cover together
/// at that level.
///
/// Source: Bonferroni's inequality, with the normal distribution's quantiles.
pub fn bonferroni_factor_at(level: f64, count: usize) -> f64 {
    let beyond = (1.0 - level) / 2.0;
    let reach = |beyond: f64| Normal::standard().inverse_cdf(1.0 - beyond);
    reach(beyond / count.max(1) as f64) / reach(beyond)
}

/// By how much a 99 % half-width that was estimated from `count` values has to be stretched because
/// they are so few; infinite of none.
///
/// Source: Student 1908, as the ratio of his quantile to the normal one.
pub fn small_sample_factor(count: usize) -> f64 {
    match StudentsT::new(0.0, 1.0, count as f64) {
        Ok(t) => t.inverse_cdf(0.995) / Z99,
        Err(_) => f64::INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::generator;

    const HOW: BootstrapOptions = BootstrapOptions { resamples: 2_000, level: 0.99, seed: 3 };

    #[test]
    fn constants_differ_by_their_difference() {
        let found = bootstrap_median_difference(&[1.0; 9], &[3.0; 12], HOW).unwrap();
        assert_eq!((found.low, found.value, found.high), (2.0, 2.0, 2.0));
        assert!(bootstrap_median_difference(&[], &[1.0], HOW).is_none());
    }

    #[test]
    fn two_symmetric_intervals_add_in_quadrature() {
        let around =
            |value: f64, half| ConfidenceInterval { value, low: value - half, high: value + half };
        let found = zou_donner_difference(around(1.0, 3.0), around(5.0, 4.0));
        assert_eq!((found.low, found.value, found.high), (-1.0, 4.0, 9.0));
        let wide = widen_interval(around(0.0, 3.0), 4.0);
        assert_eq!((wide.low, wide.high), (-5.0, 5.0));
    }

    #[test]
    fn stretching_follows_published_quantiles() {
        assert!((bonferroni_factor(1) - 1.0).abs() < 1e-6);
        // z(0.9995) = 3.2905; t(0.995, 7) = 3.4995.
        assert!((bonferroni_factor(10) * Z99 - 3.290_5).abs() < 1e-3);
        assert!((small_sample_factor(7) * Z99 - 3.499_5).abs() < 1e-3);
        assert!(small_sample_factor(0).is_infinite());
        let wide = stretch_interval(ConfidenceInterval { value: 1.0, low: 0.5, high: 2.0 }, 2.0);
        assert_eq!((wide.low, wide.high), (0.0, 3.0));
    }

    #[test]
    fn the_bootstrap_covers_no_difference_as_often_as_it_says() {
        let mut rng = generator(8, "differences");
        let mut covered = 0;
        for trial in 0..400 {
            let mut draw = || (0..10).map(|_| rng.random::<f64>()).collect::<Vec<f64>>();
            let (a, b) = (draw(), draw());
            let options = BootstrapOptions { resamples: 500, seed: trial, ..HOW };
            let found = bootstrap_median_difference(&a, &b, options).unwrap();
            covered += usize::from(found.low <= 0.0 && 0.0 <= found.high);
        }
        assert!(covered >= 390, "{covered} of 400 at 99 %");
    }
}
