//! Two answers to the same questions: where they differ, and which way.

use crate::record::Interval;
use statrs::distribution::{Binomial, DiscreteCDF};

/// The 97.5 % point of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// Exact McNemar: how likely are losses and gains at least as unequal as these if both were equally
/// likely, two-sided; 1 of none.
///
/// Source: McNemar 1947, with the binomial distribution in place of χ².
pub fn mcnemar(losses: usize, gains: usize) -> f64 {
    let (fewer, all) = (losses.min(gains) as u64, (losses + gains) as u64);
    // A probability of one half is one that the distribution takes.
    let Ok(fair) = Binomial::new(0.5, all) else { return 1.0 };
    (2.0 * fair.cdf(fewer)).min(1.0)
}

/// 95 % interval of the difference of two proportions of the same `samples`: gains less losses.
/// Unlike the bootstrap it has a width where nothing differs, which with few samples proves little.
/// `None` of no samples.
///
/// Source: Bonett & Price 2012, the adjusted Wald interval of paired proportions.
pub fn paired_difference(losses: usize, gains: usize, samples: usize) -> Option<Interval> {
    adjusted(losses as f64, gains as f64, samples)
}

/// The same of shares between -1 and 1, one a sample: what samples lost less than a whole answer.
pub fn paired_shares(shares: &[f64]) -> Option<Interval> {
    let sum = |sign: f64| shares.iter().map(|share| (sign * share).max(0.0)).sum::<f64>();
    adjusted(sum(-1.0), sum(1.0), shares.len())
}

fn adjusted(losses: f64, gains: f64, samples: usize) -> Option<Interval> {
    if samples == 0 {
        return None;
    }
    let n = samples as f64;
    let value = (gains - losses) / n;
    let (lost, gained) = ((losses + 1.0) / (n + 2.0), (gains + 1.0) / (n + 2.0));
    let difference = gained - lost;
    let half = Z * ((gained + lost - difference * difference) / (n + 2.0)).sqrt();
    let (low, high) = ((difference - half).max(-1.0), (difference + half).min(1.0));
    Some(Interval { value, low, high })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mcnemar_equals_the_binomial_test() {
        // R: binom.test(3, 14)$p.value; binom.test(0, 5)$p.value.
        assert!((mcnemar(11, 3) - 0.057_373_046_875).abs() < 1e-12);
        assert!((mcnemar(0, 5) - 0.0625).abs() < 1e-12);
        assert_eq!((mcnemar(0, 0), mcnemar(4, 4)), (1.0, 1.0));
        assert!(mcnemar(0, 100_000) < 1e-100);
    }

    #[test]
    fn three_samples_without_a_difference_prove_little() {
        let few = paired_difference(0, 0, 3).unwrap();
        assert!(few.value == 0.0 && few.low < -0.5 && few.high > 0.5, "{few:?}");
        let many = paired_difference(0, 0, 3_000).unwrap();
        assert!(many.low > -0.002 && many.high < 0.002, "{many:?}");
        assert!(paired_difference(0, 0, 0).is_none());
        assert_eq!(paired_shares(&[0.0, -1.0, 1.0, 0.0]), paired_difference(1, 1, 4));
    }

    #[test]
    fn covers_as_often_as_it_says() {
        use rand::RngExt;
        let mut rng = crate::stats::generator(2, "paired coverage");
        let (mut covered, truth) = (0, 0.02 - 0.08);
        for _ in 0..1_000 {
            let (mut losses, mut gains) = (0, 0);
            for _ in 0..150 {
                match rng.random::<f64>() {
                    draw if draw < 0.08 => losses += 1,
                    draw if draw < 0.10 => gains += 1,
                    _ => {}
                }
            }
            let found = paired_difference(losses, gains, 150).unwrap();
            covered += usize::from(found.low <= truth && truth <= found.high);
        }
        assert!((930..=985).contains(&covered), "{covered} of 1000 at 95 %");
    }
}
