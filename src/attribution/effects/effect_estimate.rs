//! Effects with their uncertainty: from the draw of report samples, and from the draw of calibration
//! samples and seeds, apart and together.

use super::bootstrap_values::BootstrapValues;
use super::crossed_variance::{CrossedVariance, sample_variance};
use crate::attribution::experiments::{ExperimentMetric, ExperimentTable, cleared};
use crate::attribution::shapley::CoalitionContrast;
use paring_core::schema::ConfidenceInterval;
use paring_core::stats::{self, SamplingDesign};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Of fewer samples than these, a caveat says how few they are.
pub const FEW: usize = 20;

/// A form's value under one aspect, and how sure it is.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectEstimate {
    /// On the study's own draw of calibration samples, with the interval from the draw of report
    /// samples.
    pub own: ConfidenceInterval,
    /// Standard deviation from the draw of report samples.
    pub sampling_sd: f64,
    /// Standard deviation from the draw of calibration samples; `None` of one draw.
    pub recipe_sd: Option<f64>,
    /// The mean over draws, with both deviations in its interval; `None` of one draw.
    pub together: Option<ConfidenceInterval>,
    /// Values of all draws, the study's own first.
    pub values: Vec<f64>,
    /// Probability of so large an effect by chance.
    pub p_value: f64,
}

impl EffectEstimate {
    /// With an effect too small to be more than rounding, of values of this size, taken for none.
    pub(super) fn beyond_rounding(self, size: f64) -> EffectEstimate {
        let own = stats::beyond_rounding(self.own, size);
        let together = self.together.map(|together| stats::beyond_rounding(together, size));
        let p_value = if own.value.abs() <= stats::ROUNDING * size { 1.0 } else { self.p_value };
        EffectEstimate { own, together, p_value, ..self }
    }

    /// Tells whether an effect that one draw shows is there whatever the draw: all draws have its sign, and
    /// both deviations together leave it on one side of 0. `None` where one draw shows none, or only
    /// one was made.
    pub fn survives(&self) -> Option<bool> {
        let shown = self.own.low > 0.0 || self.own.high < 0.0;
        let together = self.together.filter(|_| shown)?;
        let same = self.values.iter().all(|v| v.signum() == self.own.value.signum() && *v != 0.0);
        Some(same && (together.low > 0.0 || together.high < 0.0))
    }
}

impl ExperimentTable {
    /// Estimates a form on the first `draws` draws; `error` is its standard error from sampled orders.
    /// `None` where an experiment is missing or the aspect has no value.
    pub fn estimate(
        &self,
        form: &CoalitionContrast,
        aspect: &ExperimentMetric,
        draws: usize,
        error: f64,
        resamples: Option<&BootstrapValues>,
    ) -> Option<EffectEstimate> {
        if !aspect.is_sampled() {
            return self.certain(form, aspect, draws);
        }
        match resamples {
            Some(resamples) => self.resampled(form, aspect, draws, error, resamples),
            None if aspect.is_mean() => self.averaged(form, aspect, draws, error),
            None => None,
        }
    }

    /// A form over what no sample has a part in.
    fn certain(
        &self,
        form: &CoalitionContrast,
        aspect: &ExperimentMetric,
        draws: usize,
    ) -> Option<EffectEstimate> {
        let value = |draw: usize| form.of(|set| self.value(aspect, draw, set, None)).map(cleared);
        let values: Vec<f64> = (0..draws.max(1)).map(value).collect::<Option<_>>()?;
        let own = ConfidenceInterval { value: values[0], low: values[0], high: values[0] };
        let (recipe_sd, together) = match values.len() {
            1 => (None, None),
            _ => {
                let spread = sample_variance(&values);
                let crossed = CrossedVariance {
                    samples: 0.0,
                    draws: spread / values.len() as f64,
                    both: 0.0,
                };
                (Some(spread.sqrt()), Some(crossed.interval(&values, f64::INFINITY, 0.0)))
            }
        };
        let p_value = if values[0] == 0.0 { 1.0 } else { 0.0 };
        Some(EffectEstimate { own, sampling_sd: 0.0, recipe_sd, together, values, p_value })
    }

    /// A form over an aspect that is a mean over samples: every sample has its share in it.
    fn averaged(
        &self,
        form: &CoalitionContrast,
        aspect: &ExperimentMetric,
        draws: usize,
        error: f64,
    ) -> Option<EffectEstimate> {
        let samples = self.truth.counted(aspect);
        let pick = |all: Vec<f64>| samples.iter().map(|s| all[*s]).collect::<Vec<f64>>();
        let shares: Vec<Vec<f64>> = (0..draws.max(1))
            .map(|draw| Some(pick(self.contributions(form, aspect, draw)?)))
            .collect::<Option<_>>()?;
        let design = self.truth.counted_design(&samples);
        // What a sample contributes lies within ±1 where the weights' sizes add up to 2.
        let scale = form.terms().map(|(_, weight)| weight.abs()).sum::<f64>() / 2.0;
        mean_estimate(&shares, design.design(), scale.max(1.0), error)
    }

    /// A form over an aspect that is no mean, from the same draws of samples for all experiments;
    /// draws that give an experiment no value are left out, as long as half of them stay.
    fn resampled(
        &self,
        form: &CoalitionContrast,
        aspect: &ExperimentMetric,
        draws: usize,
        error: f64,
        resamples: &BootstrapValues,
    ) -> Option<EffectEstimate> {
        let value = |draw: usize| form.of(|set| resamples.value(draw, set)).map(cleared);
        let values: Vec<f64> = (0..draws.max(1)).map(value).collect::<Option<_>>()?;
        let mut drawn: Vec<Vec<f64>> =
            (0..values.len()).map(|draw| resamples.of(form, draw)).collect::<Option<_>>()?;
        let whole = |b: &usize| drawn.iter().all(|d| d[*b].is_finite());
        let kept: Vec<usize> = (0..resamples.count).filter(whole).collect();
        if 2 * kept.len() < resamples.count {
            return None;
        }
        drawn.iter_mut().for_each(|draw| *draw = kept.iter().map(|b| draw[*b]).collect());
        let counted = self.truth.counted(aspect);
        let design = self.truth.counted_design(&counted);
        let units = design.design().units(counted.len());
        let sampling = sample_variance(&drawn[0]);
        let (sampling_sd, added) = (sampling.sqrt(), self.added_variance(aspect, &counted));
        let own = match aspect {
            ExperimentMetric::F1Macro => {
                wald(values[0], sampling + added, design.design(), counted.len())
            }
            _ => {
                let found = stats::expanded_percentile_interval(values[0], &drawn[0], units)?;
                let least = wald(values[0], added, design.design(), counted.len());
                let low = if added > 0.0 { found.low.min(least.low) } else { found.low };
                let high = if added > 0.0 { found.high.max(least.high) } else { found.high };
                ConfidenceInterval { low, high, ..found }
            }
        };
        let p_value = two_sided(values[0], sampling + added, units);
        if values.len() == 1 {
            let (recipe_sd, together) = (None, None);
            return Some(EffectEstimate { own, sampling_sd, recipe_sd, together, values, p_value });
        }
        let count = values.len() as f64;
        let mean: Vec<f64> =
            (0..drawn[0].len()).map(|b| drawn.iter().map(|d| d[b]).sum::<f64>() / count).collect();
        let apart = |draw: &Vec<f64>| {
            sample_variance(&draw.iter().zip(&mean).map(|(d, m)| d - m).collect::<Vec<f64>>())
        };
        let both = drawn.iter().map(apart).sum::<f64>() / (count - 1.0) / count;
        let samples = sample_variance(&mean) + added;
        let crossed = CrossedVariance { samples, draws: sample_variance(&values) / count, both };
        let together = crossed.interval(&values, units as f64 - 1.0, error);
        let recipe_sd = Some(crossed.recipe_sd(values.len()));
        Some(EffectEstimate {
            own,
            sampling_sd,
            recipe_sd,
            together: Some(together),
            values,
            p_value,
        })
    }
}

impl ExperimentTable {
    /// Variance of a change of a share that one loss and one gain more would add: resampling knows
    /// only what it saw. 0 of aspects that are no share, and of calibration errors.
    fn added_variance(&self, aspect: &ExperimentMetric, counted: &[usize]) -> f64 {
        if aspect.unit() != "share" || matches!(aspect, ExperimentMetric::Ece) {
            return 0.0;
        }
        let design = self.truth.counted_design(counted);
        let units = match aspect {
            ExperimentMetric::F1Macro => self.truth.macro_units(),
            _ => counted.len() as f64,
        };
        2.0 * design.design().unit_size(counted.len()) / (units + 2.0).powi(2)
    }
}

/// A value with so much variance.
fn wald(value: f64, variance: f64, design: SamplingDesign, samples: usize) -> ConfidenceInterval {
    let half = design.critical(samples) * variance.sqrt();
    ConfidenceInterval { value, low: value - half, high: value + half }
}

/// Two-sided p-value of a value. Where all resamples agree, `units` do: by
/// chance each could as well have the other sign.
fn two_sided(value: f64, variance: f64, units: usize) -> f64 {
    if value == 0.0 {
        return 1.0;
    }
    if variance <= 0.0 {
        return 0.5f64.powf(units as f64 - 1.0).min(1.0);
    }
    let freedom = units.saturating_sub(1).max(1) as f64;
    let z = value.abs() / variance.sqrt();
    StudentsT::new(0.0, 1.0, freedom).map_or(1.0, |t| 2.0 * t.sf(z))
}

/// The estimate of a mean of `shares[draw][sample]`, each between −`scale` and `scale`. `None` of no
/// samples.
pub fn mean_estimate(
    shares: &[Vec<f64>],
    design: SamplingDesign,
    scale: f64,
    error: f64,
) -> Option<EffectEstimate> {
    let first = shares.first()?;
    let scaled = |values: &[f64]| values.iter().map(|v| v / scale).collect::<Vec<f64>>();
    let unit = stats::bonett_price_interval(&scaled(first), design)?;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let values: Vec<f64> = shares.iter().map(|s| mean(s)).collect();
    let own =
        ConfidenceInterval { value: values[0], low: scale * unit.low, high: scale * unit.high };
    let sampling = design.mean_variance(first);
    let p_value = stats::sign_flip_test(&sums(first, design), 0);
    let sampling_sd = sampling.variance.sqrt();
    if shares.len() == 1 {
        let (recipe_sd, together) = (None, None);
        return Some(EffectEstimate { own, sampling_sd, recipe_sd, together, values, p_value });
    }
    let count = shares.len() as f64;
    let average: Vec<f64> =
        (0..first.len()).map(|s| shares.iter().map(|d| d[s]).sum::<f64>() / count).collect();
    let apart = |draw: &Vec<f64>| {
        let left: Vec<f64> = draw.iter().zip(&average).map(|(d, a)| d - a).collect();
        design.mean_variance(&left).variance
    };
    let crossed = CrossedVariance {
        samples: scale * scale * stats::bonett_price_variance(&scaled(&average), design),
        draws: sample_variance(&values) / count,
        both: shares.iter().map(apart).sum::<f64>() / (count - 1.0) / count,
    };
    let together = Some(crossed.interval(&values, sampling.units as f64 - 1.0, error));
    let recipe_sd = Some(crossed.recipe_sd(shares.len()));
    Some(EffectEstimate { own, sampling_sd, recipe_sd, together, values, p_value })
}

/// Sums over groups; the values themselves without groups.
fn sums(values: &[f64], design: SamplingDesign) -> Vec<f64> {
    let SamplingDesign::Groups(groups) = design else { return values.to_vec() };
    let mut by_group = std::collections::BTreeMap::<&String, f64>::new();
    for (value, group) in values.iter().zip(groups) {
        *by_group.entry(group).or_default() += value;
    }
    by_group.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    fn independent(shares: &[Vec<f64>]) -> Option<EffectEstimate> {
        mean_estimate(shares, SamplingDesign::Independent, 1.0, 0.0)
    }

    #[test]
    fn resamples_that_all_agree_are_no_reason_for_doubt() {
        assert_eq!(two_sided(0.0, 0.0, 30), 1.0);
        assert!((two_sided(-1.0, 0.0, 8) - 1.0 / 128.0).abs() < 1e-15);
        // scipy.stats.t.sf(2.0, 9) * 2.
        assert!((two_sided(2.0, 1.0, 10) - 0.076_553).abs() < 1e-5);
    }

    #[test]
    fn one_draw_says_nothing_of_others() {
        let shares = vec![[vec![-1.0; 8], vec![0.0; 92]].concat()];
        let found = independent(&shares).unwrap();
        assert!((found.own.value + 0.08).abs() < 1e-12 && found.own.high < 0.0);
        assert!((found.p_value - 2.0 / 256.0).abs() < 1e-12);
        assert_eq!((found.recipe_sd, found.together, found.survives()), (None, None, None));
    }

    #[test]
    fn what_other_draws_do_not_show_does_not_survive() {
        let lost = |count: usize| [vec![-1.0; count], vec![0.0; 200 - count]].concat();
        let gone = independent(&[lost(12), lost(0), lost(1), lost(0), lost(0)]).unwrap();
        assert_eq!(gone.survives(), Some(false));
        let stays = independent(&[12, 13, 11, 12, 12].map(lost)).unwrap();
        assert_eq!(stays.survives(), Some(true));
        assert!(stays.recipe_sd.unwrap() < gone.recipe_sd.unwrap());
    }

    /// Normal effects of samples, of draws, and of both, all known.
    #[test]
    fn covers_the_effect_of_the_recipe() {
        let mut rng = stats::generator(3, "crossed coverage");
        let mut normal = move || {
            let uniform: f64 = (0..12).map(|_| rng.random::<f64>()).sum();
            uniform - 6.0
        };
        let mut covered = 0;
        for _ in 0..600 {
            let samples: Vec<f64> = (0..80).map(|_| 0.6 * normal()).collect();
            let shares: Vec<Vec<f64>> = (0..5)
                .map(|_| {
                    let draw = 0.05 * normal();
                    samples.iter().map(|s| 0.3 + s + draw + 0.3 * normal()).collect()
                })
                .collect();
            let together = independent(&shares).unwrap().together.unwrap();
            covered += usize::from(together.low <= 0.3 && 0.3 <= together.high);
        }
        assert!((558..=588).contains(&covered), "{covered} of 600 at 95 %");
    }
}
