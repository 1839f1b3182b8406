//! Samples divided into passes of one size, each sample counting once.

use crate::catalog::Calibration;

/// Samples of one pass.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::distillation) struct SamplePass {
    /// As many as a pass takes; where there are fewer, each of them equally often.
    pub(in crate::distillation) samples: Vec<usize>,
    /// Share of its samples in all that were divided.
    pub(in crate::distillation) share: f64,
}

impl SamplePass {
    /// Divides samples into passes of `size`. What is left at the end goes into passes of a divisor of
    /// `size` each, repeated until they are full, so that the mean over a pass is that of its samples.
    pub(in crate::distillation) fn divide(chosen: &[usize], size: usize) -> Vec<SamplePass> {
        let size = size.max(1);
        let (mut left, mut passes) = (chosen, Vec::new());
        while !left.is_empty() {
            let fits = |count: &usize| size.is_multiple_of(*count);
            let count = (1..=left.len().min(size)).rev().find(fits).unwrap_or(1);
            let (own, rest) = left.split_at(count);
            passes.push(SamplePass {
                samples: own.iter().copied().cycle().take(size).collect(),
                share: count as f64 / chosen.len() as f64,
            });
            left = rest;
        }
        passes
    }
}

/// Labels of samples, where there are any.
pub(in crate::distillation) fn labels_of(calibration: &Calibration, samples: &[usize]) -> Vec<i64> {
    samples.iter().filter_map(|i| calibration.labels.get(*i).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_counts_once() {
        for size in 1..=9 {
            for count in 1..40usize {
                let chosen: Vec<usize> = (100..100 + count).collect();
                let passes = SamplePass::divide(&chosen, size);
                let mut weights = vec![0.0; count];
                for SamplePass { samples, share } in &passes {
                    assert_eq!(samples.len(), size);
                    samples.iter().for_each(|own| weights[own - 100] += share / size as f64);
                }
                let even = 1.0 / count as f64;
                assert!(weights.iter().all(|own| (own - even).abs() < 1e-12), "{size} {count}");
            }
        }
        let samples = |count, size| -> Vec<Vec<usize>> {
            let chosen: Vec<usize> = (0..count).collect();
            SamplePass::divide(&chosen, size).into_iter().map(|pass| pass.samples).collect()
        };
        assert_eq!(samples(7, 4), [[0, 1, 2, 3], [4, 5, 4, 5], [6, 6, 6, 6]]);
        assert!(samples(0, 4).is_empty());
    }
}
