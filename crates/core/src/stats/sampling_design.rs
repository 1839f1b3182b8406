//! The sampling design: which samples depend on each other, and what that does to a mean's variance.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};
use std::collections::BTreeMap;

/// The sampling design of a list of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SamplingDesign<'a> {
    /// Samples on their own: another study would have other class shares too.
    Independent,
    /// A fixed number of samples of each class; the class of each sample.
    FixedShares(&'a [i64]),
    /// Whole groups of samples; the group of each sample.
    Groups(&'a [String]),
}

/// The variance of a mean over samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanVariance {
    /// The variance under the design.
    pub variance: f64,
    /// Variance under the design over that of independent samples: 1 where samples are independent,
    /// at most the mean size of a group.
    pub design_effect: f64,
    /// Number of units that are drawn.
    pub units: usize,
}

impl<'a> SamplingDesign<'a> {
    /// Number of units that are drawn out of `samples`.
    pub fn units(&self, samples: usize) -> usize {
        match self {
            SamplingDesign::Groups(groups) => {
                groups.iter().collect::<std::collections::BTreeSet<_>>().len()
            }
            _ => samples,
        }
    }

    /// Mean number of samples in a unit.
    pub fn unit_size(&self, samples: usize) -> f64 {
        samples as f64 / self.units(samples).max(1) as f64
    }

    /// Half of a 95 % interval in standard errors: Student's t of the groups less one, else the normal
    /// distribution's.
    pub fn critical(&self, samples: usize) -> f64 {
        match self {
            SamplingDesign::Groups(_) => student(self.units(samples).saturating_sub(1), 0.95),
            _ => normal(0.95),
        }
    }

    /// The variance of the mean of `values`.
    ///
    /// Source: Cochran 1977, chapters 5 (strata) and 9 (clusters); the design effect is Kish's (1965).
    pub fn mean_variance(&self, values: &[f64]) -> MeanVariance {
        let n = values.len() as f64;
        let independent = squares(values) / (n * n) * unbiased(values.len());
        let units = self.units(values.len());
        let most = self.unit_size(values.len());
        let variance = match self {
            SamplingDesign::Independent => independent,
            SamplingDesign::FixedShares(labels) => {
                let strata = split(values, labels);
                strata.values().map(|own| squares(own) * unbiased(own.len())).sum::<f64>() / (n * n)
            }
            SamplingDesign::Groups(groups) => {
                let mean = values.iter().sum::<f64>() / n;
                let sums = split(values, groups);
                let off = sums
                    .values()
                    .map(|own| own.iter().map(|value| value - mean).sum::<f64>().powi(2));
                off.sum::<f64>() / (n * n) * unbiased(units)
            }
        };
        let design_effect = match self {
            SamplingDesign::Independent => 1.0,
            _ if independent <= 0.0 => most,
            _ => (variance / independent).clamp(most.recip().min(0.1), most),
        };
        MeanVariance { variance, design_effect, units }
    }
}

/// Values by stratum or group.
fn split<K: Ord>(values: &[f64], keys: &[K]) -> BTreeMap<usize, Vec<f64>> {
    let mut known: BTreeMap<&K, usize> = BTreeMap::new();
    let mut all: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for (value, key) in values.iter().zip(keys) {
        let next = known.len();
        all.entry(*known.entry(key).or_insert(next)).or_default().push(*value);
    }
    all
}

/// Sum of squared distances from the mean.
fn squares(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    values.iter().map(|value| (value - mean).powi(2)).sum()
}

/// n / (n − 1); 0 of fewer than two.
fn unbiased(count: usize) -> f64 {
    if count < 2 { 0.0 } else { count as f64 / (count as f64 - 1.0) }
}

/// Half of an interval of a level in standard errors under the normal distribution.
pub(crate) fn normal(level: f64) -> f64 {
    Normal::standard().inverse_cdf(1.0 - (1.0 - level) / 2.0)
}

/// The same under Student's t distribution, of at least one degree of freedom.
pub(crate) fn student(freedom: usize, level: f64) -> f64 {
    let t = StudentsT::new(0.0, 1.0, freedom.max(1) as f64);
    t.map_or(normal(level), |t| t.inverse_cdf(1.0 - (1.0 - level) / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variances_equal_those_computed_by_hand() {
        let values = [1.0, 1.0, 0.0, 0.0];
        let of = |design: SamplingDesign| design.mean_variance(&values);
        // s² = 1/3, over 4.
        assert!((of(SamplingDesign::Independent).variance - 1.0 / 12.0).abs() < 1e-15);
        assert_eq!(of(SamplingDesign::FixedShares(&[0, 0, 1, 1])).variance, 0.0);
        // Group sums off the mean: 1 and −1; 2/(2 − 1) · 2 / 16.
        let groups = ["a", "a", "b", "b"].map(String::from);
        let found = of(SamplingDesign::Groups(&groups));
        assert!((found.variance - 0.25).abs() < 1e-15);
        assert_eq!((found.units, found.design_effect), (2, 2.0));
    }

    #[test]
    fn few_groups_have_student_s_quantile() {
        let groups: Vec<String> = (0..80).map(|i| (i % 8).to_string()).collect();
        // t(0.975, 7) = 2.3646.
        assert!((SamplingDesign::Groups(&groups).critical(80) - 2.364_624).abs() < 1e-5);
        assert!((SamplingDesign::Independent.critical(80) - 1.959_964).abs() < 1e-5);
    }
}
