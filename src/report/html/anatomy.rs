//! Anatomy: the baseline's layers in their own topology, and in each what a variant removed, its
//! precision, and its share of the time.

use super::RunReport;
use super::drawing::{LayerBox, topology};
use super::page::{PageBlock, PageDrawing, PageSection, PageTable, PageTableCell, VariantPanel};
use crate::report::ResultRow;
use paring_core::schema::{Decision, LayerTable, LedgerEntryKind, RemovedComponent};
use std::collections::BTreeMap;

/// A layer of the baseline: its name, the part of the network it belongs to, its outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportLayer {
    /// Its name, as decisions and layers.csv have it.
    pub name: String,
    /// The part of the network that it belongs to.
    pub module: String,
    /// Output channels; 0 where they cannot be counted.
    pub width: usize,
}

/// Layers and what flows between them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReportNetwork {
    /// In the graph's order.
    pub layers: Vec<ReportLayer>,
    /// Pairs of positions in `layers`: the first feeds the second, directly or through layers without
    /// weights.
    pub edges: Vec<(usize, usize)>,
}

/// The section.
pub fn section(run: &RunReport) -> PageSection {
    let mut section = PageSection::new("anatomy", "Anatomy: what was removed and quantized");
    for (number, name) in run.variants().into_iter().enumerate() {
        let Some(row) = run.rows.iter().find(|row| row.variant.name == name) else { continue };
        let decisions = decisions(run, row);
        section.blocks.push(PageBlock::OpenVariant(VariantPanel {
            name: name.to_string(),
            summary: headline(row, &decisions),
            open: number == 1,
        }));
        let boxes = boxes(run, row, &decisions);
        let title = format!("Layers of {name}");
        if let Some(drawn) = topology(&boxes, &run.network.edges, &title) {
            let caption = "Each bar is a layer's channels, removed ones at their original index. Hover or focus a layer for its decisions";
            section.blocks.push(PageBlock::Drawing(PageDrawing::new(&drawn, caption.into())));
        }
        section.table(decisions_table(&decisions));
        let refusals =
            row.variant.refusals.iter().map(|r| format!("not changed: {}: {}", r.what, r.reason));
        let refusals: Vec<String> = refusals.collect();
        if !refusals.is_empty() {
            section.blocks.push(PageBlock::List(refusals));
        }
        section.blocks.push(PageBlock::CloseVariant);
    }
    section
}

/// A decision and its entry's hash.
struct EnteredDecision<'a> {
    entry: &'a str,
    decision: Decision,
}

/// Decisions that made a variant of the baseline, in order: those of the variants it was made from first.
fn decisions<'a>(run: &'a RunReport, row: &ResultRow) -> Vec<EnteredDecision<'a>> {
    let entries: BTreeMap<&str, &paring_core::schema::LedgerEntry> = run
        .ledger
        .iter()
        .filter(|e| e.kind == LedgerEntryKind::Decision)
        .map(|e| (e.entry_id.as_str(), e))
        .collect();
    let all = lineage(run, row).into_iter().flat_map(|row| &row.variant.decisions);
    let entered = all.filter_map(|id| {
        let entry = entries.get(id.as_str())?;
        let decision = serde_json::from_value(entry.body.clone()).ok()?;
        Some(EnteredDecision { entry: entry.entry_id.as_str(), decision })
    });
    entered.collect()
}

/// Rows of the variants that a variant was made from, the baseline's first, its own last.
fn lineage<'a>(run: &'a RunReport, row: &'a ResultRow) -> Vec<&'a ResultRow> {
    let mut found = vec![row];
    // A record may name itself or a variant made from it; no lineage is longer than the run.
    while let Some(parent) = found.last().and_then(|last| last.variant.parent.as_ref())
        && found.len() < run.rows.len()
        && let Some(before) = run.rows.iter().find(|other| other.variant.name == *parent)
    {
        found.push(before);
    }
    found.reverse();
    found
}

fn headline(row: &ResultRow, decisions: &[EnteredDecision]) -> String {
    let recipe = match row.variant.recipe.is_empty() {
        true => "as given".to_string(),
        false => row.variant.recipe.join("; "),
    };
    let decided = super::numbers::count(decisions.len(), "decision");
    format!(
        "{}: {recipe}. {} removed, weights {}, {decided}",
        row.label(),
        super::numbers::count(row.variant.removed_count(), "component"),
        row.variant.precision()
    )
}

fn boxes(run: &RunReport, row: &ResultRow, decisions: &[EnteredDecision]) -> Vec<LayerBox> {
    let times = run.layers.iter().find(|table| table.variant_id == row.variant.variant_id);
    run.network.layers.iter().map(|layer| boxed(layer, row, decisions, times)).collect()
}

fn boxed(
    layer: &ReportLayer,
    row: &ResultRow,
    decisions: &[EnteredDecision],
    times: Option<&LayerTable>,
) -> LayerBox {
    let own: Vec<&Decision> =
        decisions.iter().map(|d| &d.decision).filter(|d| d.coupling == layer.name).collect();
    let removed: Vec<usize> =
        own.iter().flat_map(|d| d.components.iter().map(|c| c.original_index)).collect();
    let precision = own.iter().filter_map(|d| d.precision.as_ref()).next_back();
    let class = precision.map_or("f32", |p| p.to.split([' ', '-']).next().unwrap_or("f32"));
    let time = times.and_then(|table| table.layers.iter().find(|time| time.layer == layer.name));
    let mut facts = vec![precision.map_or_else(|| "f32".to_string(), |p| p.to.clone())];
    if layer.width > 0 && !removed.is_empty() {
        facts.push(format!("{} of {} removed", removed.len(), layer.width));
    }
    if let Some(time) = time {
        facts.push(format!("{:.0} % of time", 100.0 * time.share));
    }
    let reasons = own.iter().map(|d| format!("{}: {}", d.operation, d.reason));
    let refused =
        row.variant.refusals.iter().filter(|r| r.what == layer.name).map(|r| r.reason.clone());
    let note: Vec<String> = reasons.chain(refused).collect();
    LayerBox {
        name: layer.name.clone(),
        module: layer.module.clone(),
        facts: facts.join(", "),
        width: layer.width,
        removed,
        precision: class.to_string(),
        note: if note.is_empty() {
            format!("{}: not changed", layer.name)
        } else {
            note.join("\n")
        },
    }
}

fn decisions_table(decisions: &[EnteredDecision]) -> PageTable {
    let header = [
        "where",
        "operation",
        "components (original index, score)",
        "criterion",
        "expected",
        "reason",
        "alternatives rejected",
        "ledger entry",
    ];
    let mut table = PageTable::new("Decisions", &header).searchable();
    for EnteredDecision { entry, decision } in decisions {
        let expected = decision
            .expected
            .iter()
            .map(|f| format!("{} {:.4} ({:.4} to {:.4})", f.metric, f.delta, f.low, f.high));
        let rejected =
            decision.alternatives_rejected.iter().map(|a| format!("{}: {}", a.what, a.why));
        table.row(
            "",
            vec![
                PageTableCell::text(&decision.coupling),
                PageTableCell::text(operation(decision)),
                PageTableCell::text(components(&decision.components)),
                PageTableCell::text(decision.criterion.as_deref().unwrap_or("none")),
                PageTableCell::text(expected.collect::<Vec<_>>().join("; ")),
                PageTableCell::text(&decision.reason),
                PageTableCell::text(rejected.collect::<Vec<_>>().join("; ")),
                PageTableCell::text(&entry[..12.min(entry.len())]),
            ],
        );
    }
    table
}

fn operation(decision: &Decision) -> String {
    match &decision.precision {
        Some(change) => {
            format!("{}, {} to {} ({})", decision.operation, change.from, change.to, change.scheme)
        }
        None => decision.operation.clone(),
    }
}

fn components(removed: &[RemovedComponent]) -> String {
    let one = |c: &RemovedComponent| format!("{} ({:.3})", c.original_index, c.score);
    removed.iter().map(one).collect::<Vec<_>>().join(", ")
}
