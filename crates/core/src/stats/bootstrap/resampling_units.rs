//! The bootstrap for many statistics at once: the same draws for all of them, on all cores.
//!
//! A draw is a weight for each sample: how often it was drawn. Statistics see eight draws side by
//! side, so that a pass over the samples serves eight and the sums need not wait for each other.

use crate::stats::{SamplingDesign, generator};
use rand::RngExt;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Draws that are made side by side.
pub const LANES: usize = 8;

/// One number for each of eight draws.
pub type LaneValues = [f64; LANES];

/// Units of resampling: samples or whole groups, within strata.
#[derive(Clone, Debug)]
pub struct ResamplingUnits {
    /// The unit of each sample.
    unit: Vec<u32>,
    /// Units of one stratum each.
    strata: Vec<Vec<u32>>,
    units: usize,
}

impl ResamplingUnits {
    /// The units that a design draws out of `samples`.
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

    /// True if there is nothing to draw.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::expanded_percentile_interval;

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
}
