//! Sums over samples from which every metric follows: what a bootstrap draws again and again.
//!
//! A metric is a function of sums, each over samples, of what a sample adds to a slot. So one pass
//! over the samples with the weights of a draw serves all metrics of that draw.

use paring_core::stats::{LANES, LaneValues};

/// No slot: the sample adds nothing.
pub(crate) const NOWHERE: u32 = u32::MAX;

/// Samples whose weights stay in the nearest cache.
const CHUNK: usize = 512;

/// Sums over samples, slot by slot, and the share that each sample has in them.
#[derive(Clone, Debug, Default)]
pub(crate) struct SampleSums {
    slots: usize,
    samples: usize,
    /// All samples add to the same slot.
    dense: Vec<(usize, Vec<f64>)>,
    /// Each adds to a slot of its own: 1, or a value.
    sparse: Vec<(Vec<u32>, Option<Vec<f64>>)>,
}

impl SampleSums {
    pub(crate) fn new(samples: usize) -> SampleSums {
        SampleSums { samples, ..SampleSums::default() }
    }

    /// Reserves slots; gives the first.
    pub(crate) fn reserve(&mut self, count: usize) -> usize {
        self.slots += count;
        self.slots - count
    }

    /// A slot to which each sample adds its value.
    pub(crate) fn add(&mut self, values: Vec<f64>) -> usize {
        let slot = self.reserve(1);
        self.dense.push((slot, values));
        slot
    }

    /// Each sample adds 1, or its value, to one of the slots that were reserved.
    pub(crate) fn scatter(&mut self, slots: Vec<u32>, values: Option<Vec<f64>>) {
        self.sparse.push((slots, values));
    }

    /// Each sample's share in a slot to which all add.
    pub(crate) fn values(&self, slot: usize) -> Option<&[f64]> {
        let own = self.dense.iter().find(|(own, _)| *own == slot);
        own.map(|(_, values)| values.as_slice())
    }

    /// Each sample's share in slots that only some add to, slot by slot.
    pub(crate) fn scattered(&self, first: usize, count: usize) -> Vec<Vec<f64>> {
        let mut all = vec![vec![0.0; self.samples]; count];
        for (slots, values) in &self.sparse {
            for (sample, slot) in slots.iter().enumerate() {
                let own = (*slot as usize).checked_sub(first).and_then(|own| all.get_mut(own));
                if let Some(own) = own {
                    own[sample] += values.as_ref().map_or(1.0, |values| values[sample]);
                }
            }
        }
        all
    }

    /// Samples that add to each of some slots.
    pub(crate) fn members(&self, first: usize, count: usize) -> Vec<Vec<usize>> {
        let mut all = vec![vec![]; count];
        for (slots, _) in &self.sparse {
            for (sample, slot) in slots.iter().enumerate() {
                let own = (*slot as usize).checked_sub(first).and_then(|own| all.get_mut(own));
                own.into_iter().for_each(|own| own.push(sample));
            }
        }
        all
    }

    /// The sums of all samples.
    pub(crate) fn totals(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.slots];
        for (slot, values) in &self.dense {
            sums[*slot] += values.iter().sum::<f64>();
        }
        for (slots, values) in &self.sparse {
            for (position, slot) in slots.iter().enumerate() {
                if let Some(sum) = sums.get_mut(*slot as usize) {
                    *sum += values.as_ref().map_or(1.0, |v| v[position]);
                }
            }
        }
        sums
    }

    /// The sums of eight draws, slot by slot; one weight a sample and draw.
    pub(crate) fn sums(&self, weights: &[LaneValues]) -> Vec<LaneValues> {
        debug_assert_eq!(weights.len(), self.samples);
        let mut sums = vec![[0.0; LANES]; self.slots];
        // All columns look at a few samples before any looks at more, while their weights are at hand.
        for (chunk, weights) in weights.chunks(CHUNK).enumerate() {
            let own = chunk * CHUNK..chunk * CHUNK + weights.len();
            for (slot, values) in &self.dense {
                let mut sum = [0.0; LANES];
                for (value, weight) in values[own.clone()].iter().zip(weights) {
                    (0..LANES).for_each(|lane| sum[lane] += value * weight[lane]);
                }
                (0..LANES).for_each(|lane| sums[*slot][lane] += sum[lane]);
            }
            for (slots, values) in &self.sparse {
                let values = values.as_ref().map(|values| &values[own.clone()]);
                scatter(&mut sums, &slots[own.clone()], values, weights);
            }
        }
        sums
    }
}

/// Adds the weights of samples, or their values times these, to the samples' slots.
fn scatter(sums: &mut [LaneValues], slots: &[u32], values: Option<&[f64]>, weights: &[LaneValues]) {
    match values {
        None => {
            for (slot, weight) in slots.iter().zip(weights) {
                let Some(sum) = sums.get_mut(*slot as usize) else { continue };
                (0..LANES).for_each(|lane| sum[lane] += weight[lane]);
            }
        }
        Some(values) => {
            for ((slot, value), weight) in slots.iter().zip(values).zip(weights) {
                let Some(sum) = sums.get_mut(*slot as usize) else { continue };
                (0..LANES).for_each(|lane| sum[lane] += value * weight[lane]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_counts_a_sample_as_often() {
        let mut tally = SampleSums::new(3);
        let mean = tally.add(vec![1.0, 2.0, 4.0]);
        let cells = tally.reserve(2) as u32;
        tally.scatter(vec![cells, cells + 1, NOWHERE], None);
        tally.scatter(vec![cells + 1, NOWHERE, cells + 1], Some(vec![0.5, 9.0, 0.25]));
        assert_eq!(tally.totals(), [7.0, 1.0, 1.75]);
        let once = tally.sums(&[[1.0; LANES]; 3]);
        assert_eq!(once.iter().map(|s| s[7]).collect::<Vec<_>>(), tally.totals());
        let mut weights = [[1.0; LANES]; 3];
        weights[2][3] = 2.0;
        let sums = tally.sums(&weights);
        assert_eq!((sums[mean][2], sums[mean][3], sums[2][3]), (7.0, 11.0, 2.0));
    }
}
