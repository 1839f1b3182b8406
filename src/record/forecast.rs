//! What is expected of a decision before anything is tried.

use super::TrackRecord;
use serde::{Deserialize, Serialize};

/// An expected change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// `accuracy` (share of samples), or `output_error`: squared error of the reading layers' outputs
    /// over their variance, summed over the layers, their weights making up for it.
    pub metric: String,
    /// The target, for what depends on one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The change.
    pub delta: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
    /// How it was come by.
    pub method: String,
}

impl Forecast {
    /// The metric of what reading layers lose.
    pub const OUTPUT_ERROR: &'static str = "output_error";

    /// An expected error of the reading layers' outputs; known, so without an interval. `None` of an
    /// error that is no number: activations overflowed, and nothing can be said.
    pub fn output_error(error: f64) -> Option<Self> {
        error.is_finite().then(|| Forecast {
            metric: Self::OUTPUT_ERROR.into(),
            target: None,
            delta: error,
            low: error,
            high: error,
            method: "second order, on the calibration samples".into(),
        })
    }
}

/// What output errors cost a model in accuracy, learnt from a few removals that were tried on it.
///
/// With e the output error, the expected drop is `ceiling · (1 − exp(−rate · e^power))`: none at first,
/// and never below guessing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forecaster {
    /// Accuracy above guessing, 0 to 1.
    pub ceiling: f64,
    /// How errors add up to drops.
    pub power: f64,
    /// How fast.
    pub rate: f64,
    /// Lower end of the 80 % interval of the rate.
    pub rate_low: f64,
    /// Upper end.
    pub rate_high: f64,
    /// Tries.
    pub probes: usize,
    /// Samples that each was evaluated on.
    pub samples: usize,
    /// By how much bounds are widened, after what came of earlier forecasts; at least 1.
    #[serde(default = "plain")]
    pub widening: f64,
    /// Earlier forecasts that this rests on.
    #[serde(default)]
    pub outcomes: usize,
}

fn plain() -> f64 {
    1.0
}

/// Standard deviations on either side that hold 80 %.
const EIGHTY: f64 = 1.2816;

impl Forecaster {
    /// Learns from tries: pairs of output error and drop of accuracy, as a share. `None` where there
    /// are fewer than four, or the model does not beat guessing.
    pub fn learn(
        tries: &[(f64, f64)],
        accuracy: f64,
        classes: usize,
        samples: usize,
    ) -> Option<Self> {
        let ceiling = accuracy - 1.0 / classes.max(1) as f64;
        let known = |(error, drop): &(f64, f64)| *error > 0.0 && (error + drop).is_finite();
        let tries: Vec<(f64, f64)> = tries.iter().copied().filter(known).collect();
        if tries.len() < 4 || ceiling <= 0.0 {
            return None;
        }
        let drop = |rate: f64, power: f64, e: f64| ceiling * (1.0 - (-rate * e.powf(power)).exp());
        let misses = |rate: f64, power: f64, without: Option<usize>| -> f64 {
            let kept = tries.iter().enumerate().filter(|(i, _)| Some(*i) != without);
            kept.map(|(_, (e, found))| (drop(rate, power, *e) - found).powi(2)).sum()
        };
        // Rates from 0.001 to 1000, a hundredth apart each: as fine as such an estimate can be.
        let rates: Vec<f64> = (0..1400).map(|i| 1e-3 * 1.01f64.powi(i)).collect();
        let fit = |power: f64, without: Option<usize>| -> f64 {
            let miss = |rate: &f64| misses(*rate, power, without);
            rates.iter().copied().min_by(|a, b| miss(a).total_cmp(&miss(b))).unwrap_or(0.0)
        };
        // Small errors flip few answers: a drop never grows slower than its error.
        let powers = [1.0, 1.5, 2.0];
        let miss = |power: &f64| misses(fit(*power, None), *power, None);
        let power = powers.into_iter().min_by(|a, b| miss(a).total_cmp(&miss(b)))?;
        let rate = fit(power, None);
        // The jackknife's standard error of the rate's logarithm (Efron & Tibshirani 1993).
        let without: Vec<f64> = (0..tries.len()).map(|i| fit(power, Some(i)).ln()).collect();
        let count = without.len() as f64;
        let mean = without.iter().sum::<f64>() / count;
        let spread: f64 = without.iter().map(|l| (l - mean).powi(2)).sum();
        let error = ((count - 1.0) / count * spread).sqrt();
        let (rate_low, rate_high) = (rate * (-EIGHTY * error).exp(), rate * (EIGHTY * error).exp());
        let probes = tries.len();
        let (widening, outcomes) = (plain(), 0);
        Some(Forecaster {
            ceiling,
            power,
            rate,
            rate_low,
            rate_high,
            probes,
            samples,
            widening,
            outcomes,
        })
    }

    /// With bounds as wide as what came of earlier forecasts asks for.
    #[must_use]
    pub fn widened(self, record: &TrackRecord) -> Forecaster {
        match record.widening > 1.0 {
            true => Forecaster { widening: record.widening, outcomes: record.count, ..self },
            false => self,
        }
    }

    /// The expected change of accuracy where outputs are off by `error`.
    pub fn accuracy(&self, error: f64) -> Forecast {
        let change =
            |rate: f64| -self.ceiling * (1.0 - (-rate * error.max(0.0).powf(self.power)).exp());
        let delta = change(self.rate);
        let widened = |bound: f64| delta + self.widening * (bound - delta);
        let earlier = match self.outcomes {
            0 => String::new(),
            n => format!(", widened {:.2} times after {n} earlier outcomes", self.widening),
        };
        Forecast {
            metric: "accuracy".into(),
            target: None,
            delta,
            low: widened(change(self.rate_high)).max(-1.0),
            high: widened(change(self.rate_low)).min(1.0),
            method: format!(
                "fitted to {} removals tried on {} samples; 80 % interval{earlier}",
                self.probes, self.samples
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learns_the_curve_that_made_the_tries() {
        let drop = |e: f64| 0.8 * (1.0 - (-3.0 * e.powf(1.5)).exp());
        let tries: Vec<(f64, f64)> =
            (1..10).map(|i| f64::from(i) / 10.0).map(|e| (e, drop(e))).collect();
        let found = Forecaster::learn(&tries, 0.9, 10, 100_000).unwrap();
        assert_eq!(found.power, 1.5);
        assert!((found.rate - 3.0).abs() < 0.03);
        let forecast = found.accuracy(0.35);
        assert!((forecast.delta + drop(0.35)).abs() < 0.01);
        assert!(forecast.low <= forecast.delta && forecast.delta <= forecast.high);
        assert_eq!(found.accuracy(0.0).delta, 0.0);
    }

    #[test]
    fn what_is_no_number_is_no_forecast() {
        assert_eq!(Forecast::output_error(f64::NAN), None);
        assert_eq!(Forecast::output_error(f64::INFINITY), None);
        let drop = |e: f64| 0.8 * (1.0 - (-3.0 * e).exp());
        let mut tries: Vec<(f64, f64)> =
            (1..10).map(|i| f64::from(i) / 10.0).map(|e| (e, drop(e))).collect();
        let clean = Forecaster::learn(&tries, 0.9, 10, 100);
        tries.extend([(f64::NAN, 0.1), (0.2, f64::NAN), (f64::INFINITY, 0.5)]);
        assert_eq!(Forecaster::learn(&tries, 0.9, 10, 100), clean);
    }

    #[test]
    fn too_little_to_learn_from_is_nothing() {
        assert_eq!(Forecaster::learn(&[(0.1, 0.0); 3], 0.9, 10, 100), None);
        assert_eq!(Forecaster::learn(&[(0.1, 0.0); 9], 0.1, 10, 100), None);
    }
}
