//! Expected calibration error (ECE) and reliability diagrams.

use paring_core::schema::ReliabilityBin;

/// Bins of a calibration error.
pub const BINS: usize = 15;

/// The confidence bin of each sample, and the bins' bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfidenceBins {
    /// One a sample.
    pub bin: Vec<usize>,
    /// Lower and upper bound of each bin.
    pub bounds: Vec<(f64, f64)>,
}

/// Bins of equal width: (b/n, (b+1)/n], the first with its lower bound.
///
/// Source: Guo et al. 2017, arXiv 1706.04599.
pub fn equal_width_bins(confidence: &[f64], bins: usize) -> ConfidenceBins {
    let edge = |b: usize| b as f64 / bins as f64;
    let upper: Vec<f64> = (1..bins).map(edge).collect();
    let bin = confidence.iter().map(|c| upper.partition_point(|edge| edge < c)).collect();
    ConfidenceBins { bin, bounds: (0..bins).map(|b| (edge(b), edge(b + 1))).collect() }
}

/// Bins of equal mass: in the order of confidence, equal ones in the order they came, the first
/// `n % bins` bins one sample larger than the others. Without samples, bins have no bounds to speak of.
pub fn equal_mass_bins(confidence: &[f64], bins: usize) -> ConfidenceBins {
    let mut order: Vec<usize> = (0..confidence.len()).collect();
    order.sort_by(|a, b| confidence[*a].total_cmp(&confidence[*b]));
    let (size, larger) = (order.len() / bins, order.len() % bins);
    let (mut bin, mut bounds, mut start) = (vec![0; order.len()], Vec::new(), 0);
    for b in 0..bins {
        let end = start + size + usize::from(b < larger);
        order[start..end].iter().for_each(|sample| bin[*sample] = b);
        let at = |position: usize| order.get(position).map(|sample| confidence[*sample]);
        if end > start {
            bounds.extend(at(start).zip(at(end - 1)));
        }
        start = end;
    }
    ConfidenceBins { bin, bounds }
}

/// Σ over bins of |Σ (right − confidence)| over the number of samples: the mean distance of accuracy
/// and confidence, each bin weighted by its samples. `None` of no samples.
pub fn expected_calibration_error(
    binned: &ConfidenceBins,
    confidence: &[f64],
    right: &[bool],
) -> Option<f64> {
    let mut gaps = vec![0.0; binned.bounds.len().max(1)];
    for ((bin, confidence), right) in binned.bin.iter().zip(confidence).zip(right) {
        gaps[*bin] += f64::from(*right) - confidence;
    }
    let total = gaps.iter().map(|gap| gap.abs()).sum::<f64>();
    (!confidence.is_empty()).then(|| total / confidence.len() as f64)
}

/// Accuracy and mean confidence of each bin.
pub fn reliability_diagram(
    binned: &ConfidenceBins,
    confidence: &[f64],
    right: &[bool],
) -> Vec<ReliabilityBin> {
    let mut sums = vec![(0usize, 0.0, 0.0); binned.bounds.len()];
    for ((bin, confidence), right) in binned.bin.iter().zip(confidence).zip(right) {
        let sum = &mut sums[*bin];
        *sum = (sum.0 + 1, sum.1 + confidence, sum.2 + f64::from(*right));
    }
    let each = sums.into_iter().zip(&binned.bounds);
    each.map(|((samples, confidence, right), (low, high))| {
        let mean = |sum: f64| (samples > 0).then(|| sum / samples as f64);
        let (confidence, accuracy) = (mean(confidence), mean(right));
        ReliabilityBin { low: *low, high: *high, samples, confidence, accuracy }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIDENCE: [f64; 5] = [0.1, 0.5, 0.55, 0.9, 1.0];
    const RIGHT: [bool; 5] = [false, true, false, true, true];

    #[test]
    fn bins_are_closed_above() {
        let two = equal_width_bins(&CONFIDENCE, 2);
        assert_eq!(two.bin, [0, 0, 1, 1, 1]);
        // |1 − 0.6| + |2 − 2.45|, over 5.
        let error = expected_calibration_error(&two, &CONFIDENCE, &RIGHT).unwrap();
        assert!((error - 0.17).abs() < 1e-15);
        assert_eq!(equal_width_bins(&[0.0], 15).bin, [0]);
    }

    #[test]
    fn bins_of_equal_mass_differ_by_one_at_most() {
        let two = equal_mass_bins(&CONFIDENCE, 2);
        assert_eq!((two.bin.as_slice(), two.bounds[0]), ([0, 0, 0, 1, 1].as_slice(), (0.1, 0.55)));
        let found = reliability_diagram(&two, &CONFIDENCE, &RIGHT);
        assert_eq!((found[0].samples, found[1].accuracy), (3, Some(1.0)));
        assert_eq!(expected_calibration_error(&equal_mass_bins(&[], 2), &[], &[]), None);
        let error =
            expected_calibration_error(&equal_mass_bins(&[0.25], 15), &[0.25], &[true]).unwrap();
        assert!((error - 0.75).abs() < 1e-15);
    }
}
