//! Exact McNemar test of losses against gains.

use statrs::distribution::{Binomial, DiscreteCDF};

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
}
