//! What removals buy in time and bytes, learnt from the same tries: what the graph says that they save
//! beside what they then saved.

use crate::pipeline::{attributed, timing};
use paring_agent::engine::{
    AnalysedModel, DimensionBindings, EngineError, InferencePlan, ModelSource, PlanInputs,
};
use paring_compress::RemovalSavings;
use paring_core::schema::{EngineOptions, Forecast, ForecastOutcome};
use paring_core::stats::{self, BootstrapOptions, DoseResponse, PREDICTIVE_LEVEL, ResponseModel};
use paring_onnx::graph::Graph;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Where times of this process are said to be from.
pub const HERE: &str = "this process";

/// Slower models are not timed: it would take longer than the study.
const SLOWEST_NS: f64 = 3e7;
/// For how long a try is timed beside the baseline, at least five rounds.
const EACH: Duration = Duration::from_millis(150);
/// Runs of the baseline that its nodes' times are the medians of.
const RUNS: usize = 30;
/// Standard errors on either side of a 95 % interval.
const NINETY_FIVE: f64 = 1.96;

/// The baseline, ready to be timed.
pub(super) struct Stopwatch<'a> {
    bindings: DimensionBindings<'a>,
    baseline: InferencePlan,
    inputs: PlanInputs,
    /// Median time of each node in nanoseconds, by name.
    nodes_ns: BTreeMap<String, f64>,
    seed: u64,
}

impl<'a> Stopwatch<'a> {
    /// Times the baseline's nodes on `samples`; `None` of a model that is too slow.
    pub(super) fn new(
        graph: &Graph,
        bindings: DimensionBindings<'a>,
        samples: &BTreeMap<String, paring_agent::arrays::Array>,
        seed: u64,
    ) -> Result<Option<Stopwatch<'a>>, EngineError> {
        let baseline = plan(graph, bindings)?;
        let inputs = baseline.inputs(samples)?;
        let first = baseline.profile(&inputs, 2)?;
        if first.plain_ns.iter().any(|time| time.as_f64() > SLOWEST_NS) {
            return Ok(None);
        }
        let profile = baseline.profile(&inputs, RUNS)?;
        let mut nodes_ns: BTreeMap<String, f64> = BTreeMap::new();
        for (position, node) in attributed(graph, &profile) {
            let Some(name) = position.and_then(|p| graph.nodes().get(p)).map(|n| &n.name) else {
                continue;
            };
            *nodes_ns.entry(name.clone()).or_default() += node.median_ns();
        }
        Ok(Some(Stopwatch { bindings, baseline, inputs, nodes_ns, seed }))
    }

    /// What a removal was measured to save, beside what the times of nodes promise; nothing of one that
    /// saves nothing.
    pub(super) fn observe(
        &self,
        kind: &str,
        saves: &RemovalSavings,
        made: &Graph,
    ) -> Result<Option<DoseResponse>, EngineError> {
        let dose = promised(&self.nodes_ns, saves);
        let made = plan(made, self.bindings)?;
        let both = [(&self.baseline, &self.inputs), (&made, &self.inputs)];
        let rounds = timing::rounds(&both, EACH, self.seed).map_err(|(_, source)| source)?;
        let saved: Vec<f64> = rounds.rounds.iter().map(|round| round[0] - round[1]).collect();
        let how = BootstrapOptions { resamples: 400, level: 0.95, seed: 0 };
        Ok(stats::bootstrap_median(&saved, how).map(|found| DoseResponse {
            kind: kind.into(),
            dose,
            response: found.value,
            variance: ((found.high - found.low) / (2.0 * NINETY_FIVE)).powi(2),
        }))
    }

    /// The times of the baseline's nodes.
    pub(super) fn nodes_ns(self) -> BTreeMap<String, f64> {
        self.nodes_ns
    }
}

fn plan(graph: &Graph, bindings: DimensionBindings) -> Result<InferencePlan, EngineError> {
    let bytes = graph.encode();
    let model = AnalysedModel::load(ModelSource::Bytes(graph.name(), &bytes), bindings)?;
    model.optimise(&EngineOptions::default())
}

/// The part of the nodes' times that a removal saves if time falls as multiply-adds do.
fn promised(nodes_ns: &BTreeMap<String, f64>, saves: &RemovalSavings) -> f64 {
    saves.macs.iter().map(|(node, share)| nodes_ns.get(node).unwrap_or(&0.0) * share).sum()
}

/// What the graph says of savings of one sort, and what came of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Gains {
    pub(super) times: Vec<DoseResponse>,
    pub(super) bytes: Vec<DoseResponse>,
    pub(super) nodes_ns: BTreeMap<String, f64>,
}

/// What removals buy, with predictive intervals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct GainForecaster {
    nodes_ns: BTreeMap<String, f64>,
    latency: Option<ResponseModel>,
    bytes: Option<ResponseModel>,
    /// Scores of earlier forecasts, by metric.
    earlier: BTreeMap<String, Vec<f64>>,
}

impl GainForecaster {
    pub(super) fn learn(gains: Gains) -> GainForecaster {
        GainForecaster {
            nodes_ns: gains.nodes_ns,
            latency: ResponseModel::learn(gains.times, None, 1),
            bytes: ResponseModel::learn(gains.bytes, None, 1),
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
        let time = promised(&self.nodes_ns, saves);
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
