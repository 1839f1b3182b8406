//! Response curves with predictive intervals: how a response grows with a dose, and between which
//! bounds one that was not seen will lie.
//!
//! Curves are fitted to observations of several kinds, a rate for each and a power for all. Intervals are
//! those of the jackknife+ (Barber, Candès, Ramdas & Tibshirani 2021, Ann. Statist. 49, 486), of
//! residuals relative to a scale that depends on the dose (Lei et al. 2018, JASA 113, 1094, section 5.2),
//! and, added in squares, what other samples would do to all observations alike.

use super::observation::DoseResponse;
use super::response_curve::{CurveShape, RATE_ERROR, ResponseCurve, SamplingNoise};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Nominal coverage of the intervals, as a share.
pub const PREDICTIVE_LEVEL: f64 = 0.8;

/// Fewer observations of a kind say nothing of it.
pub const FEWEST_OF_A_KIND: usize = 4;

/// From so many observations of a kind on, its bounds rest on these alone.
const ENOUGH_OF_A_KIND: usize = 9;

/// Half width of the interval of a standard normal distribution at [`PREDICTIVE_LEVEL`].
const NORMAL_REACH: f64 = 1.281_551_565_545;

/// The part of the noise of evaluating that is the same for all that is evaluated on the same samples;
/// the other part is each one's own, and residuals show it.
const SHARED_NOISE: f64 = 0.5;

/// A curve, the curves without each of its observations, and how far each then was from its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResponseModel {
    curve: ResponseCurve,
    noise: SamplingNoise,
    left_out: Vec<LeaveOneOutCurve>,
    /// Of each kind: observations, and the largest dose.
    seen: BTreeMap<String, (usize, f64)>,
}

/// Curve without one observation, and that observation's distance from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct LeaveOneOutCurve {
    curve: ResponseCurve,
    kind: String,
    /// Its distance from that curve, relative to the scale at its dose.
    score: f64,
}

/// A response that was not seen yet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PredictiveInterval {
    /// The most likely.
    pub value: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
    /// Scale of distances from `value`.
    pub scale: f64,
}

impl ResponseModel {
    /// Learns from observations of `samples` samples each. `ceiling` is the response that cannot be
    /// exceeded; without one it is taken to grow as a power. Kinds of fewer than
    /// [`FEWEST_OF_A_KIND`] observations are left out; `None` where nothing is left, or the ceiling is
    /// not above 0.
    pub fn learn(
        observations: Vec<DoseResponse>,
        ceiling: Option<f64>,
        samples: usize,
    ) -> Option<ResponseModel> {
        let known =
            |o: &DoseResponse| o.dose > 0.0 && (o.dose + o.response + o.variance).is_finite();
        let mut seen: BTreeMap<String, (usize, f64)> = BTreeMap::new();
        for o in observations.iter().filter(|o| known(o)) {
            let of = seen.entry(o.kind.clone()).or_default();
            *of = (of.0 + 1, of.1.max(o.dose));
        }
        seen.retain(|_, (count, _)| *count >= FEWEST_OF_A_KIND);
        let observations: Vec<DoseResponse> =
            observations.into_iter().filter(|o| known(o) && seen.contains_key(&o.kind)).collect();
        let largest = observations.iter().map(|o| o.response).fold(0.0, f64::max);
        let usual = if largest > 0.0 { largest } else { f64::MIN_POSITIVE };
        let shape = CurveShape { scale: ceiling.unwrap_or(usual), saturates: ceiling.is_some() };
        if observations.is_empty() || shape.scale <= 0.0 {
            return None;
        }
        let noise = SamplingNoise::fit(&observations, samples);
        let all: Vec<&DoseResponse> = observations.iter().collect();
        let curve = ResponseCurve::fit(&all, shape, &noise)?;
        let mut model = ResponseModel { curve, noise, left_out: vec![], seen };
        for (without, own) in observations.iter().enumerate() {
            let others: Vec<&DoseResponse> =
                all.iter().enumerate().filter(|(o, _)| *o != without).map(|(_, o)| *o).collect();
            let curve = ResponseCurve::fit(&others, shape, &model.noise)?;
            let miss = (own.response - curve.at(&own.kind, own.dose)?).abs();
            let score = miss / model.scale(&own.kind, own.dose, samples)?;
            model.left_out.push(LeaveOneOutCurve { curve, kind: own.kind.clone(), score });
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

    /// Predicts the response to a dose of a kind on `samples` samples; `earlier` are scores of
    /// predictions by other models, each its distance over its scale. `None` of a kind that was not
    /// seen, of a dose beyond those that were, and where too few were seen for bounds at [`PREDICTIVE_LEVEL`].
    pub fn predict(
        &self,
        kind: &str,
        dose: f64,
        samples: usize,
        earlier: &[f64],
    ) -> Option<PredictiveInterval> {
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
        // What another draw of samples does to all observations, and what it does to what is predicted.
        let both = self.noise.of(dose, samples) + self.noise.of_one(dose);
        let draws = NORMAL_REACH * (SHARED_NOISE * both).sqrt();
        let own = alike.map(|l| Some((l.curve.at(kind, dose)?, draws.hypot(l.score * scale))));
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
        // The bounds are those of the curves without each observation, which may all lie to one side.
        let (low, high) = (sorted(-1.0), sorted(1.0));
        Some(PredictiveInterval { value: value.max(low).min(high), low, high, scale })
    }

    /// Scale of residuals at a dose.
    fn scale(&self, kind: &str, dose: f64, samples: usize) -> Option<f64> {
        let noise = self.noise.of(dose, samples);
        let slope = self.curve.slope(kind, dose)?;
        Some((noise + (RATE_ERROR * slope).powi(2)).sqrt().max(f64::MIN_POSITIVE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats;
    use rand::RngExt;

    fn normal(rng: &mut stats::SeededGenerator) -> f64 {
        (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
    }

    /// An observation of `kind` along a curve, with a scatter that is proportional to the slope and the
    /// noise of `samples` samples, of which half is `shared` by all that are observed on them.
    fn observed(
        rng: &mut stats::SeededGenerator,
        kind: &str,
        rate: f64,
        (samples, shared): (f64, f64),
    ) -> DoseResponse {
        let dose = (-5.0 + 5.0 * rng.random::<f64>()).exp();
        let rate = rate * (0.4 * normal(rng)).exp();
        let response = 0.8 * (1.0 - (-rate * dose.powf(1.5)).exp());
        let variance = 0.3 * dose;
        let noise = (variance / samples / 2.0).sqrt() * (shared + normal(rng));
        DoseResponse { kind: kind.into(), dose, response: response + noise, variance }
    }

    #[test]
    fn finds_the_curve_that_made_the_observations() {
        let each = |i: i32| {
            let dose = f64::from(i) / 10.0;
            let response = 0.8 * (1.0 - (-3.0 * dose.powf(1.5)).exp());
            DoseResponse { kind: "a".into(), dose, response, variance: 0.1 }
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
            let (few, many) = ((200.0, normal(&mut rng)), (800.0, normal(&mut rng)));
            let learnt: Vec<DoseResponse> = (0..18)
                .map(|i| {
                    let (kind, rate) = if i % 2 == 0 { ("a", 3.0) } else { ("b", 9.0) };
                    observed(&mut rng, kind, rate, few)
                })
                .collect();
            let model = ResponseModel::learn(learnt, Some(0.8), 200).unwrap();
            for (kind, rate) in [("a", 3.0), ("b", 9.0)] {
                let new = observed(&mut rng, kind, rate, many);
                let Some(found) = model.predict(kind, new.dose, 800, &[]) else { continue };
                assert!(found.low <= found.value && found.value <= found.high, "{found:?}");
                all += 1;
                held += usize::from(found.low <= new.response && new.response <= found.high);
            }
        }
        let share = f64::from(held as u32) / f64::from(all as u32);
        assert!((0.73..=0.87).contains(&share) && all > 300, "{held} of {all}");
    }

    /// Removals that flipped none of 200 answers may flip some of 200 others.
    #[test]
    fn tries_that_did_nothing_leave_a_width() {
        let none = |i: i32| {
            let dose = f64::from(i) / 10.0;
            DoseResponse { kind: "a".into(), dose, response: 0.0, variance: 1.0 / 200.0 }
        };
        let model = ResponseModel::learn((1..15).map(none).collect(), Some(0.8), 200).unwrap();
        let found = model.predict("a", 0.5, 200, &[]).unwrap();
        assert!(found.high > 0.5 / 200.0 && found.high < 5.0 / 200.0, "{found:?}");
    }

    #[test]
    fn nothing_is_said_of_what_was_not_seen() {
        let mut rng = stats::generator(2, "response");
        let mut some: Vec<DoseResponse> =
            (0..12).map(|_| observed(&mut rng, "a", 3.0, (200.0, 0.0))).collect();
        some.extend((0..3).map(|_| observed(&mut rng, "b", 3.0, (200.0, 0.0))));
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
        let some: Vec<DoseResponse> =
            (0..12).map(|_| observed(&mut rng, "a", 3.0, (200.0, 0.0))).collect();
        let model = ResponseModel::learn(some, None, 200).unwrap();
        let width = |earlier: &[f64]| {
            let found = model.predict("a", 0.1, 200, earlier).unwrap();
            found.high - found.low
        };
        assert!(width(&[9.0; 20]) > width(&[]) && width(&[0.0; 20]) < width(&[]));
    }
}
