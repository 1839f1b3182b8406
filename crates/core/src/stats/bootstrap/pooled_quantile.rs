//! Bootstrap interval of a quantile of all samples, resampling whole blocks of them.

use super::BootstrapOptions;
use super::percentile::percentile_interval;
use crate::schema::ConfidenceInterval;
use crate::stats::generator;
use rand::RngExt;

/// The `q`-quantile of the samples of all `blocks` together, and its interval over blocks drawn with
/// replacement: samples of one block depend on each other. `None` without samples.
///
/// Source: Efron & Tibshirani 1993, chapter 13 (percentile interval); the quantile is that of
/// [`quantile`](crate::stats::quantile()).
pub fn bootstrap_pooled_quantile(
    blocks: &[Vec<f64>],
    q: f64,
    options: BootstrapOptions,
) -> Option<ConfidenceInterval> {
    let own = blocks.iter().enumerate();
    let mut descending: Vec<(f64, usize)> =
        own.flat_map(|(block, samples)| samples.iter().map(move |s| (*s, block))).collect();
    descending.sort_by(|a, b| b.0.total_cmp(&a.0));
    let value = upper_quantile(&descending, &vec![1; blocks.len()], blocks, q)?;
    let mut rng = generator(options.seed, "pooled quantile");
    let mut values = Vec::with_capacity(options.resamples);
    let mut drawn = vec![0; blocks.len()];
    for _ in 0..options.resamples {
        drawn.fill(0);
        (0..blocks.len()).for_each(|_| drawn[rng.random_range(0..blocks.len())] += 1);
        values.extend(upper_quantile(&descending, &drawn, blocks, q));
    }
    percentile_interval(value, values, options.level)
}

/// The quantile of samples whose block was drawn so often, found from the largest downwards.
fn upper_quantile(
    descending: &[(f64, usize)],
    drawn: &[usize],
    blocks: &[Vec<f64>],
    q: f64,
) -> Option<f64> {
    let count: usize = blocks.iter().zip(drawn).map(|(block, times)| block.len() * times).sum();
    let last = count.checked_sub(1)?;
    let position = q.clamp(0.0, 1.0) * last as f64;
    let (below, fraction) = (position.floor() as usize, position.fract());
    // As ranks from the top: that of the order statistic above, and of the one below.
    let (above_rank, below_rank) = (last.saturating_sub(below + 1), last - below);
    let (mut seen, mut above) = (0, None);
    for (value, block) in descending {
        seen += drawn[*block];
        if seen > above_rank && above.is_none() {
            above = Some(*value);
        }
        if seen > below_rank {
            return Some(value + fraction * (above.unwrap_or(*value) - value));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::quantile;

    const HOW: BootstrapOptions = BootstrapOptions { resamples: 2_000, level: 0.99, seed: 0 };

    #[test]
    fn the_value_is_the_quantile_of_all_samples() {
        let mut rng = generator(4, "samples");
        let blocks: Vec<Vec<f64>> =
            (0..7).map(|n| (0..90 + n).map(|_| rng.random::<f64>()).collect()).collect();
        for q in [0.0, 0.5, 0.9, 0.99, 1.0] {
            let found = bootstrap_pooled_quantile(&blocks, q, HOW).unwrap();
            assert_eq!(Some(found.value), quantile(&blocks.concat(), q), "{q}");
            assert!(found.low <= found.value && found.value <= found.high, "{q}: {found:?}");
        }
        assert_eq!(bootstrap_pooled_quantile(&[], 0.9, HOW), None);
    }

    #[test]
    fn drawn_blocks_count_as_often_as_they_were_drawn() {
        let blocks = vec![vec![1.0, 2.0, 3.0], vec![10.0, 20.0], vec![5.0]];
        let descending = [(20.0, 1), (10.0, 1), (5.0, 2), (3.0, 0), (2.0, 0), (1.0, 0)];
        let twice_the_second = [3.0, 2.0, 1.0, 10.0, 20.0, 10.0, 20.0];
        for q in [0.1, 0.5, 0.66, 0.9] {
            let found = upper_quantile(&descending, &[1, 2, 0], &blocks, q);
            assert_eq!(found, quantile(&twice_the_second, q), "{q}");
        }
    }

    #[test]
    fn blocks_that_agree_leave_no_width_and_one_slow_block_shows() {
        let block: Vec<f64> = (0..100).map(f64::from).collect();
        let even = bootstrap_pooled_quantile(&vec![block.clone(); 10], 0.99, HOW).unwrap();
        assert!(even.high - even.low < 0.2, "{even:?}");
        let mut blocks = vec![block; 9];
        blocks.push(vec![1_000.0; 100]);
        let found = bootstrap_pooled_quantile(&blocks, 0.99, HOW).unwrap();
        assert!(found.low < 100.0 && found.high == 1_000.0, "{found:?}");
    }
}
