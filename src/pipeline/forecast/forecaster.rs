//! Forecaster of the cost of removals in the task's primary metric and of their gain, learnt from a few
//! that were tried on the model.

use super::gain_forecaster::GainForecaster;
use super::removal_trials::{BaselineReference, RemovalTrial, RemovalTrials};
use paring_compress::DecisionDraft;
use paring_core::schema::{Forecast, ForecastOutcome};
use paring_core::stats::{DoseResponse, PREDICTIVE_LEVEL, ResponseModel};
use serde::{Deserialize, Serialize};

/// Forecaster of costs and gains of removals, with predictive intervals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forecaster {
    /// `None` where too few removals could be evaluated, or the baseline is no better than guessing.
    costs: Option<CostForecaster>,
    gains: GainForecaster,
}

impl Forecaster {
    /// Learns from removals that were tried; forecasts of the primary metric are for `reported` samples.
    pub(super) fn learn(trials: RemovalTrials, reported: usize) -> Forecaster {
        let RemovalTrials { reference, tried, savings } = trials;
        let costs = reference.and_then(|of| CostForecaster::learn(of, tried, reported));
        Forecaster { costs, gains: GainForecaster::learn(savings) }
    }

    /// With what came of earlier forecasts of the same metrics, each outcome once: the last of its
    /// decision and run.
    #[must_use]
    pub fn with_outcomes(self, earlier: &[ForecastOutcome]) -> Forecaster {
        let earlier = ForecastOutcome::latest(earlier);
        Forecaster {
            costs: self.costs.map(|costs| costs.with_outcomes(&earlier)),
            gains: self.gains.with_outcomes(&earlier),
        }
    }

    /// The expected changes of removing alone what a decision removes; `plain` says whether the engine
    /// has its usual options, under which removals were timed.
    pub fn forecasts(&self, removal: &str, draft: &DecisionDraft, plain: bool) -> Vec<Forecast> {
        let error = draft.expected.iter().find(|f| f.metric == Forecast::OUTPUT_ERROR);
        let cost = error.and_then(|error| self.cost(removal, error.delta));
        let gains = match draft.components.is_empty() {
            true => vec![],
            false => self.gains.forecasts(removal, &draft.saves),
        };
        let gains = gains.into_iter().filter(|gain| plain || gain.target.is_none());
        cost.into_iter().chain(gains).collect()
    }

    /// The expected change of the primary metric where a removal leaves outputs off by `error`; `None`
    /// where nothing like it was tried.
    pub fn cost(&self, removal: &str, error: f64) -> Option<Forecast> {
        self.costs.as_ref()?.forecast(removal, error)
    }

    /// Number of removals that were evaluated, and of samples that each was on; `None` where too little
    /// could be told.
    pub fn evaluated(&self) -> Option<(usize, usize)> {
        self.costs.as_ref().map(|costs| (costs.model.observations(), costs.reference.samples))
    }
}

/// Forecaster of the metric's change from the output error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct CostForecaster {
    reference: BaselineReference,
    /// Samples that outcomes will be observed on.
    reported: usize,
    model: ResponseModel,
    /// Distances of earlier outcomes from their forecasts, relative to their scales.
    earlier: Vec<f64>,
}

impl CostForecaster {
    fn learn(
        reference: BaselineReference,
        tried: Vec<RemovalTrial>,
        reported: usize,
    ) -> Option<CostForecaster> {
        let observation = |t: RemovalTrial| DoseResponse {
            kind: t.removal,
            dose: t.error,
            response: t.harm,
            variance: t.standard_error.powi(2) * reference.samples as f64,
        };
        let observations = tried.into_iter().map(observation).collect();
        let model = ResponseModel::learn(observations, reference.ceiling(), reference.samples)?;
        Some(CostForecaster { reference, reported, model, earlier: vec![] })
    }

    fn with_outcomes(self, earlier: &[&ForecastOutcome]) -> CostForecaster {
        let metric = self.reference.metric.to_string();
        let own = earlier.iter().filter(|outcome| outcome.expected.metric == metric);
        CostForecaster { earlier: own.filter_map(|outcome| outcome.score()).collect(), ..self }
    }

    fn forecast(&self, removal: &str, error: f64) -> Option<Forecast> {
        let found = self.model.predict(removal, error, self.reported, &self.earlier)?;
        let BaselineReference { metric, value, samples, .. } = self.reference;
        let bounded = |change: f64| match self.reference.is_bounded() {
            true => change.clamp(-value, 1.0 - value),
            false => change,
        };
        let (delta, ends) = match metric.higher_is_better() {
            true => (-found.value, (-found.high, -found.low)),
            false => (found.value, (found.low, found.high)),
        };
        let earlier = match self.earlier.len() {
            0 => String::new(),
            n => format!(" and {n} earlier outcomes"),
        };
        Some(Forecast {
            metric: metric.to_string(),
            target: None,
            delta: bounded(delta) + 0.0,
            low: bounded(ends.0) + 0.0,
            high: bounded(ends.1) + 0.0,
            scale: Some(found.scale),
            method: format!(
                "response curve of {} removals tried on {samples} samples, {} of them {removal}; {} % predictive interval for {} samples, jackknife+ of these{earlier}",
                self.model.observations(),
                self.model.of_kind(removal),
                100.0 * PREDICTIVE_LEVEL,
                self.reported,
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use paring_core::schema::Metric;

    const REMOVAL: &str = "channels without recovery";

    fn tried(metric: Metric, harm: impl Fn(f64) -> f64) -> Option<CostForecaster> {
        let value = if metric == Metric::Mse { 2.0 } else { 0.9 };
        let reference = BaselineReference { metric, value, classes: 10, samples: 400 };
        let each = (1..13).map(|i| {
            let error = f64::from(i) / 10.0;
            let (removal, standard_error) = (REMOVAL.to_string(), 0.01);
            RemovalTrial { removal, error, harm: harm(error), standard_error }
        });
        CostForecaster::learn(reference, each.collect(), 400)
    }

    #[test]
    fn a_metric_that_is_better_when_higher_falls_and_an_error_grows() {
        let accuracy = tried(Metric::Accuracy, |e| 0.8 * (1.0 - (-3.0 * e).exp())).unwrap();
        let found = accuracy.forecast(REMOVAL, 0.5).unwrap();
        assert!((found.delta + 0.62).abs() < 0.02, "{found:?}");
        assert!(found.low <= found.delta && found.delta <= found.high && found.high < 0.0);
        let mse = tried(Metric::Mse, |e| 7.0 * e * e).unwrap().forecast(REMOVAL, 0.5).unwrap();
        assert!((mse.delta - 1.75).abs() < 0.1 && mse.metric == "mse", "{mse:?}");
        assert!(mse.low <= mse.delta && mse.delta <= mse.high);
    }

    #[test]
    fn a_share_stays_between_none_and_all() {
        let wild = tried(Metric::F1Macro, |e| if e > 0.6 { 0.9 } else { 0.0 }).unwrap();
        for i in 0..15 {
            let Some(found) = wild.forecast(REMOVAL, f64::from(i) / 10.0) else { continue };
            assert!(found.low >= -0.9 && found.high <= 0.1 + 1e-12, "{found:?}");
        }
    }

    #[test]
    fn nothing_is_said_of_what_was_not_tried_nor_of_a_model_that_guesses() {
        let found = tried(Metric::Accuracy, |e| 0.1 * e).unwrap();
        assert_eq!(found.forecast("heads without recovery", 0.5), None);
        assert_eq!(found.forecast(REMOVAL, 9.0), None);
        let reference =
            BaselineReference { metric: Metric::Accuracy, value: 0.1, classes: 10, samples: 9 };
        let one =
            RemovalTrial { removal: REMOVAL.into(), error: 0.1, harm: 0.0, standard_error: 0.1 };
        assert_eq!(CostForecaster::learn(reference, vec![one; 12], 9), None);
    }
}
