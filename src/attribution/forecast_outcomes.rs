//! Forecasts beside what was observed.

use paring_core::schema::{DecisionGroup, Effect, Explanation, Forecast, ForecastOutcome, SCHEMA};
use paring_onnx::graph::{Graph, layer_names};

/// For every forecast of a group of one decision: what came of it alone, on so many samples. What no
/// experiment observed, such as output errors, is left out.
pub fn outcomes(
    run_id: &str,
    baseline: &Graph,
    variant: &str,
    groups: &[DecisionGroup],
    (effects, samples): (&[Effect], usize),
) -> Vec<ForecastOutcome> {
    let outcome = |group: &DecisionGroup, expected: &Forecast| {
        let [decision] = group.decisions.as_slice() else { return None };
        let own = effects.iter().find(|e| {
            e.group == group.id
                && e.metric == expected.metric
                && e.of.is_none()
                && e.target == expected.target
        })?;
        let observed = own.solo?;
        let samples = (own.unit == "share").then_some(samples);
        let (covered, compatible) = ForecastOutcome::judge(expected, observed, samples);
        Some(ForecastOutcome {
            schema: SCHEMA,
            run_id: run_id.into(),
            variant: variant.into(),
            group: group.id.clone(),
            decision: decision.clone(),
            criterion: group.criterion.clone(),
            layer_type: layer_type(baseline, group),
            expected: expected.clone(),
            observed,
            covered,
            compatible,
        })
    };
    let of = |group: &DecisionGroup| -> Vec<ForecastOutcome> {
        group.expected.iter().filter_map(|expected| outcome(group, expected)).collect()
    };
    groups.iter().flat_map(of).collect()
}

/// Operator of the layer that a group is named after.
fn layer_type(baseline: &Graph, group: &DecisionGroup) -> Option<String> {
    let coupling = group.parts.first()?.coupling.as_ref()?;
    let mut nodes = baseline.nodes().iter().zip(layer_names(baseline));
    nodes.find(|(_, name)| name == coupling).map(|(node, _)| node.op_type.clone())
}

/// All outcomes of some explanations.
pub fn all_outcomes(explanations: &[Explanation]) -> Vec<ForecastOutcome> {
    explanations.iter().flat_map(|e| e.forecasts.clone()).collect()
}
