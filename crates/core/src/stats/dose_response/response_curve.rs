//! Curves of a response over a dose, fitted by quasi-likelihood, and the noise of what they are fitted to.

use super::observation::DoseResponse;
use crate::stats::median;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Error of a rate, as a share of the response that follows from it: the scale of residuals
/// beside noise. Only its proportion to the noise matters, conformal scores make up for the rest.
pub(super) const RATE_ERROR: f64 = 0.5;

/// Fiftieths of an e-fold around the usual dose, between which rates are sought.
const GRID: std::ops::RangeInclusive<i32> = -500..=350;

/// Of these, every tenth is tried first, then all around the best: much finer than a misfit's dip,
/// which [`RATE_ERROR`] makes about an e-fold wide.
const COARSE: i32 = 10;

/// Passes over it, each with the variances of the pass before.
const PASSES: usize = 4;

/// A response never grows slower than its dose: small errors flip few answers.
const POWERS: [f64; 3] = [1.0, 1.5, 2.0];

/// `scale · (1 − exp(−z))` where it saturates, else `scale · z`, with z = rate · dose^power.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResponseCurve {
    /// The response that cannot be exceeded, or one of the usual size.
    pub scale: f64,
    /// True where responses saturate at `scale`.
    pub saturates: bool,
    /// Exponent of the dose.
    pub power: f64,
    /// Rates by kind.
    pub rates: BTreeMap<String, f64>,
}

impl ResponseCurve {
    /// The response to a dose; `None` of a kind that was not fitted.
    pub fn at(&self, kind: &str, dose: f64) -> Option<f64> {
        Some(self.shape().at(self.z(kind, dose)?))
    }

    /// [`CurveShape::slope`] at a dose.
    pub(super) fn slope(&self, kind: &str, dose: f64) -> Option<f64> {
        Some(self.shape().slope(self.z(kind, dose)?))
    }

    fn z(&self, kind: &str, dose: f64) -> Option<f64> {
        Some(self.rates.get(kind)? * dose.max(0.0).powf(self.power))
    }

    fn shape(&self) -> CurveShape {
        CurveShape { scale: self.scale, saturates: self.saturates }
    }

    /// The most likely curve of observations; `None` where there are none.
    pub(super) fn fit(
        observations: &[&DoseResponse],
        shape: CurveShape,
        noise: &SamplingNoise,
    ) -> Option<ResponseCurve> {
        let mut kinds: BTreeMap<&str, Vec<&DoseResponse>> = BTreeMap::new();
        observations.iter().for_each(|o| kinds.entry(&o.kind).or_default().push(o));
        let each = POWERS.into_iter().filter_map(|power| {
            let fits = kinds.iter().map(|(kind, own)| {
                let (rate, misfit) = shape.best_rate(power, own, noise)?;
                Some((kind.to_string(), rate, misfit))
            });
            let fits: Vec<(String, f64, f64)> = fits.collect::<Option<_>>()?;
            let total: f64 = fits.iter().map(|(.., misfit)| misfit).sum();
            let rates = fits.into_iter().map(|(kind, rate, _)| (kind, rate)).collect();
            let CurveShape { scale, saturates } = shape;
            Some((total, ResponseCurve { scale, saturates, power, rates }))
        });
        let best = each.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, curve)| curve);
        best.filter(|curve| !curve.rates.is_empty())
    }
}

/// Saturation of responses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct CurveShape {
    pub(super) scale: f64,
    pub(super) saturates: bool,
}

impl CurveShape {
    fn at(self, z: f64) -> f64 {
        self.scale * if self.saturates { -(-z).exp_m1() } else { z }
    }

    /// By how much the response grows with the logarithm of the rate, at least a fifth of itself: a
    /// ceiling is not known better than that.
    fn slope(self, z: f64) -> f64 {
        let slope = self.scale * if self.saturates { z * (-z).exp() } else { z };
        slope.max(0.2 * self.at(z))
    }

    /// Variance of an observation about the response at z.
    fn variance(self, z: f64, noise: f64) -> f64 {
        (noise + (RATE_ERROR * self.slope(z)).powi(2)).max(f64::MIN_POSITIVE)
    }

    /// The rate of one kind with the least misfit, and that misfit, on a grid of fiftieths of an e-fold
    /// around the usual dose. Variances are those of the pass before: were they to follow the rate, a
    /// lower one would seem likelier for being surer of itself (quasi-likelihood, Wedderburn 1974,
    /// Biometrika 61, 439).
    fn best_rate(
        self,
        power: f64,
        own: &[&DoseResponse],
        noise: &SamplingNoise,
    ) -> Option<(f64, f64)> {
        let doses: Vec<f64> = own.iter().map(|o| o.dose).collect();
        let unit = median(&doses)?.powf(-power);
        let point =
            |o: &&DoseResponse| (unit * o.dose.powf(power), o.response, noise.of_one(o.dose));
        let points: Vec<(f64, f64, f64)> = own.iter().map(point).collect();
        let mut factor = None;
        for _ in 0..PASSES {
            let misfit = |own: f64| -> f64 {
                let with = factor.unwrap_or(own);
                let one = |(z, response, noise): &(f64, f64, f64)| {
                    misfit(response - self.at(own * z), self.variance(with * z, *noise))
                };
                points.iter().map(one).sum()
            };
            factor = Some(least(misfit)?);
        }
        let factor = factor?;
        let one = |(z, response, noise): &(f64, f64, f64)| {
            misfit(response - self.at(factor * z), self.variance(factor * z, *noise))
        };
        Some((unit * factor, points.iter().map(one).sum()))
    }
}

/// The factor on the grid at which `misfit` is least.
fn least(misfit: impl Fn(f64) -> f64) -> Option<f64> {
    let factor = |step: i32| (f64::from(step) / 50.0).exp();
    let best = |steps: &mut dyn Iterator<Item = i32>| {
        let each = steps.map(|step| (step, misfit(factor(step))));
        each.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(step, _)| step)
    };
    let coarse = best(&mut GRID.step_by(COARSE as usize))?;
    let around = coarse - COARSE + 1..coarse + COARSE;
    best(&mut around.filter(|step| GRID.contains(step))).map(factor)
}

/// Minus twice the logarithm of the likelihood of a residual, but for a constant, under Student's t with
/// three degrees of freedom.
fn misfit(residual: f64, variance: f64) -> f64 {
    4.0 * (residual * residual / variance / 3.0).ln_1p() + variance.ln()
}

/// Variance of a response from the draw of samples, as a function of the dose: e^a · dose^b per sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SamplingNoise {
    intercept: f64,
    exponent: f64,
    /// Samples of each observation.
    samples: f64,
}

impl SamplingNoise {
    pub(super) fn fit(observations: &[DoseResponse], samples: usize) -> SamplingNoise {
        let points: Vec<(f64, f64)> = observations
            .iter()
            .filter(|o| o.variance > 0.0)
            .map(|o| (o.dose.ln(), o.variance.ln()))
            .collect();
        let samples = samples.max(1) as f64;
        let count = points.len() as f64;
        if points.is_empty() {
            return SamplingNoise { intercept: f64::NEG_INFINITY, exponent: 0.0, samples };
        }
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
        let (x, y) = (mean(|p| p.0), mean(|p| p.1));
        let spread: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
        let joint: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
        let exponent = if spread > 0.0 { (joint / spread).clamp(0.0, 4.0) } else { 0.0 };
        SamplingNoise { intercept: y - exponent * x, exponent, samples }
    }

    /// Of one observation.
    pub(super) fn of_one(&self, dose: f64) -> f64 {
        self.at(dose) / self.samples
    }

    /// On so many samples.
    pub(super) fn of(&self, dose: f64, samples: usize) -> f64 {
        self.at(dose) / samples.max(1) as f64
    }

    /// Times the number of samples.
    fn at(&self, dose: f64) -> f64 {
        match self.intercept.is_finite() && dose > 0.0 {
            true => (self.intercept + self.exponent * dose.ln()).exp(),
            false => 0.0,
        }
    }
}
