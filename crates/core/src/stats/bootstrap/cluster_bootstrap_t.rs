//! The bootstrap of a mean over a few groups of samples.

use crate::schema::ConfidenceInterval;
use crate::stats::generator;
use crate::stats::quantile::sorted_quantile;
use crate::stats::sampling_design::student;
use rand::RngExt;
use std::collections::BTreeMap;

/// Resamples.
const RESAMPLES: usize = 2_000;

/// 95 % interval of the mean of `values`, of which whole groups are drawn: the quantiles of resampled
/// Student's ratios in place of Student's own, because group means are few and skewed. `None` of
/// fewer than two groups, or where no group differs from another.
///
/// Source: Cameron, Gelbach & Miller 2008, Review of Economics and Statistics 90 (pairs cluster
/// bootstrap-t); Efron & Tibshirani 1993, section 12.5.
pub fn cluster_bootstrap_t(values: &[f64], groups: &[String]) -> Option<ConfidenceInterval> {
    let mut by_group: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for (value, group) in values.iter().zip(groups) {
        let sum = by_group.entry(group).or_default();
        *sum = (sum.0 + value, sum.1 + 1.0);
    }
    let mut units: Vec<(f64, f64)> = by_group.into_values().collect();
    // Equal units next to each other: the draws do not depend on the order of samples in the file.
    units.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let (value, error) = ratio(&units);
    if units.len() < 2 || error <= 0.0 {
        return None;
    }
    let mut rng = generator(0, "cluster bootstrap t");
    let mut drawn = units.clone();
    // Resamples of hardly more than one group have next to no error: their ratio says nothing.
    let most = 4.0 * student(units.len() - 1, 0.95);
    let mut ratios: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            drawn.iter_mut().for_each(|slot| *slot = units[rng.random_range(0..units.len())]);
            let (mean, own) = ratio(&drawn);
            let distance = mean - value;
            if distance == 0.0 { 0.0 } else { (distance / own).clamp(-most, most) }
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    let (below, above) = (sorted_quantile(&ratios, 0.025)?, sorted_quantile(&ratios, 0.975)?);
    Some(ConfidenceInterval { value, low: value - above * error, high: value - below * error })
}

/// Mean over all samples of groups of (sum, samples), and its standard error.
fn ratio(units: &[(f64, f64)]) -> (f64, f64) {
    let (sum, samples) = units.iter().fold((0.0, 0.0), |all, u| (all.0 + u.0, all.1 + u.1));
    let (mean, count) = (sum / samples, units.len() as f64);
    let spread: f64 = units.iter().map(|(sum, n)| (sum - mean * n).powi(2)).sum();
    (mean, (count / (count - 1.0) * spread).sqrt() / samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(groups: usize, size: usize) -> Vec<String> {
        (0..groups * size).map(|i| (i / size).to_string()).collect()
    }

    #[test]
    fn groups_that_do_not_differ_say_nothing() {
        assert_eq!(cluster_bootstrap_t(&[1.0; 40], &named(8, 5)), None);
        assert_eq!(cluster_bootstrap_t(&[1.0, 2.0], &named(1, 2)), None);
    }

    #[test]
    fn skewed_means_of_eight_groups_are_covered() {
        let mut rng = generator(5, "skewed groups");
        let groups = named(8, 4);
        let covered = (0..400)
            .filter(|_| {
                let mut values = Vec::new();
                for _ in 0..8 {
                    let level = -rng.random::<f64>().ln();
                    values.extend((0..4).map(|_| level + 0.2 * rng.random::<f64>()));
                }
                let found = cluster_bootstrap_t(&values, &groups).unwrap();
                found.low <= 1.1 && 1.1 <= found.high
            })
            .count();
        // Student's interval covers 349 to 363 of these.
        assert!(covered >= 364, "{covered} of 400 at 95 %");
    }
}
