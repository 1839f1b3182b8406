//! Further draws of calibration samples: what the recipe might as well have seen.

use paring_core::stats;
use rand::RngExt;
use std::collections::BTreeMap;

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
    }
}
