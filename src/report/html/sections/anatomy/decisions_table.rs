//! The table of a variant's decisions: components with scores, what was expected and what came of it, why,
//! and what was rejected.

use super::variant_decisions::{EnteredDecision, short};
use crate::report::html::numbers::change_in_unit;
use crate::report::html::page::{PageTable, PageTableCell};
use paring_core::schema::{
    ConfidenceInterval, Decision, Explanation, FieldFormat, Forecast, Metric, RemovedComponent,
};

/// Decisions of a variant that its table lists.
pub(super) const MOST_DECISIONS: usize = 400;
/// Components of a decision that its row lists.
const MOST_COMPONENTS: usize = 256;

/// One row a decision; what came of its group alone, where the variant was explained.
pub(super) fn decisions_table(
    caption: &str,
    decisions: &[&EnteredDecision],
    explanation: Option<&Explanation>,
) -> PageTable {
    let header = [
        "where",
        "operation",
        "components (original index, score)",
        "criterion",
        "expected",
        "observed, the group alone",
        "reason",
        "alternatives rejected",
        "ledger entry",
    ];
    let mut table = PageTable::new(caption, &header).searchable();
    for EnteredDecision { entry, decision } in decisions.iter().take(MOST_DECISIONS) {
        let expected = decision.expected.iter().map(expected_change);
        let observed = explanation.and_then(|found| observed_alone(entry, found));
        let rejected =
            decision.alternatives_rejected.iter().map(|a| format!("{}: {}", a.what, a.why));
        table.row(
            "",
            vec![
                PageTableCell::text(&decision.coupling),
                PageTableCell::text(operation(decision)),
                PageTableCell::text(components(&decision.components)),
                PageTableCell::text(decision.criterion.as_deref().unwrap_or_default()),
                PageTableCell::text(expected.collect::<Vec<_>>().join("; ")),
                PageTableCell::text(observed.unwrap_or_default()),
                PageTableCell::text(&decision.reason),
                PageTableCell::text(rejected.collect::<Vec<_>>().join("; ")),
                PageTableCell::code(short(entry)),
            ],
        );
    }
    table.without_empty_columns()
}

/// The change of the primary metric that the decision's group alone brought; `None` where its group was
/// not tried alone.
pub(super) fn observed_alone(entry: &str, found: &Explanation) -> Option<String> {
    let group = found.groups.iter().find(|g| g.decisions.iter().any(|id| id.as_str() == entry))?;
    let main = &found.main.metric;
    let effect = found
        .effects
        .iter()
        .find(|e| e.group == group.id && e.metric == *main && e.of.is_none())?;
    let ConfidenceInterval { value, low, high } = effect.solo?;
    let [value, low, high] = [value, low, high].map(|v| change_in_unit(&effect.unit, v));
    Some(format!("{main} {value} ({low} to {high})"))
}

/// The forecast of the primary metric, stated before the decision was tried.
pub(super) fn primary_expected(
    decision: &Decision,
    explanation: Option<&Explanation>,
) -> Option<String> {
    let is_primary = |forecast: &&Forecast| match explanation {
        Some(found) => forecast.metric == found.main.metric,
        None => forecast.metric.parse::<Metric>().is_ok(),
    };
    decision.expected.iter().find(is_primary).map(expected_change)
}

/// A forecast with its bounds, in units that people read.
fn expected_change(forecast: &Forecast) -> String {
    let name = forecast.metric.as_str();
    let unit = match name {
        "latency" => "ns",
        "file_bytes" | "peak_rss_bytes" => "bytes",
        "energy_per_inference" => "uj",
        _ if name.parse::<Metric>().is_ok_and(Metric::is_share) => "share",
        _ => "",
    };
    let [delta, low, high] =
        [forecast.delta, forecast.low, forecast.high].map(|v| change_in_unit(unit, v));
    let spoken = FieldFormat::MetricName.of(&serde_json::json!(name));
    let target = forecast.target.as_ref();
    let place = target.map_or_else(String::new, |target| format!(" on {target}"));
    format!("{}{place} {delta} ({low} to {high})", spoken.as_deref().unwrap_or(name))
}

/// The operation, and the formats of a change of precision.
pub(super) fn operation(decision: &Decision) -> String {
    match &decision.precision {
        Some(change) => {
            format!("{}, {} to {} ({})", decision.operation, change.from, change.to, change.scheme)
        }
        None => decision.operation.clone(),
    }
}

fn components(removed: &[RemovedComponent]) -> String {
    let one = |c: &RemovedComponent| format!("{} ({:.3})", c.original_index, c.score);
    let listed: Vec<String> = removed.iter().take(MOST_COMPONENTS).map(one).collect();
    match removed.len().saturating_sub(MOST_COMPONENTS) {
        0 => listed.join(", "),
        more => format!("{} and {more} more", listed.join(", ")),
    }
}
