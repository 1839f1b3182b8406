//! Forecasts beside what was observed.

use crate::graph::{Graph, layer_names};
use crate::record::{Effect, Explanation, ForecastOutcome, Group, SCHEMA};

/// The metric of forecasts that experiments can hold to account.
const METRIC: &str = "accuracy";

/// For every group of one decision with a forecast of accuracy: what came of it alone, on so many
/// samples.
pub fn outcomes(
    run_id: &str,
    baseline: &Graph,
    variant: &str,
    groups: &[Group],
    effects: &[Effect],
    samples: usize,
) -> Vec<ForecastOutcome> {
    let of = |group: &Group| {
        let [decision] = group.decisions.as_slice() else { return None };
        let expected = group.expected.iter().find(|f| f.metric == METRIC)?.clone();
        let own = effects.iter().find(|e| {
            e.group == group.id && e.metric == METRIC && e.of.is_none() && e.target.is_none()
        });
        let observed = own?.solo?;
        let (covered, compatible) = ForecastOutcome::judge(&expected, observed, samples);
        Some(ForecastOutcome {
            schema: SCHEMA,
            run_id: run_id.into(),
            variant: variant.into(),
            group: group.id.clone(),
            decision: decision.clone(),
            criterion: group.criterion.clone(),
            layer_type: layer_type(baseline, group),
            expected,
            observed,
            covered,
            compatible,
        })
    };
    groups.iter().filter_map(of).collect()
}

/// Operator of the layer that a group is named after.
fn layer_type(baseline: &Graph, group: &Group) -> Option<String> {
    let coupling = group.parts.first()?.coupling.as_ref()?;
    let mut nodes = baseline.nodes().iter().zip(layer_names(baseline));
    nodes.find(|(_, name)| name == coupling).map(|(node, _)| node.op_type.clone())
}

/// All outcomes of some explanations.
pub fn all_outcomes(explanations: &[Explanation]) -> Vec<ForecastOutcome> {
    explanations.iter().flat_map(|e| e.forecasts.clone()).collect()
}
