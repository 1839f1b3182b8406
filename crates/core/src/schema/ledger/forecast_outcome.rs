//! Outcomes of forecasts, and the tool's record as a forecaster.

use crate::rank_correlation::spearman;
use crate::schema::{ConfidenceInterval, Forecast, Sha256Hex};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A forecast beside what was observed; also a line of the tool's own record as a forecaster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForecastOutcome {
    /// Format version.
    pub schema: u32,
    /// The run.
    pub run_id: String,
    /// The variant.
    pub variant: String,
    /// Id of the group of decisions.
    pub group: String,
    /// The ledger's entry that holds the forecast.
    pub decision: Sha256Hex,
    /// Importance criterion.
    pub criterion: Option<String>,
    /// Operator of the layer whose outputs were removed.
    pub layer_type: Option<String>,
    /// Forecast of the decision alone.
    pub expected: Forecast,
    /// Effect of the decision alone, with its interval from the draw of report samples.
    pub observed: ConfidenceInterval,
    /// True if the observed value lies within the forecast's bounds.
    pub covered: bool,
    /// True if the two intervals have anything in common.
    pub compatible: bool,
}

impl ForecastOutcome {
    /// Judges a forecast: did it hold, and could it have? Of a share on so many samples, which change it
    /// by whole samples, a forecast of less than half of one is held by none.
    pub fn judge(
        expected: &Forecast,
        observed: ConfidenceInterval,
        samples: Option<usize>,
    ) -> (bool, bool) {
        let half = samples.map_or(0.0, |samples| 0.5 / samples.max(1) as f64);
        let (low, high) = (expected.low - half, expected.high + half);
        let covered = low <= observed.value && observed.value <= high;
        let compatible = low <= observed.high && observed.low <= high;
        (covered, compatible)
    }

    /// The last outcome of each decision, run and metric.
    pub fn latest(outcomes: &[ForecastOutcome]) -> Vec<&ForecastOutcome> {
        let mut last: BTreeMap<(&String, &Sha256Hex, &String), &ForecastOutcome> = BTreeMap::new();
        last.extend(outcomes.iter().map(|o| ((&o.run_id, &o.decision, &o.expected.metric), o)));
        last.into_values().collect()
    }

    /// Distance of the observed value from the forecast, relative to the forecast's scale: a score of
    /// split-conformal prediction (V. Vovk, A. Gammerman & G. Shafer 2005). `None` of a forecast that
    /// had none.
    pub fn score(&self) -> Option<f64> {
        let scale = self.expected.scale.filter(|scale| *scale > 0.0)?;
        Some((self.observed.value - self.expected.delta).abs() / scale)
    }
}

/// Of the outcomes of one kind and metric, how far and to which side forecasts were off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForecastError {
    /// The metric of the forecasts.
    #[serde(default)]
    pub metric: String,
    /// `criterion` or `layer_type`.
    pub by: String,
    /// Its value.
    pub kind: String,
    /// Outcomes.
    pub count: usize,
    /// Covered outcomes.
    pub covered: usize,
    /// Mean of observed less expected, in the metric's units.
    pub mean_error: f64,
}

/// The tool as a forecaster, from outcomes of this run and earlier ones.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrackRecord {
    /// Outcomes.
    pub count: usize,
    /// Covered outcomes.
    pub covered: usize,
    /// Rank correlation of expected and observed by metric, of metrics with three or more outcomes that
    /// are not all equal.
    #[serde(default)]
    pub rank_correlation: BTreeMap<String, f64>,
    /// By criterion and layer type.
    pub errors: Vec<ForecastError>,
}

impl TrackRecord {
    /// The record of a list of outcomes, the last of each decision and run counted.
    pub fn of(outcomes: &[ForecastOutcome]) -> TrackRecord {
        let outcomes = ForecastOutcome::latest(outcomes);
        let mut pairs: BTreeMap<&String, Vec<(f64, f64)>> = BTreeMap::new();
        for outcome in &outcomes {
            let pair = (outcome.expected.delta, outcome.observed.value);
            pairs.entry(&outcome.expected.metric).or_default().push(pair);
        }
        let correlation = |(metric, pairs): (&String, Vec<(f64, f64)>)| {
            spearman(&pairs).map(|found| (metric.clone(), found))
        };
        let mut errors = by(&outcomes, "criterion", |o| o.criterion.clone());
        errors.extend(by(&outcomes, "layer_type", |o| o.layer_type.clone()));
        TrackRecord {
            count: outcomes.len(),
            covered: outcomes.iter().filter(|o| o.covered).count(),
            rank_correlation: pairs.into_iter().filter_map(correlation).collect(),
            errors,
        }
    }
}

fn by(
    outcomes: &[&ForecastOutcome],
    name: &str,
    kind: fn(&ForecastOutcome) -> Option<String>,
) -> Vec<ForecastError> {
    let mut sums: BTreeMap<(String, String), (usize, usize, f64)> = BTreeMap::new();
    for outcome in outcomes {
        let Some(kind) = kind(outcome) else { continue };
        let sum = sums.entry((outcome.expected.metric.clone(), kind)).or_default();
        sum.0 += 1;
        sum.1 += usize::from(outcome.covered);
        sum.2 += outcome.observed.value - outcome.expected.delta;
    }
    let each = sums.into_iter().map(|((metric, kind), (count, covered, sum))| ForecastError {
        metric,
        by: name.into(),
        kind,
        count,
        covered,
        mean_error: sum / count as f64,
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::SCHEMA;

    fn outcome(number: u64, delta: f64, half: f64, observed: f64) -> ForecastOutcome {
        let expected = Forecast {
            metric: "accuracy".into(),
            target: None,
            delta,
            low: delta - half,
            high: delta + half,
            scale: Some(half),
            method: String::new(),
        };
        let seen =
            ConfidenceInterval { value: observed, low: observed - 0.001, high: observed + 0.001 };
        let (covered, compatible) = ForecastOutcome::judge(&expected, seen, None);
        ForecastOutcome {
            schema: SCHEMA,
            run_id: "r".into(),
            variant: "v".into(),
            group: "g".into(),
            decision: Sha256Hex::of(&number.to_le_bytes()),
            criterion: Some("obs".into()),
            layer_type: Some("Conv".into()),
            expected,
            observed: seen,
            covered,
            compatible,
        }
    }

    #[test]
    fn every_decision_counts_once_and_metrics_apart() {
        let off = |i: u64| outcome(i, -0.1, 0.01, -0.1 - 0.01 * i as f64);
        let mut all: Vec<ForecastOutcome> = (0..9).map(off).collect();
        let record = TrackRecord::of(&all);
        assert_eq!((record.count, record.covered), (9, 2));
        assert!((record.errors[0].mean_error + 0.04).abs() < 1e-12);
        let scores: Vec<f64> = all.iter().filter_map(ForecastOutcome::score).collect();
        assert!((scores[4] - 4.0).abs() < 1e-9 && scores.len() == 9, "{scores:?}");
        assert_eq!(TrackRecord::of(&[all.clone(), all.clone()].concat()), record);
        all[8].expected.metric = "mse".into();
        let apart = TrackRecord::of(&all).errors;
        let counts: Vec<(&str, usize)> =
            apart.iter().map(|e| (e.metric.as_str(), e.count)).collect();
        assert_eq!(counts, [("accuracy", 8), ("mse", 1), ("accuracy", 8), ("mse", 1)]);
    }

    #[test]
    fn less_than_half_a_sample_is_held_by_none() {
        let expected = outcome(0, -0.001, 0.0002, 0.0).expected;
        let none = ConfidenceInterval { value: 0.0, low: 0.0, high: 0.0 };
        assert_eq!(ForecastOutcome::judge(&expected, none, Some(400)), (true, true));
        assert_eq!(ForecastOutcome::judge(&expected, none, Some(4_000)), (false, false));
    }
}
