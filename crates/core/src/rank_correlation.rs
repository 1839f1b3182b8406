//! Spearman's rank correlation, over all pairs and within groups of them.
//!
//! Source: Spearman 1904; equal values share the mean of their ranks.

use std::collections::BTreeMap;

/// Fewest pairs that have a correlation.
const FEWEST: usize = 3;

/// Ranks from 0 on, in the order of the values; equal values share the mean of theirs.
pub fn mid_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    for equal in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let shared = start as f64 + (equal.len() as f64 - 1.0) / 2.0;
        equal.iter().for_each(|place| ranks[*place] = shared);
        start += equal.len();
    }
    ranks
}

/// Spearman's rank correlation; `None` of fewer than three pairs, or where one side is constant.
pub fn spearman(pairs: &[(f64, f64)]) -> Option<f64> {
    spearman_within(pairs, &vec![0; pairs.len()])
}

/// Rank correlation within groups: ranks are given group by group, as shares of the group's size about
/// the group's mean, and correlated over all pairs. What distinguishes the groups from one another does
/// not count. `groups` has one number a pair.
pub fn spearman_within(pairs: &[(f64, f64)], groups: &[usize]) -> Option<f64> {
    let mut members: BTreeMap<usize, Vec<(f64, f64)>> = BTreeMap::new();
    for (pair, group) in pairs.iter().zip(groups) {
        members.entry(*group).or_default().push(*pair);
    }
    let (mut product, mut squares) = (0.0, (0.0, 0.0));
    for own in members.values() {
        let centred = |side: &dyn Fn(&(f64, f64)) -> f64| -> Vec<f64> {
            let values: Vec<f64> = own.iter().map(side).collect();
            let (size, mean) = (values.len() as f64, (values.len() as f64 - 1.0) / 2.0);
            mid_ranks(&values).into_iter().map(|rank| (rank - mean) / size).collect()
        };
        for (x, y) in centred(&|pair| pair.0).into_iter().zip(centred(&|pair| pair.1)) {
            product += x * y;
            squares = (squares.0 + x * x, squares.1 + y * y);
        }
    }
    let scale = (squares.0 * squares.1).sqrt();
    (pairs.len() >= FEWEST && scale > 0.0).then(|| (product / scale).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_correlate_as_published() {
        // R: cor(c(1,2,3,4,5), c(5,6,7,8,7), method = "spearman").
        let pairs = [(1.0, 5.0), (2.0, 6.0), (3.0, 7.0), (4.0, 8.0), (5.0, 7.0)];
        assert!((spearman(&pairs).unwrap() - 0.820_782_681_668_123_4).abs() < 1e-12);
        assert_eq!(spearman(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]), None);
        assert_eq!(spearman(&[(1.0, 1.0), (2.0, 2.0)]), None);
        assert_eq!(mid_ranks(&[3.0, 1.0, 3.0, 2.0]), [2.5, 0.0, 2.5, 1.0]);
    }

    #[test]
    fn differences_between_groups_do_not_count_within_them() {
        // Each group falls; the second lies above the first.
        let pairs = [(0.0, 2.0), (1.0, 1.0), (2.0, 0.0), (10.0, 12.0), (11.0, 11.0), (12.0, 10.0)];
        assert!(spearman(&pairs).unwrap() > 0.5);
        assert!((spearman_within(&pairs, &[0, 0, 0, 1, 1, 1]).unwrap() + 1.0).abs() < 1e-12);
        // Single members say nothing.
        assert_eq!(spearman_within(&pairs, &[0, 1, 2, 3, 4, 5]), None);
    }
}
