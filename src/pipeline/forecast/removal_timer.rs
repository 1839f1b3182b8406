//! Removals timed beside the baseline in this process.

use super::removal_trials::expected_time_ns;
use crate::pipeline::measurement::{attributed, rounds};
use paring_agent::engine::{
    AnalysedModel, DimensionBindings, EngineError, InferencePlan, ModelSource, PlanInputs,
};
use paring_compress::RemovalSavings;
use paring_core::schema::EngineOptions;
use paring_core::stats::{self, BootstrapOptions, DoseResponse};
use paring_onnx::graph::Graph;
use std::collections::BTreeMap;
use std::time::Duration;

/// Slower models are not timed: it would take longer than the study.
const SLOWEST_NS: f64 = 3e7;
/// Time for which a trial is timed beside the baseline, at least five rounds.
const EACH: Duration = Duration::from_millis(150);
/// Runs of the baseline that its nodes' times are the medians of.
const RUNS: usize = 30;
/// Standard errors on either side of a 95 % interval.
const NINETY_FIVE: f64 = 1.96;

/// The baseline, ready to be timed.
pub(super) struct RemovalTimer<'a> {
    bindings: DimensionBindings<'a>,
    baseline: InferencePlan,
    inputs: PlanInputs,
    /// Median time of each node in nanoseconds, by name.
    nodes_ns: BTreeMap<String, f64>,
    seed: u64,
}

impl<'a> RemovalTimer<'a> {
    /// Times the baseline's nodes on `samples`; `None` of a model that is too slow.
    pub(super) fn new(
        graph: &Graph,
        bindings: DimensionBindings<'a>,
        samples: &BTreeMap<String, paring_agent::arrays::Array>,
        seed: u64,
    ) -> Result<Option<RemovalTimer<'a>>, EngineError> {
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
        Ok(Some(RemovalTimer { bindings, baseline, inputs, nodes_ns, seed }))
    }

    /// Measured saving of a removal, beside the one that the times of nodes promise; nothing of one that
    /// saves nothing.
    pub(super) fn observe(
        &self,
        kind: &str,
        saves: &RemovalSavings,
        made: &Graph,
    ) -> Result<Option<DoseResponse>, EngineError> {
        let dose = expected_time_ns(&self.nodes_ns, saves);
        let made = plan(made, self.bindings)?;
        let both = [(&self.baseline, &self.inputs), (&made, &self.inputs)];
        let rounds = rounds(&both, EACH, self.seed).map_err(|(_, source)| source)?;
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
