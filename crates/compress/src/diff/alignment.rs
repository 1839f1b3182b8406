//! Alignment of the components that are still there with the originals, by their likeness: the posterior
//! over all alignments that keep the order.

use std::f64::consts::PI;

/// Rounds of estimating what likeness matches and others have.
const ROUNDS: usize = 4;
/// Log likelihood ratios beyond this say no more.
const MOST: f64 = 40.0;

/// The likeliest alignment with its probabilities.
#[derive(Clone, Debug)]
pub(super) struct ComponentAlignment {
    /// For each that is still there: the likeliest original, and its probability.
    pub(super) kept: Vec<(usize, f64)>,
    /// For each original: the probability that it is gone.
    pub(super) gone: Vec<f64>,
}

/// Aligns. `evidence` are matrices of likenesses in −1..1, `[still there][original]`, that are taken
/// to be independent; there are at least as many originals.
///
/// Likenesses, as z = artanh, are normal around one mean for matches and around another for the rest,
/// with means and spreads estimated from the alignment itself (expectation maximisation); the sum over
/// all alignments in order is the forward-backward recursion (Rabiner 1989).
pub(super) fn align(
    evidence: &[Vec<Vec<f64>>],
    there: usize,
    originals: usize,
) -> ComponentAlignment {
    let z: Vec<Vec<Vec<f64>>> = evidence
        .iter()
        .map(|m| {
            m.iter()
                .map(|row| row.iter().map(|s| s.clamp(-0.9999, 0.9999).atanh()).collect())
                .collect()
        })
        .collect();
    let mut ratio = summed(&z, there, originals, &|_, value| 4.0 * value);
    let mut posterior = posterior(&ratio, there, originals);
    for _ in 0..ROUNDS {
        let models: Vec<LikenessModel> =
            z.iter().map(|m| LikenessModel::fit(m, &posterior)).collect();
        ratio = summed(&z, there, originals, &|m, value| models[m].log_ratio(value));
        posterior = self::posterior(&ratio, there, originals);
    }
    let likeliest = |row: &Vec<f64>| {
        let best = (0..originals).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap_or(0);
        (best, row[best])
    };
    let gone = |b: usize| (1.0 - posterior.iter().map(|row| row[b]).sum::<f64>()).clamp(0.0, 1.0);
    ComponentAlignment {
        kept: posterior.iter().map(likeliest).collect(),
        gone: (0..originals).map(gone).collect(),
    }
}

fn summed(
    z: &[Vec<Vec<f64>>],
    there: usize,
    originals: usize,
    value: &dyn Fn(usize, f64) -> f64,
) -> Vec<Vec<f64>> {
    let at = |v: usize, b: usize| z.iter().enumerate().map(|(m, z)| value(m, z[v][b])).sum::<f64>();
    (0..there).map(|v| (0..originals).map(|b| at(v, b).clamp(-MOST, MOST)).collect()).collect()
}

/// Normal distributions of the likeness of matches and of the rest.
struct LikenessModel {
    matches: (f64, f64),
    rest: (f64, f64),
}

impl LikenessModel {
    fn fit(z: &[Vec<f64>], posterior: &[Vec<f64>]) -> LikenessModel {
        let moments = |weight: &dyn Fn(usize, usize) -> f64| {
            let (mut sum, mut total, mut squares) = (0.0, 1e-9, 0.0);
            for (v, row) in z.iter().enumerate() {
                for (b, value) in row.iter().enumerate() {
                    let w = weight(v, b);
                    (sum, total, squares) =
                        (sum + w * value, total + w, squares + w * value * value);
                }
            }
            let mean = sum / total;
            // A floor: a handful of matches that happen to agree are not that certain.
            (mean, (squares / total - mean * mean).max(0.0).sqrt().max(0.1))
        };
        let matches = moments(&|v, b| posterior[v][b]);
        LikenessModel { matches, rest: moments(&|v, b| 1.0 - posterior[v][b]) }
    }

    fn log_ratio(&self, z: f64) -> f64 {
        let log = |(mean, deviation): (f64, f64)| {
            -0.5 * ((z - mean) / deviation).powi(2) - (deviation * (2.0 * PI).sqrt()).ln()
        };
        log(self.matches) - log(self.rest)
    }
}

/// Probability of each match over all alignments in order, given log likelihood ratios.
fn posterior(ratio: &[Vec<f64>], there: usize, originals: usize) -> Vec<Vec<f64>> {
    let add = |a: f64, b: f64| {
        let (high, low) = if a > b { (a, b) } else { (b, a) };
        if low == f64::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
    };
    let none = f64::NEG_INFINITY;
    // before[v][b]: all ways to place the first v among the first b originals; after: likewise behind.
    let mut before = vec![vec![none; originals + 1]; there + 1];
    let mut after = vec![vec![none; originals + 1]; there + 1];
    before[0].fill(0.0);
    after[there].fill(0.0);
    for v in 0..there {
        for b in 0..originals {
            before[v + 1][b + 1] = add(before[v + 1][b], before[v][b] + ratio[v][b]);
        }
    }
    for v in (0..there).rev() {
        for b in (0..originals).rev() {
            after[v][b] = add(after[v][b + 1], after[v + 1][b + 1] + ratio[v][b]);
        }
    }
    let all = before[there][originals];
    let at = |v: usize, b: usize| (before[v][b] + ratio[v][b] + after[v + 1][b + 1] - all).exp();
    (0..there).map(|v| (0..originals).map(|b| at(v, b)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_posterior_is_the_share_of_alignments() {
        // Two of three in order: (0,1), (0,2), (1,2), all alike.
        let found = posterior(&vec![vec![0.0; 3]; 2], 2, 3);
        let third = 1.0 / 3.0;
        for (row, expected) in
            found.iter().zip([[2.0 * third, third, 0.0], [0.0, third, 2.0 * third]])
        {
            row.iter().zip(expected).for_each(|(f, e)| assert!((f - e).abs() < 1e-12));
        }
    }

    #[test]
    fn clear_likenesses_are_certain_and_equal_ones_are_not() {
        let kept = [0, 1, 3, 4, 6, 7];
        let near =
            |v: usize, b: usize| if kept[v] == b { 0.98 } else { 0.02 * (v + b) as f64 - 0.1 };
        let clear: Vec<Vec<f64>> = (0..6).map(|v| (0..8).map(|b| near(v, b)).collect()).collect();
        let found = align(&[clear], 6, 8);
        assert_eq!(found.kept.iter().map(|k| k.0).collect::<Vec<_>>(), kept);
        assert!(found.gone[2] > 0.999 && found.gone[5] > 0.999 && found.gone[0] < 0.001);
        let found = align(&[vec![vec![0.5; 8]; 6]], 6, 8);
        assert!(found.gone.iter().all(|g| (0.1..0.5).contains(g)));
    }
}
