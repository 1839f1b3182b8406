//! Proportions, and rates that behave like them.

use crate::schema::ConfidenceInterval;
use crate::stats::SamplingDesign;

/// The 97.5 % point of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// 95 % interval of a proportion. Unlike the bootstrap it has a width when all samples agree.
/// `None` of no samples.
///
/// Source: Wilson 1927, with the bound that Brown, Cai & DasGupta 2001 (section 4.1.1) take from the
/// Poisson distribution where one to three samples differ from all others: there Wilson's leaves the
/// truth out too often.
pub fn wilson_interval(hits: usize, samples: usize) -> Option<ConfidenceInterval> {
    (samples > 0).then(|| wilson_of(hits as f64 / samples as f64, samples as f64, Z))
}

/// Wilson's interval of a proportion of `n` samples, `critical` standard errors wide on both sides.
fn wilson_of(value: f64, n: f64, critical: f64) -> ConfidenceInterval {
    let (p, z) = (value.clamp(0.0, 1.0), critical);
    let centre = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let (low, high) = ((centre - half).max(0.0), (centre + half).min(1.0));
    let [low, high] = match (few(p * n, n), few((1.0 - p) * n, n)) {
        (Some(least), _) => [low.min(least / n), high],
        (_, Some(least)) => [low, high.max(1.0 - least / n)],
        _ => [low, high],
    };
    ConfidenceInterval { value, low, high }
}

/// The lower 95 % bound of a Poisson mean of which `count` occurred, half of χ²'s 5 % point of
/// 2 · `count` degrees of freedom; of one to three, of up to 50 samples of one or two.
fn few(count: f64, samples: f64) -> Option<f64> {
    let whole = (count - count.round()).abs() < 1e-6;
    match (count.round() as usize, whole) {
        (1, true) => Some(0.051_293),
        (2, true) => Some(0.355_361),
        (3, true) if samples > 50.0 => Some(0.817_691),
        _ => None,
    }
}

/// 95 % interval of the mean of `hits`, each 0 or 1: Wilson's with the effective number of samples
/// under the design. `None` of no samples.
///
/// Source: Korn & Graubard 1998, Survey Methodology 24, with Wilson's in place of the exact interval.
pub fn proportion_interval(hits: &[f64], design: SamplingDesign) -> Option<ConfidenceInterval> {
    let n = hits.len() as f64;
    let value = (n > 0.0).then(|| hits.iter().sum::<f64>() / n)?;
    let effective = n / design.mean_variance(hits).design_effect;
    Some(wilson_of(value, effective, design.critical(hits.len())))
}

/// 95 % interval of a rate in [0, 1] that is no plain proportion, a mean over classes say: Wilson's
/// with the number of samples that `variance`, the bootstrap's, is that of. `units` is over how many
/// samples the rate goes, `design_effect` how many of them are drawn as one; they decide where all
/// samples agree and the variance says nothing.
///
/// Source: after Korn & Graubard 1998.
pub fn rate_interval(
    value: f64,
    variance: f64,
    units: f64,
    design_effect: f64,
    critical: f64,
) -> ConfidenceInterval {
    let agree = 1.0 / units;
    let effective = (value * (1.0 - value) + agree) / (variance + design_effect * agree * agree);
    wilson_of(value, effective, critical)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_published_values_and_never_has_no_width() {
        // Newcombe 1998, table I: 81 of 263 and 0 of 20.
        let many = wilson_interval(81, 263).unwrap();
        assert!((many.low - 0.2553).abs() < 1e-4 && (many.high - 0.3662).abs() < 1e-4);
        let none = wilson_interval(0, 20).unwrap();
        assert!(none.low.abs() < 1e-12 && (none.high - 0.1611).abs() < 1e-4);
        assert!(wilson_interval(0, 0).is_none());
    }

    #[test]
    fn one_miss_leaves_out_little_above_it() {
        // scipy.stats.chi2.ppf(0.05, [2, 4, 6]) / 2 = 0.051293, 0.355362, 0.817691.
        let high = |misses: usize, samples: usize| {
            wilson_interval(samples - misses, samples).unwrap().high
        };
        assert!((high(1, 50) - (1.0 - 0.051_293 / 50.0)).abs() < 1e-9);
        assert!((high(3, 100) - (1.0 - 0.817_691 / 100.0)).abs() < 1e-9);
        assert!((high(4, 100) - wilson_interval(96, 100).unwrap().high).abs() < 1e-12);
        let low = wilson_interval(1, 50).unwrap().low;
        assert!((low - 0.051_293 / 50.0).abs() < 1e-9);
        // 49 of 50 without it: 0.9964; a rate of 0.9971 would be missed whenever anything is.
        assert!(high(1, 50) > 0.9971);
    }

    #[test]
    fn a_rate_that_is_a_proportion_has_wilson_s_interval() {
        let (plain, rate) = (wilson_interval(180, 200).unwrap(), 0.9);
        let found = rate_interval(rate, rate * (1.0 - rate) / 200.0, 200.0, 1.0, Z);
        assert!((found.low - plain.low).abs() < 1e-12 && (found.high - plain.high).abs() < 1e-12);
        let all = rate_interval(1.0, 0.0, 200.0, 1.0, Z);
        assert!((all.low - wilson_interval(200, 200).unwrap().low).abs() < 1e-12);
    }

    #[test]
    fn groups_that_agree_count_as_one_sample_each() {
        let groups: Vec<String> = (0..400).map(|i| (i / 50).to_string()).collect();
        let hits: Vec<f64> = (0..400).map(|i| f64::from(i >= 100)).collect();
        let found = proportion_interval(&hits, SamplingDesign::Groups(&groups)).unwrap();
        // 6 of 8, with Student's quantile of 7.
        let wide = wilson_of(0.75, 8.0, 2.364_624);
        assert!((found.low - wide.low).abs() < 1e-6 && (found.high - wide.high).abs() < 1e-6);
        let plain = proportion_interval(&hits, SamplingDesign::Independent).unwrap();
        assert_eq!((plain.low, plain.high), {
            let w = wilson_interval(300, 400).unwrap();
            (w.low, w.high)
        });
    }
}
