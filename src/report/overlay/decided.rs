//! Decisions about a layer in words: what was removed, by original index, and every step's reason.

use super::overlay_model::OverlayModel;
use crate::report::html::RunReport;
use paring_core::schema::{Decision, LedgerEntryKind, VariantRecord};
use std::collections::{BTreeMap, BTreeSet};

/// Removed components that are named one by one; of more, how many there are.
const NAMED: usize = 200;

/// Pairs of a name and a text, by layer; `removed` are original indices.
pub(super) fn decided(
    run: &RunReport,
    model: &OverlayModel,
) -> BTreeMap<String, Vec<(String, String)>> {
    let mut found: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for (coupling, ids) in &model.variant.components_removed {
        let text = removed(ids);
        found.entry(coupling.clone()).or_default().push(("removed".into(), text));
    }
    for (number, decision) in decisions(run, model.variant).into_iter().enumerate() {
        let text = format!("{}: {}", decision.operation, decision.reason);
        let own = found.entry(decision.coupling).or_default();
        own.push((format!("decision {}", number + 1), text));
    }
    found
}

fn removed(ids: &[String]) -> String {
    let index = |id: &String| id.rsplit_once(':').and_then(|(_, index)| index.parse().ok());
    let indices: BTreeSet<usize> = ids.iter().filter_map(index).collect();
    let named: Vec<String> = indices.iter().take(NAMED).map(ToString::to_string).collect();
    match indices.len().checked_sub(NAMED).filter(|more| *more > 0) {
        Some(more) => format!("{} and {more} more", named.join(", ")),
        None => named.join(", "),
    }
}

/// Decisions since the baseline, in order.
fn decisions(run: &RunReport, variant: &VariantRecord) -> Vec<Decision> {
    let records: BTreeMap<&str, &VariantRecord> =
        run.rows.iter().map(|row| (row.variant.name.as_str(), &row.variant)).collect();
    let mut line = vec![variant];
    let mut parent = variant.parent.as_deref();
    while let Some(record) = parent.and_then(|name| records.get(name)) {
        // A run of somebody else may go round in circles.
        if line.iter().any(|known| known.name == record.name) {
            break;
        }
        line.push(record);
        parent = record.parent.as_deref();
    }
    let entries = run.ledger.iter().filter(|entry| entry.kind == LedgerEntryKind::Decision);
    let entries: BTreeMap<&str, _> = entries.map(|e| (e.entry_id.as_str(), &e.body)).collect();
    let ids = line.iter().rev().flat_map(|record| &record.decisions);
    let bodies = ids.filter_map(|id| entries.get(id.as_str()));
    bodies.filter_map(|body| serde_json::from_value((*body).clone()).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removed_components_stand_in_the_order_of_their_index() {
        let ids = |of: &[usize]| of.iter().map(|i| format!("a:b:{i}")).collect::<Vec<_>>();
        assert_eq!(removed(&ids(&[10, 2, 7])), "2, 7, 10");
        let many: Vec<usize> = (0..NAMED + 3).collect();
        assert!(removed(&ids(&many)).ends_with("199 and 3 more"));
    }
}
