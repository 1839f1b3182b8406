//! Bootstrap intervals: resample whole units of replication, never what depends within one.
//!
//! Source: Efron & Tibshirani 1993, chapter 13 (percentile interval).

use crate::schema::ConfidenceInterval;
use crate::stats::quantile::sorted_quantile;
use crate::stats::{generator, median};
use rand::RngExt;
use std::collections::BTreeMap;

/// Options of a bootstrap.
#[derive(Clone, Copy, Debug)]
pub struct BootstrapOptions {
    /// Number of resamples.
    pub resamples: usize,
    /// Coverage of the interval, 0.95 say.
    pub level: f64,
    /// Seeds the draws.
    pub seed: u64,
}

/// Percentile bootstrap of `statistic` over `units`: the estimate on all units, and the interval of
/// the statistic on units drawn with replacement. `None` of nothing, or where the statistic has no
/// value.
pub fn bootstrap<T: Copy>(
    units: &[T],
    statistic: impl Fn(&[T]) -> Option<f64>,
    options: BootstrapOptions,
) -> Option<ConfidenceInterval> {
    let value = statistic(units)?;
    let mut rng = generator(options.seed, "bootstrap");
    let mut drawn = units.to_vec();
    let mut values = Vec::with_capacity(options.resamples);
    for _ in 0..options.resamples {
        drawn.iter_mut().for_each(|slot| *slot = units[rng.random_range(0..units.len())]);
        values.extend(statistic(&drawn));
    }
    percentile_interval(value, values, options.level)
}

/// The percentile interval around `value` from its draws; `None` without any.
pub(super) fn percentile_interval(
    value: f64,
    mut draws: Vec<f64>,
    level: f64,
) -> Option<ConfidenceInterval> {
    draws.sort_by(f64::total_cmp);
    let tail = (1.0 - level) / 2.0;
    let (low, high) = (sorted_quantile(&draws, tail)?, sorted_quantile(&draws, 1.0 - tail)?);
    Some(ConfidenceInterval { value, low, high })
}

/// Interval of the median of `values`, one value a unit of replication.
pub fn bootstrap_median(values: &[f64], options: BootstrapOptions) -> Option<ConfidenceInterval> {
    bootstrap(values, median, options)
}

/// Interval of the mean of `values`, resampling whole groups: `groups[i]` is the group of
/// `values[i]`. Without groups every value is its own.
pub fn bootstrap_mean_by_group(
    values: &[f64],
    groups: Option<&[String]>,
    options: BootstrapOptions,
) -> Option<ConfidenceInterval> {
    let mut sums: Vec<(f64, f64)> = match groups {
        None => values.iter().map(|v| (*v, 1.0)).collect(),
        Some(groups) => {
            let mut by_group: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
            for (value, group) in values.iter().zip(groups) {
                let sum = by_group.entry(group).or_default();
                *sum = (sum.0 + value, sum.1 + 1.0);
            }
            by_group.into_values().collect()
        }
    };
    // Equal units next to each other: the draws do not depend on the order of samples in the file.
    sums.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    bootstrap(&sums, mean_of_sums, options)
}

fn mean_of_sums(sums: &[(f64, f64)]) -> Option<f64> {
    let (sum, count) = sums.iter().fold((0.0, 0.0), |all, s| (all.0 + s.0, all.1 + s.1));
    (count > 0.0).then(|| sum / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOW: BootstrapOptions = BootstrapOptions { resamples: 2_000, level: 0.95, seed: 1 };

    #[test]
    fn a_constant_has_no_width() {
        let found = bootstrap_median(&[2.0; 9], HOW).unwrap();
        assert_eq!((found.low, found.value, found.high), (2.0, 2.0, 2.0));
        assert!(bootstrap_median(&[], HOW).is_none());
    }

    #[test]
    fn the_mean_s_interval_has_the_width_of_the_normal_approximation() {
        let values: Vec<f64> = (0..400).map(|i| f64::from(i % 10 != 0)).collect();
        let found = bootstrap_mean_by_group(&values, None, HOW).unwrap();
        let half = 1.96 * (0.9 * 0.1 / 400.0f64).sqrt();
        assert!((found.value - 0.9).abs() < 1e-12);
        assert!(((found.high - found.low) / (2.0 * half) - 1.0).abs() < 0.15, "{found:?}");
    }

    #[test]
    fn groups_are_drawn_whole() {
        let values: Vec<f64> = (0..100).map(|i| f64::from(i < 50)).collect();
        let two: Vec<String> = (0..100).map(|i| (i / 50).to_string()).collect();
        let found = bootstrap_mean_by_group(&values, Some(&two), HOW).unwrap();
        assert_eq!((found.low, found.high), (0.0, 1.0));
    }

    #[test]
    fn intervals_cover_as_often_as_they_say() {
        let mut rng = generator(5, "coverage");
        let mut covered = 0;
        for trial in 0..400 {
            let values: Vec<f64> = (0..60).map(|_| rng.random::<f64>()).collect();
            let options = BootstrapOptions { resamples: 400, seed: trial, ..HOW };
            let found = bootstrap_mean_by_group(&values, None, options).unwrap();
            covered += usize::from(found.low <= 0.5 && 0.5 <= found.high);
        }
        assert!((365..=394).contains(&covered), "{covered} of 400 at 95 %");
    }
}
