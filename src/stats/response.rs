//! Response curves with predictive intervals: how a response grows with a dose, and between which
//! bounds one that was not seen will lie.
//!
//! Curves are fitted to observations of several kinds, a rate for each and a power for all. Intervals are
//! those of the jackknife+ (Barber, Candès, Ramdas & Tibshirani 2021, Ann. Statist. 49, 486), of
//! residuals relative to a scale that depends on the dose (Lei et al. 2018, JASA 113, 1094, section 5.2).

use super::median;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Nominal coverage of the intervals, as a share.
pub const PREDICTIVE_LEVEL: f64 = 0.8;

/// Fewer observations of a kind say nothing of it.
pub const FEWEST_OF_A_KIND: usize = 4;

/// From so many observations of a kind on, its bounds rest on these alone.
const ENOUGH_OF_A_KIND: usize = 9;

/// How wrong a rate may be, as a share of the response that follows from it: the scale of residuals
/// beside noise. Only its proportion to the noise matters, conformal scores make up for the rest.
const RATE_ERROR: f64 = 0.5;

/// Steps of the grid of rates.
const GRID: std::ops::RangeInclusive<i32> = -500..=350;

/// Passes over it, each with the variances of the pass before.
const PASSES: usize = 4;

/// A response never grows slower than its dose: small errors flip few answers.
const POWERS: [f64; 3] = [1.0, 1.5, 2.0];

/// One observation.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// What it is an observation of.
    pub kind: String,
    /// Dose, above 0.
    pub dose: f64,
    /// Response; negative ones are noise.
    pub response: f64,
    /// Variance of the response from the draw of samples, times their number.
    pub variance: f64,
}

/// `scale · (1 − exp(−z))` where it saturates, else `scale · z`, with z = rate · dose^power.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResponseCurve {
    /// The response that cannot be exceeded, or one of the usual size.
    pub scale: f64,
    /// Whether it cannot.
    pub saturates: bool,
    /// How doses become responses.
    pub power: f64,
    /// How fast, by kind.
    pub rates: BTreeMap<String, f64>,
}

impl ResponseCurve {
    /// The response to a dose; `None` of a kind that was not fitted.
    pub fn at(&self, kind: &str, dose: f64) -> Option<f64> {
        Some(self.shape().at(self.z(kind, dose)?))
    }

    /// [`Shape::slope`] at a dose.
    fn slope(&self, kind: &str, dose: f64) -> Option<f64> {
        Some(self.shape().slope(self.z(kind, dose)?))
    }

    fn z(&self, kind: &str, dose: f64) -> Option<f64> {
        Some(self.rates.get(kind)? * dose.max(0.0).powf(self.power))
    }

    fn shape(&self) -> Shape {
        Shape { scale: self.scale, saturates: self.saturates }
    }

    /// The most likely curve of observations; `None` where there are none.
    fn fit(observations: &[&Observation], shape: Shape, noise: &Noise) -> Option<ResponseCurve> {
        let mut kinds: BTreeMap<&str, Vec<&Observation>> = BTreeMap::new();
        observations.iter().for_each(|o| kinds.entry(&o.kind).or_default().push(o));
        let each = POWERS.into_iter().filter_map(|power| {
            let fits = kinds.iter().map(|(kind, own)| {
                let (rate, misfit) = shape.best_rate(power, own, noise)?;
                Some((kind.to_string(), rate, misfit))
            });
            let fits: Vec<(String, f64, f64)> = fits.collect::<Option<_>>()?;
            let total: f64 = fits.iter().map(|(.., misfit)| misfit).sum();
            let rates = fits.into_iter().map(|(kind, rate, _)| (kind, rate)).collect();
            let Shape { scale, saturates } = shape;
            Some((total, ResponseCurve { scale, saturates, power, rates }))
        });
        let best = each.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, curve)| curve);
        best.filter(|curve| !curve.rates.is_empty())
    }
}

/// Whether responses saturate, and where.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Shape {
    scale: f64,
    saturates: bool,
}

impl Shape {
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
    fn best_rate(self, power: f64, own: &[&Observation], noise: &Noise) -> Option<(f64, f64)> {
        let doses: Vec<f64> = own.iter().map(|o| o.dose).collect();
        let unit = median(&doses)?.powf(-power);
        let point =
            |o: &&Observation| (unit * o.dose.powf(power), o.response, noise.of_one(o.dose));
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
            let each = GRID.map(|step| (f64::from(step) / 50.0).exp()).map(|f| (f, misfit(f)));
            factor = Some(each.min_by(|a, b| a.1.total_cmp(&b.1))?.0);
        }
        let factor = factor?;
        let one = |(z, response, noise): &(f64, f64, f64)| {
            misfit(response - self.at(factor * z), self.variance(factor * z, *noise))
        };
        Some((unit * factor, points.iter().map(one).sum()))
    }
}

/// Minus twice the logarithm of the likelihood of a residual, but for a constant, under Student's t with
/// three degrees of freedom.
fn misfit(residual: f64, variance: f64) -> f64 {
    4.0 * (residual * residual / variance / 3.0).ln_1p() + variance.ln()
}

/// Variance of a response from the draw of samples, as a function of the dose: e^a · dose^b per sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Noise {
    intercept: f64,
    exponent: f64,
    /// Samples of each observation.
    samples: f64,
}

impl Noise {
    fn fit(observations: &[Observation], samples: usize) -> Noise {
        let points: Vec<(f64, f64)> = observations
            .iter()
            .filter(|o| o.variance > 0.0)
            .map(|o| (o.dose.ln(), o.variance.ln()))
            .collect();
        let samples = samples.max(1) as f64;
        let count = points.len() as f64;
        if points.is_empty() {
            return Noise { intercept: f64::NEG_INFINITY, exponent: 0.0, samples };
        }
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
        let (x, y) = (mean(|p| p.0), mean(|p| p.1));
        let spread: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
        let joint: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
        let exponent = if spread > 0.0 { (joint / spread).clamp(0.0, 4.0) } else { 0.0 };
        Noise { intercept: y - exponent * x, exponent, samples }
    }

    /// Of one observation.
    fn of_one(&self, dose: f64) -> f64 {
        self.at(dose) / self.samples
    }

    /// Times the number of samples.
    fn at(&self, dose: f64) -> f64 {
        match self.intercept.is_finite() && dose > 0.0 {
            true => (self.intercept + self.exponent * dose.ln()).exp(),
            false => 0.0,
        }
    }
}

/// A curve, the curves without each of its observations, and how far each then was from its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResponseModel {
    curve: ResponseCurve,
    noise: Noise,
    left_out: Vec<LeftOut>,
    /// Of each kind: observations, and the largest dose.
    seen: BTreeMap<String, (usize, f64)>,
}

/// What the others say of one observation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct LeftOut {
    curve: ResponseCurve,
    kind: String,
    /// Its distance from that curve, relative to the scale at its dose.
    score: f64,
}

/// A response that was not seen yet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// The most likely.
    pub value: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
    /// What distances from `value` are relative to.
    pub scale: f64,
}

impl ResponseModel {
    /// Learns from observations of `samples` samples each. `ceiling` is the response that cannot be
    /// exceeded; without one it is taken to grow as a power. Kinds of fewer than
    /// [`FEWEST_OF_A_KIND`] observations are left out; `None` where nothing is left, or the ceiling is
    /// not above 0.
    pub fn learn(
        observations: Vec<Observation>,
        ceiling: Option<f64>,
        samples: usize,
    ) -> Option<ResponseModel> {
        let known =
            |o: &Observation| o.dose > 0.0 && (o.dose + o.response + o.variance).is_finite();
        let mut seen: BTreeMap<String, (usize, f64)> = BTreeMap::new();
        for o in observations.iter().filter(|o| known(o)) {
            let of = seen.entry(o.kind.clone()).or_default();
            *of = (of.0 + 1, of.1.max(o.dose));
        }
        seen.retain(|_, (count, _)| *count >= FEWEST_OF_A_KIND);
        let observations: Vec<Observation> =
            observations.into_iter().filter(|o| known(o) && seen.contains_key(&o.kind)).collect();
        let largest = observations.iter().map(|o| o.response).fold(0.0, f64::max);
        let usual = if largest > 0.0 { largest } else { f64::MIN_POSITIVE };
        let shape = Shape { scale: ceiling.unwrap_or(usual), saturates: ceiling.is_some() };
        if observations.is_empty() || shape.scale <= 0.0 {
            return None;
        }
        let noise = Noise::fit(&observations, samples);
        let all: Vec<&Observation> = observations.iter().collect();
        let curve = ResponseCurve::fit(&all, shape, &noise)?;
        let mut model = ResponseModel { curve, noise, left_out: vec![], seen };
        for (without, own) in observations.iter().enumerate() {
            let others: Vec<&Observation> =
                all.iter().enumerate().filter(|(o, _)| *o != without).map(|(_, o)| *o).collect();
            let curve = ResponseCurve::fit(&others, shape, &model.noise)?;
            let miss = (own.response - curve.at(&own.kind, own.dose)?).abs();
            let score = miss / model.scale(&own.kind, own.dose, samples)?;
            model.left_out.push(LeftOut { curve, kind: own.kind.clone(), score });
        }
        Some(model)
    }

    /// Number of observations.
    pub fn observations(&self) -> usize {
        self.left_out.len()
    }

    /// Number of observations of a kind.
    pub fn of_kind(&self, kind: &str) -> usize {
        self.seen.get(kind).map_or(0, |(count, _)| *count)
    }

    /// What a dose of a kind will do on `samples` samples; `earlier` are scores of predictions by other
    /// models, each its distance over its scale. `None` of a kind that was not seen, of a dose beyond
    /// those that were, and where too few were seen for bounds at [`PREDICTIVE_LEVEL`].
    pub fn predict(
        &self,
        kind: &str,
        dose: f64,
        samples: usize,
        earlier: &[f64],
    ) -> Option<Prediction> {
        let (_, largest) = self.seen.get(kind)?;
        let value = self.curve.at(kind, dose)?;
        let scale = self.scale(kind, dose, samples)?;
        // A quarter more than what was seen is still like it; NaN is not.
        if dose.is_nan() || dose > 1.25 * largest {
            return None;
        }
        // Where there are enough of the kind itself, others say nothing that they do not say better.
        let enough = self.of_kind(kind) >= ENOUGH_OF_A_KIND;
        let alike = self.left_out.iter().filter(|l| !enough || l.kind == kind);
        let own = alike.map(|l| Some((l.curve.at(kind, dose)?, l.score * scale)));
        let mut reaches: Vec<(f64, f64)> = own.collect::<Option<_>>()?;
        reaches.extend(earlier.iter().filter(|s| s.is_finite()).map(|s| (value, s * scale)));
        let count = reaches.len();
        let place = (PREDICTIVE_LEVEL * (count + 1) as f64 - 1e-9).ceil() as usize;
        if place > count {
            return None;
        }
        let sorted = |sign: f64| {
            let mut ends: Vec<f64> = reaches.iter().map(|(at, reach)| at * sign + reach).collect();
            ends.sort_by(f64::total_cmp);
            sign * ends[place - 1] + 0.0
        };
        Some(Prediction { value, low: sorted(-1.0), high: sorted(1.0), scale })
    }

    /// What residuals at a dose are relative to.
    fn scale(&self, kind: &str, dose: f64, samples: usize) -> Option<f64> {
        let noise = self.noise.at(dose) / samples.max(1) as f64;
        let slope = self.curve.slope(kind, dose)?;
        Some((noise + (RATE_ERROR * slope).powi(2)).sqrt().max(f64::MIN_POSITIVE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats;
    use rand::RngExt;

    fn normal(rng: &mut stats::Generator) -> f64 {
        (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
    }

    /// Observations of `kind` along a curve, with noise as of `samples` samples and a scatter that is
    /// proportional to the slope.
    fn observed(rng: &mut stats::Generator, kind: &str, rate: f64, samples: f64) -> Observation {
        let dose = (-5.0 + 5.0 * rng.random::<f64>()).exp();
        let rate = rate * (0.4 * normal(rng)).exp();
        let response = 0.8 * (1.0 - (-rate * dose.powf(1.5)).exp());
        let variance = 0.3 * dose;
        let noise = (variance / samples).sqrt() * normal(rng);
        Observation { kind: kind.into(), dose, response: response + noise, variance }
    }

    #[test]
    fn finds_the_curve_that_made_the_observations() {
        let each = |i: i32| {
            let dose = f64::from(i) / 10.0;
            let response = 0.8 * (1.0 - (-3.0 * dose.powf(1.5)).exp());
            Observation { kind: "a".into(), dose, response, variance: 0.1 }
        };
        let model = ResponseModel::learn((1..13).map(each).collect(), Some(0.8), 100_000).unwrap();
        assert_eq!(model.curve.power, 1.5);
        assert!((model.curve.rates["a"] / 3.0 - 1.0).abs() < 0.03, "{:?}", model.curve.rates);
        let found = model.predict("a", 0.35, 100_000, &[]).unwrap();
        assert!((found.value - each(35).response).abs() < 1.0);
        assert!(found.low <= found.value && found.value <= found.high);
    }

    #[test]
    fn bounds_hold_as_often_as_they_say() {
        let mut rng = stats::generator(1, "response");
        let (mut held, mut all) = (0, 0);
        for _ in 0..200 {
            let learnt: Vec<Observation> = (0..18)
                .map(|i| {
                    let (kind, rate) = if i % 2 == 0 { ("a", 3.0) } else { ("b", 9.0) };
                    observed(&mut rng, kind, rate, 200.0)
                })
                .collect();
            let model = ResponseModel::learn(learnt, Some(0.8), 200).unwrap();
            for (kind, rate) in [("a", 3.0), ("b", 9.0)] {
                let new = observed(&mut rng, kind, rate, 800.0);
                let Some(found) = model.predict(kind, new.dose, 800, &[]) else { continue };
                all += 1;
                held += usize::from(found.low <= new.response && new.response <= found.high);
            }
        }
        let share = f64::from(held as u32) / f64::from(all as u32);
        assert!((0.73..=0.87).contains(&share) && all > 300, "{held} of {all}");
    }

    #[test]
    fn nothing_is_said_of_what_was_not_seen() {
        let mut rng = stats::generator(2, "response");
        let mut some: Vec<Observation> =
            (0..12).map(|_| observed(&mut rng, "a", 3.0, 200.0)).collect();
        some.extend((0..3).map(|_| observed(&mut rng, "b", 3.0, 200.0)));
        let model = ResponseModel::learn(some.clone(), Some(0.8), 200).unwrap();
        assert!(model.predict("a", 0.1, 200, &[]).is_some());
        assert_eq!(model.predict("b", 0.1, 200, &[]), None);
        assert_eq!(model.predict("a", 30.0, 200, &[]), None);
        assert_eq!(model.predict("a", f64::NAN, 200, &[]), None);
        assert_eq!(ResponseModel::learn(some.clone(), Some(0.0), 200), None);
        assert_eq!(ResponseModel::learn(some[12..].to_vec(), Some(0.8), 200), None);
        // Four observations cannot hold four of five, a fifth of five can.
        let four = ResponseModel::learn(some[..4].to_vec(), Some(0.8), 200).unwrap();
        assert!(four.predict("a", 0.01, 200, &[]).is_some());
    }

    #[test]
    fn earlier_misses_widen_and_earlier_hits_narrow() {
        let mut rng = stats::generator(3, "response");
        let some: Vec<Observation> = (0..12).map(|_| observed(&mut rng, "a", 3.0, 200.0)).collect();
        let model = ResponseModel::learn(some, None, 200).unwrap();
        let width = |earlier: &[f64]| {
            let found = model.predict("a", 0.1, 200, earlier).unwrap();
            found.high - found.low
        };
        assert!(width(&[9.0; 20]) > width(&[]) && width(&[0.0; 20]) < width(&[]));
    }
}
