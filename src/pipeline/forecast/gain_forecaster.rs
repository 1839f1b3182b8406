//! Forecaster of the time and bytes that removals save, learnt from the same trials: the savings that
//! the graph promises beside those observed.

use super::removal_trials::{ObservedSavings, expected_time_ns};
use paring_compress::RemovalSavings;
use paring_core::schema::{Forecast, ForecastOutcome};
use paring_core::stats::{PREDICTIVE_LEVEL, ResponseModel};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The target name of times in this process.
pub const HERE: &str = "this process";

/// Forecaster of latency and bytes, with predictive intervals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct GainForecaster {
    nodes_ns: BTreeMap<String, f64>,
    latency: Option<ResponseModel>,
    bytes: Option<ResponseModel>,
    /// Scores of earlier forecasts, by metric.
    earlier: BTreeMap<String, Vec<f64>>,
}

impl GainForecaster {
    pub(super) fn learn(savings: ObservedSavings) -> GainForecaster {
        GainForecaster {
            nodes_ns: savings.nodes_ns,
            latency: ResponseModel::learn(savings.times, None, 1),
            bytes: ResponseModel::learn(savings.bytes, None, 1),
            earlier: BTreeMap::new(),
        }
    }

    pub(super) fn with_outcomes(mut self, earlier: &[&ForecastOutcome]) -> GainForecaster {
        for outcome in earlier {
            let scores = self.earlier.entry(outcome.expected.metric.clone()).or_default();
            scores.extend(outcome.score());
        }
        self
    }

    /// The expected changes of latency in this process, in nanoseconds, and of the file's bytes.
    pub(super) fn forecasts(&self, kind: &str, saves: &RemovalSavings) -> Vec<Forecast> {
        let time = expected_time_ns(&self.nodes_ns, saves);
        let latency = self.latency.as_ref().and_then(|model| {
            self.forecast(model, ("latency", Some(HERE)), kind, time, "timed beside the baseline")
        });
        let bytes = self.bytes.as_ref().and_then(|model| {
            let bytes = saves.bytes as f64;
            self.forecast(model, ("file_bytes", None), kind, bytes, "encoded")
        });
        latency.into_iter().chain(bytes).collect()
    }

    fn forecast(
        &self,
        model: &ResponseModel,
        (metric, target): (&str, Option<&str>),
        kind: &str,
        dose: f64,
        how: &str,
    ) -> Option<Forecast> {
        let earlier = self.earlier.get(metric).map(Vec::as_slice).unwrap_or_default();
        let found = model.predict(kind, dose, 1, earlier)?;
        Some(Forecast {
            metric: metric.into(),
            target: target.map(str::to_string),
            delta: -found.value + 0.0,
            low: -found.high + 0.0,
            high: -found.low + 0.0,
            scale: Some(found.scale),
            method: format!(
                "what the graph says that it saves, times what {} removals that were {how} saved of that; {} % predictive interval, jackknife+ of these{}",
                model.observations(),
                100.0 * PREDICTIVE_LEVEL,
                match earlier.len() {
                    0 => String::new(),
                    n => format!(" and {n} earlier outcomes"),
                }
            ),
        })
    }
}
