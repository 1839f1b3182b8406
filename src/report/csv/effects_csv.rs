//! effects.csv: one row a group of decisions, metric and class or slice; what is missing is empty,
//! and a column says why.

use super::named_cell::NamedCell;
use crate::report::report_error::ReportError;
use crate::report::result_row::RunFacts;
use paring_core::schema::{
    ConfidenceInterval, DecisionGroup, Effect, Explanation, MetricTotal, MissingReason, SCHEMA,
};
use paring_data::CsvTable;

/// The whole file.
///
/// # Errors
/// [`ReportError`] where the encoder fails, which a buffer in memory does not.
pub fn effects_csv(facts: &RunFacts, explanations: &[Explanation]) -> Result<Vec<u8>, ReportError> {
    let mut table = CsvTable::default();
    for row in effects_cells(facts, explanations) {
        table.record(&row)?;
    }
    table.finish().map_err(ReportError::Buffer)
}

/// The rows of the file.
pub(in crate::report) fn effects_cells<'a>(
    facts: &'a RunFacts,
    explanations: &'a [Explanation],
) -> impl Iterator<Item = Vec<NamedCell>> + 'a {
    let own = move |explanation: &'a Explanation| {
        explanation.effects.iter().map(move |effect| cells(facts, explanation, effect))
    };
    explanations.iter().flat_map(own)
}

fn number(value: Option<f64>) -> String {
    // Enough digits for a share of a hundred thousand samples, none that say nothing.
    value.map(|v| format!("{:.9}", v)).map_or(String::new(), |text| {
        let text = text.trim_end_matches('0').trim_end_matches('.');
        if text == "-0" { "0".into() } else { text.to_string() }
    })
}

fn cells(facts: &RunFacts, explanation: &Explanation, effect: &Effect) -> Vec<NamedCell> {
    let group = explanation.groups.iter().find(|g| g.id == effect.group);
    let total = explanation
        .totals
        .iter()
        .find(|t| (&t.metric, &t.of, &t.target) == (&effect.metric, &effect.of, &effect.target));
    let mut all = which(facts, explanation, effect, group);
    all.extend(values(effect, total));
    let MissingReason(missing) = effect.missing.clone().unwrap_or(MissingReason(String::new()));
    all.extend([
        ("method", effect.method.clone()),
        ("missing", missing),
        ("sound", effect.unsound.as_ref().map_or(String::new(), |r| r.is_empty().to_string())),
        ("unsound", effect.unsound.as_ref().map_or(String::new(), |reasons| reasons.join("; "))),
        ("data_sha256", facts.data_sha256.clone()),
        ("measurement_sha256", facts.measurement_sha256.clone()),
    ]);
    all
}

fn which(
    facts: &RunFacts,
    explanation: &Explanation,
    effect: &Effect,
    group: Option<&DecisionGroup>,
) -> Vec<NamedCell> {
    let of = |text: fn(&DecisionGroup) -> String| group.map(text).unwrap_or_default();
    let joined = |list: &[String]| list.join(" ");
    vec![
        ("schema", SCHEMA.to_string()),
        ("study", facts.study.clone()),
        ("run_id", facts.run_id.clone()),
        ("variant", explanation.variant.clone()),
        ("variant_id", explanation.variant_id.to_string()),
        ("group", effect.group.clone()),
        ("label", of(|g| g.label.clone())),
        ("step", of(|g| g.step.clone())),
        ("operation", of(|g| g.operation.clone())),
        ("layers", group.map(|g| joined(&g.layers)).unwrap_or_default()),
        ("components", group.map(|g| joined(&g.components)).unwrap_or_default()),
        (
            "decisions",
            group.map_or(String::new(), |g| {
                g.decisions.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
            }),
        ),
        ("metric", effect.metric.clone()),
        ("of", effect.of.clone().unwrap_or_default()),
        ("target", effect.target.clone().unwrap_or_default()),
        ("emulated", explanation.is_emulated(effect.target.as_deref()).to_string()),
        ("unit", effect.unit.clone()),
    ]
}

fn values(effect: &Effect, total: Option<&MetricTotal>) -> Vec<NamedCell> {
    let bound = |interval: Option<ConfidenceInterval>, which: fn(ConfidenceInterval) -> f64| {
        number(interval.map(which))
    };
    let flag = |value: Option<bool>| value.map(|v| v.to_string()).unwrap_or_default();
    vec![
        ("baseline", number(total.map(|t| t.baseline))),
        ("variant_value", number(total.map(|t| t.variant))),
        ("solo", bound(effect.solo, |i| i.value)),
        ("solo_low", bound(effect.solo, |i| i.low)),
        ("solo_high", bound(effect.solo, |i| i.high)),
        ("leave_one_out", bound(effect.leave_one_out, |i| i.value)),
        ("leave_one_out_low", bound(effect.leave_one_out, |i| i.low)),
        ("leave_one_out_high", bound(effect.leave_one_out, |i| i.high)),
        ("shapley", bound(effect.shapley, |i| i.value)),
        ("shapley_low", bound(effect.shapley, |i| i.low)),
        ("shapley_high", bound(effect.shapley, |i| i.high)),
        ("shapley_error", number(effect.shapley_error)),
        ("sampling_sd", number(effect.sampling_sd)),
        ("recipe_sd", number(effect.recipe_sd)),
        ("together", bound(effect.together, |i| i.value)),
        ("together_low", bound(effect.together, |i| i.low)),
        ("together_high", bound(effect.together, |i| i.high)),
        ("draws", effect.draws.to_string()),
        ("survives_reseeding", flag(effect.survives)),
        ("p_value", number(effect.p_value)),
        ("p_holm", number(effect.holm)),
        ("p_benjamini_hochberg", number(effect.benjamini_hochberg)),
    ]
}
