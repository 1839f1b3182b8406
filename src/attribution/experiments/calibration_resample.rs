//! Further draws of calibration samples: what the recipe might as well have seen.

use paring_core::stats;
use rand::RngExt;
use std::collections::{BTreeMap, BTreeSet};

/// Draws samples from a pool with replacement, ascending; whole groups where there are any,
/// until there are enough. `groups` are of all samples of the dataset.
pub fn resample_calibration(
    pool: &[usize],
    groups: Option<&[String]>,
    size: usize,
    seed: u64,
) -> Vec<usize> {
    let mut units: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for sample in pool {
        let unit = groups.map_or_else(|| format!("{sample:020}"), |g| g[*sample].clone());
        units.entry(unit).or_default().push(*sample);
    }
    let units: Vec<Vec<usize>> = units.into_values().collect();
    let mut rng = stats::generator(seed, "calibration draw");
    let mut drawn = Vec::new();
    while drawn.len() < size && !units.is_empty() {
        drawn.extend(&units[rng.random_range(0..units.len())]);
    }
    drawn.truncate(size);
    drawn.sort_unstable();
    drawn
}

/// Samples of a pool that have nothing to do with those that were `drawn`: no sample of a drawn group is
/// among them.
pub fn not_drawn(pool: &[usize], groups: Option<&[String]>, drawn: &[usize]) -> Vec<usize> {
    let samples: BTreeSet<usize> = drawn.iter().copied().collect();
    let units: BTreeSet<&String> =
        groups.iter().flat_map(|groups| drawn.iter().map(|sample| &groups[*sample])).collect();
    let apart = |sample: &usize| {
        !samples.contains(sample) && groups.is_none_or(|groups| !units.contains(&groups[*sample]))
    };
    pool.iter().copied().filter(apart).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_differ_and_stay_in_the_pool() {
        let pool: Vec<usize> = (100..150).collect();
        let [a, b] = [1, 2].map(|seed| resample_calibration(&pool, None, 30, seed));
        assert!(a != b && a.len() == 30 && a.iter().all(|s| pool.contains(s)));
        assert_eq!(a, resample_calibration(&pool, None, 30, 1));
        let groups: Vec<String> = (0..150).map(|s| (s / 10).to_string()).collect();
        let whole = resample_calibration(&pool, Some(&groups), 20, 3);
        assert!(whole.chunks(10).all(|ten| ten.len() == 10));
        assert!(resample_calibration(&[], None, 5, 1).is_empty());
        assert_eq!(not_drawn(&[3, 4, 5, 6], None, &[4, 4, 6]), [3, 5]);
        // Half of group 11 was drawn: its other half is left out, too.
        let drawn = [105, 106, 107, 108, 109, 110, 111, 112, 113, 114];
        let left = not_drawn(&pool, Some(&groups), &drawn);
        assert_eq!(left, (120..150).collect::<Vec<_>>());
    }
}
