//! The bootstrap for many statistics at once: the same draws for all of them, on all cores.
//!
//! A draw is a weight for each sample: how often it was drawn. Statistics see eight draws side by
//! side, so that a pass over the samples serves eight and the sums need not wait for each other.

use super::design::student;
use super::{SamplingDesign, generator, quantile::sorted_quantile};
use crate::schema::ConfidenceInterval;
use rand::RngExt;
use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, Normal};
use std::collections::BTreeMap;

/// Draws that are made side by side.
pub const LANES: usize = 8;

/// One number for each of eight draws.
pub type LaneValues = [f64; LANES];

/// What is drawn: samples or whole groups, within strata.
#[derive(Clone, Debug)]
pub struct ResamplingUnits {
    /// The unit of each sample.
    unit: Vec<u32>,
    /// Units of one stratum each.
    strata: Vec<Vec<u32>>,
    units: usize,
}

impl ResamplingUnits {
    /// What a design draws out of `samples`.
    pub fn of(design: SamplingDesign, samples: usize) -> ResamplingUnits {
        match design {
            SamplingDesign::Independent => ResamplingUnits::stratified(&vec![0; samples]),
            SamplingDesign::FixedShares(labels) => ResamplingUnits::stratified(labels),
            SamplingDesign::Groups(groups) => ResamplingUnits::groups(groups),
        }
    }

    /// Samples on their own, those with the same stratum drawn from each other.
    pub fn stratified(strata: &[i64]) -> ResamplingUnits {
        let mut by_stratum: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
        for (sample, stratum) in strata.iter().enumerate() {
            by_stratum.entry(*stratum).or_default().push(sample as u32);
        }
        ResamplingUnits {
            unit: (0..strata.len() as u32).collect(),
            strata: by_stratum.into_values().collect(),
            units: strata.len(),
        }
    }

    /// Whole groups: `groups[i]` is the group of sample `i`.
    pub fn groups(groups: &[String]) -> ResamplingUnits {
        let mut known: BTreeMap<&str, u32> = BTreeMap::new();
        groups.iter().for_each(|group| {
            known.insert(group, 0);
        });
        known.values_mut().enumerate().for_each(|(position, unit)| *unit = position as u32);
        let unit = groups.iter().map(|group| known[group.as_str()]).collect();
        ResamplingUnits {
            unit,
            strata: vec![(0..known.len() as u32).collect()],
            units: known.len(),
        }
    }

    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.unit.len()
    }

    /// Number of units that are drawn.
    pub fn len(&self) -> usize {
        self.units
    }

    /// Whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.units == 0
    }

    /// Weights of all samples in the draws of one block.
    pub fn weights(&self, seed: u64, block: usize) -> Vec<LaneValues> {
        let mut counts = vec![[0.0; LANES]; self.units];
        let mut rng = generator(seed, &format!("resample {block}"));
        for stratum in &self.strata {
            let size = stratum.len() as u64;
            for _ in 0..stratum.len() {
                for lane_pair in 0..LANES / 2 {
                    // Two draws of 32 bits out of 64; the bias of a multiplication is below 2⁻³²
                    // times the stratum's size.
                    let bits: u64 = rng.random();
                    for (half, word) in [bits & 0xffff_ffff, bits >> 32].into_iter().enumerate() {
                        let drawn = stratum[((word * size) >> 32) as usize] as usize;
                        counts[drawn][2 * lane_pair + half] += 1.0;
                    }
                }
            }
        }
        // Units that are samples need no detour.
        match self.units == self.unit.len() {
            true => counts,
            false => self.unit.iter().map(|unit| counts[*unit as usize]).collect(),
        }
    }

    /// The values of several statistics in at least `resamples` draws, statistic by statistic.
    /// `look` gets the weights of all samples in eight draws and gives one entry a statistic.
    pub fn replicate(
        &self,
        resamples: usize,
        seed: u64,
        look: impl Fn(&[LaneValues]) -> Vec<LaneValues> + Sync,
    ) -> Vec<Vec<f64>> {
        let blocks: Vec<Vec<LaneValues>> = (0..resamples.div_ceil(LANES))
            .into_par_iter()
            .map(|block| look(&self.weights(seed, block)))
            .collect();
        let statistics = blocks.first().map_or(0, Vec::len);
        let of = |index: usize| blocks.iter().flat_map(|block| block[index]).collect();
        (0..statistics).map(of).collect()
    }
}

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
pub fn variance(draws: &[f64]) -> Option<f64> {
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

    fn mean(values: &[f64], weights: &[LaneValues]) -> LaneValues {
        let mut sum = [0.0; LANES];
        for (value, weight) in values.iter().zip(weights) {
            (0..LANES).for_each(|lane| sum[lane] += value * weight[lane]);
        }
        sum.map(|s| s / values.len() as f64)
    }

    #[test]
    fn strata_keep_their_size_and_groups_stay_whole() {
        let strata = [0, 0, 0, 1, 1, 7];
        for weights in (0..20).map(|block| ResamplingUnits::stratified(&strata).weights(3, block)) {
            for lane in 0..LANES {
                let size = |range: std::ops::Range<usize>| -> f64 {
                    weights[range].iter().map(|w| w[lane]).sum()
                };
                assert_eq!((size(0..3), size(3..5), size(5..6)), (3.0, 2.0, 1.0));
            }
        }
        let groups = ["b", "a", "b", "c"].map(String::from);
        let weights = ResamplingUnits::groups(&groups).weights(3, 0);
        assert_eq!(weights[0], weights[2]);
        assert_eq!(ResamplingUnits::groups(&groups).len(), 3);
    }

    #[test]
    fn the_mean_s_interval_has_the_width_of_the_normal_approximation() {
        let values: Vec<f64> = (0..400).map(|i| f64::from(i % 10 != 0)).collect();
        let draws =
            ResamplingUnits::stratified(&[0; 400]).replicate(4_000, 1, |w| vec![mean(&values, w)]);
        let found = expanded_percentile_interval(0.9, &draws[0], 400).unwrap();
        let half = 1.96 * (0.9 * 0.1 / 400.0f64).sqrt();
        assert!(((found.high - found.low) / (2.0 * half) - 1.0).abs() < 0.1, "{found:?}");
        let again =
            ResamplingUnits::stratified(&[0; 400]).replicate(4_000, 1, |w| vec![mean(&values, w)]);
        assert_eq!(draws, again);
    }

    #[test]
    fn a_statistic_without_a_value_in_most_draws_has_no_interval() {
        assert!(expanded_percentile_interval(1.0, &[f64::NAN, f64::NAN, 1.0], 9).is_none());
        assert!(expanded_percentile_interval(1.0, &[f64::NAN, 1.0, 1.0], 9).is_some());
        assert_eq!(variance(&[f64::NAN, 1.0, 3.0]), Some(2.0));
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
