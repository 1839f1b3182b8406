//! Two answers to the same questions: where they differ, and which way.

use crate::schema::ConfidenceInterval;
use crate::stats::{SamplingDesign, cluster_bootstrap_t};

/// 95 % interval of the mean of `shares` between −1 and 1, one a sample: what a sample gains, less
/// what it loses. Unlike the bootstrap it has a width where nothing differs, which with few samples
/// proves little. `None` of no samples.
///
/// Of independent ±1 and 0 this is the adjusted Wald interval of paired proportions, which adds one
/// loss and one gain. Under another design both additions weigh as much as the design effect says,
/// and of groups the quantile is Student's, and the interval holds [`cluster_bootstrap_t`]'s.
///
/// Source: Bonett & Price 2012.
pub fn bonett_price_interval(shares: &[f64], design: SamplingDesign) -> Option<ConfidenceInterval> {
    if shares.is_empty() {
        return None;
    }
    let n = shares.len() as f64;
    let value = shares.iter().sum::<f64>() / n;
    let centre = value * n / (n + 2.0);
    let (added, critical) = (bonett_price_variance(shares, design), design.critical(shares.len()));
    let half = critical * added.sqrt();
    let (mut low, mut high) = (centre - half, centre + half);
    // Groups that were spoilt unequally make for a skewed mean.
    let skewed = match design {
        SamplingDesign::Groups(groups) => cluster_bootstrap_t(shares, groups),
        _ => None,
    };
    if let Some(skewed) = skewed {
        (low, high) = (low.min(skewed.low), high.max(skewed.high));
    }
    Some(ConfidenceInterval { value, low: low.max(-1.0), high: high.min(1.0) })
}

/// The variance behind [`bonett_price_interval`].
pub fn bonett_price_variance(shares: &[f64], design: SamplingDesign) -> f64 {
    let n = shares.len() as f64;
    if design == SamplingDesign::Independent {
        let centre = shares.iter().sum::<f64>() / (n + 2.0);
        let second = (shares.iter().map(|s| s * s).sum::<f64>() + 2.0) / (n + 2.0);
        return (second - centre * centre) / (n + 2.0);
    }
    let found = design.mean_variance(shares);
    found.variance + 2.0 * found.design_effect.max(1.0) / (n + 2.0).powi(2)
}

/// The interval of a difference `value` of two rates, of which `variance` is the bootstrap's and
/// `units` how many samples each is over: of so many, one more and one less would change it by a share.
/// `design_effect` is the number of samples that are drawn as one.
///
/// Source: after Bonett & Price 2012, with the bootstrap's variance in place of the counts'.
pub fn rate_change_interval(
    value: f64,
    variance: f64,
    units: [f64; 2],
    design_effect: f64,
    critical: f64,
) -> ConfidenceInterval {
    let added: f64 = units.iter().map(|n| design_effect / (n + 2.0).powi(2)).sum();
    let half = critical * (variance + added).sqrt();
    ConfidenceInterval { value, low: (value - half).max(-1.0), high: (value + half).min(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(losses: usize, gains: usize, samples: usize) -> ConfidenceInterval {
        let same = samples - losses - gains;
        let shares = [vec![-1.0; losses], vec![1.0; gains], vec![0.0; same]].concat();
        bonett_price_interval(&shares, SamplingDesign::Independent).unwrap()
    }

    #[test]
    fn equals_the_formula_of_counts() {
        // (12 + 1)/202 lost, (4 + 1)/202 gained.
        let (lost, gained) = (13.0 / 202.0, 5.0 / 202.0);
        let half = 1.959_963_984_540_054
            * ((lost + gained - (gained - lost) * (gained - lost)) / 202.0f64).sqrt();
        let found = counted(12, 4, 200);
        assert!((found.value + 0.04).abs() < 1e-15);
        assert!((found.low - (gained - lost - half)).abs() < 1e-9, "{found:?}");
        assert!((found.high - (gained - lost + half)).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn three_samples_without_a_difference_prove_little() {
        let few = counted(0, 0, 3);
        assert!(few.value == 0.0 && few.low < -0.5 && few.high > 0.5, "{few:?}");
        let many = counted(0, 0, 3_000);
        assert!(many.low > -0.002 && many.high < 0.002, "{many:?}");
        assert!(bonett_price_interval(&[], SamplingDesign::Independent).is_none());
        // Eight groups of fifty: as wide as what a correlation within groups allows.
        let groups: Vec<String> = (0..400).map(|i| (i % 8).to_string()).collect();
        let found = bonett_price_interval(&[0.0; 400], SamplingDesign::Groups(&groups)).unwrap();
        assert!((found.high - 2.364_624 * 100.0f64.sqrt() / 402.0).abs() < 1e-5, "{found:?}");
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
            let found = counted(losses, gains, 150);
            covered += usize::from(found.low <= truth && truth <= found.high);
        }
        assert!((930..=985).contains(&covered), "{covered} of 1000 at 95 %");
    }
}
