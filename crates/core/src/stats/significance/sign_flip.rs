//! Sign-flip test: do values lie to one side of zero by more than chance?

use crate::stats::generator;
use rand::RngExt;

/// With up to so many values that are not 0 all signs are tried.
const EXACT: usize = 14;
/// Else so many draws.
const DRAWS: usize = 10_000;

/// p-value of the sum of `values` if every value could as well have the other sign,
/// two-sided; 1 of nothing. For values of ±1 this is the exact McNemar test.
///
/// Where none of the draws reaches it, Hoeffding's bound says how small it is.
///
/// Source: Fisher 1935, section 21; the added draw keeps it valid (Phipson & Smyth 2010); Hoeffding
/// 1963, theorem 2.
pub fn sign_flip_test(values: &[f64], seed: u64) -> f64 {
    let values: Vec<f64> = values.iter().copied().filter(|v| *v != 0.0).collect();
    let sum = values.iter().sum::<f64>().abs();
    // Sums that differ by rounding alone are equal.
    let reaches = |found: f64| found.abs() >= sum * (1.0 - 1e-9);
    if values.len() <= EXACT {
        let all = 1u32 << values.len();
        let signed = |signs: u32| -> f64 {
            let flip = |(i, v): (usize, &f64)| if signs >> i & 1 == 1 { -v } else { *v };
            values.iter().enumerate().map(flip).sum()
        };
        let reached = (0..all).filter(|signs| reaches(signed(*signs))).count();
        return reached as f64 / f64::from(all);
    }
    let mut draw = generator(seed, "sign flips");
    let reached = (0..DRAWS)
        .filter(|_| {
            let mut bits = 0u64;
            let signed = values.iter().enumerate().map(|(i, v)| {
                if i % 64 == 0 {
                    bits = draw.random();
                }
                if bits >> (i % 64) & 1 == 1 { -v } else { *v }
            });
            reaches(signed.sum())
        })
        .count();
    let drawn = (reached + 1) as f64 / (DRAWS + 1) as f64;
    // Draws cannot tell how small a p-value below 1/10,001 is; of many tests that is not small enough.
    let squares: f64 = values.iter().map(|v| v * v).sum();
    let bound = 2.0 * (-sum * sum / (2.0 * squares)).exp();
    if reached == 0 { drawn.min(bound) } else { drawn }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_binomial_test_for_signs() {
        // R: binom.test(3, 14)$p.value; binom.test(0, 5)$p.value.
        let signs = |losses: usize, gains: usize| [vec![-1.0; losses], vec![1.0; gains]].concat();
        assert!((sign_flip_test(&signs(11, 3), 1) - 0.057_373_046_875).abs() < 1e-12);
        assert!((sign_flip_test(&signs(0, 5), 1) - 0.0625).abs() < 1e-12);
        assert_eq!((sign_flip_test(&[], 1), sign_flip_test(&[0.0, 0.0], 1)), (1.0, 1.0));
        let many = sign_flip_test(&signs(40, 20), 1);
        assert!((many - 0.0135).abs() < 0.004, "{many}");
        // Exactly 2⁻⁹⁹; the bound is 2 e⁻⁵⁰.
        let all = sign_flip_test(&signs(100, 0), 1);
        assert!(all < 1e-20 && all > 2f64.powi(-99), "{all}");
    }

    #[test]
    fn is_right_as_often_as_it_says_where_there_is_nothing() {
        let mut rng = generator(1, "sign flip test");
        let mut called = 0;
        for trial in 0..500 {
            let values: Vec<f64> = (0..12).map(|_| rng.random::<f64>() - 0.5).collect();
            called += usize::from(sign_flip_test(&values, trial) <= 0.05);
        }
        assert!((10..=40).contains(&called), "{called} of 500 at 5 %");
    }
}
