//! Anatomy: the baseline's layers in their own topology, and in each what a variant removed, its
//! precision, and its share of the time.

use crate::report::ResultRow;
use crate::report::html::drawing::{LayerBox, topology};
use crate::report::html::network::ReportLayer;
use crate::report::html::numbers::change_in_unit;
use crate::report::html::page::{
    LegendEntry, PageBlock, PageDrawing, PageSection, PageTable, PageTableCell, VariantPanel,
};
use crate::report::html::run_report::RunReport;
use paring_core::schema::{
    Decision, FieldFormat, Forecast, LayerTable, LedgerEntry, LedgerEntryKind, Metric,
    RemovedComponent,
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Variants whose drawings stand in the page; of more the others have their decisions alone.
const MOST_DRAWINGS: usize = 60;
/// Decisions of a variant that its table lists.
const MOST_DECISIONS: usize = 400;
/// Components of a decision that its row lists.
const MOST_COMPONENTS: usize = 256;

/// The section.
pub fn section(run: &RunReport) -> PageSection {
    let mut section = PageSection::new("anatomy", "Anatomy");
    section.say("What was removed and quantized, and why. Each box is a layer, its bar the layer's channels, removed ones at their original index; hover or focus a box for its decisions.");
    section.blocks.push(PageBlock::Legend(legend(run)));
    section.list(run.unreadable.to_vec());
    let entries = ledger_entries(run);
    for (number, name) in run.variants().into_iter().enumerate() {
        let Some(row) = run.row(name) else { continue };
        let decided = VariantDecisions::of(run, row, &entries);
        let panel = VariantPanel {
            name: name.to_string(),
            summary: headline(row, &decided.read),
            open: number == 1,
        };
        section.panel(panel, |section| panel_blocks(run, row, &decided, number, section));
    }
    section
}

fn panel_blocks(
    run: &RunReport,
    row: &ResultRow,
    decided: &VariantDecisions,
    number: usize,
    section: &mut PageSection,
) {
    let name = &row.variant.name;
    section.list(decided.unreadable());
    if run.network.layers.is_empty() {
        section.say("No drawing: the baseline's layers are not known.");
    } else if number >= MOST_DRAWINGS {
        section.say(format!(
            "No drawing: the page draws {MOST_DRAWINGS} variants; overlay/{name} has the same for viewers of models."
        ));
    } else {
        let boxes = boxes(run, row, &decided.read);
        let title = format!("Layers of {name}");
        if let Some(drawn) = topology(&boxes, &run.network.edges, &title) {
            section.blocks.push(PageBlock::Drawing(PageDrawing::new(&drawn, title)));
        }
    }
    section.table(decisions_table(&decided.read));
    if decided.read.len() > MOST_DECISIONS {
        section.say(format!(
            "The first {MOST_DECISIONS} of {} decisions; all are in ledger.jsonl.",
            decided.read.len()
        ));
    }
    let refusals =
        row.variant.refusals.iter().map(|r| format!("not changed: {}: {}", r.what, r.reason));
    section.list(refusals.collect());
}

/// Colours of precisions that occur, and that of what was removed.
fn legend(run: &RunReport) -> Vec<LegendEntry> {
    let mixes = || run.rows.iter().flat_map(|row| row.variant.precision_mix.keys());
    let occurs = |class: &str| mixes().any(|name| name.starts_with(class));
    let all = [
        ("f32", "channels in float"),
        ("f16", "in 16-bit float"),
        ("int8", "in 8-bit integers"),
        ("int4", "weights in 4-bit integers"),
        ("gone", "removed"),
    ];
    let shown =
        all.into_iter().filter(|(class, _)| ["f32", "gone"].contains(class) || occurs(class));
    shown.map(|(class, meaning)| LegendEntry { class, meaning }).collect()
}

/// Entries of the ledger by their hash.
fn ledger_entries<'a>(run: &'a RunReport) -> BTreeMap<&'a str, &'a LedgerEntry> {
    let decisions = run.ledger.iter().filter(|e| e.kind == LedgerEntryKind::Decision);
    decisions.map(|entry| (entry.entry_id.as_str(), entry)).collect()
}

/// Decisions that made a variant of the baseline.
#[derive(Default)]
struct VariantDecisions<'a> {
    /// In order: those of the variants it was made from first.
    read: Vec<EnteredDecision<'a>>,
    /// Hashes that the variant's record names and the ledger lacks.
    absent: Vec<&'a str>,
    /// Hashes of entries that are no decisions, with the cause.
    broken: Vec<(&'a str, String)>,
}

impl<'a> VariantDecisions<'a> {
    fn of(
        run: &'a RunReport,
        row: &'a ResultRow,
        entries: &BTreeMap<&'a str, &'a LedgerEntry>,
    ) -> VariantDecisions<'a> {
        let mut found = VariantDecisions::default();
        for id in run.lineage(row).into_iter().flat_map(|row| &row.variant.decisions) {
            let Some(entry) = entries.get(id.as_str()) else {
                found.absent.push(id.as_str());
                continue;
            };
            match Decision::deserialize(&entry.body) {
                Ok(decision) => {
                    found.read.push(EnteredDecision { entry: entry.entry_id.as_str(), decision });
                }
                Err(error) => found.broken.push((id.as_str(), error.to_string())),
            }
        }
        found
    }

    /// Sentences about decisions that cannot be shown.
    fn unreadable(&self) -> Vec<String> {
        let absent = self.absent.iter().map(|id| {
            format!("Not shown: decision {} is not in ledger.jsonl; paring verify says what is missing.", short(id))
        });
        let broken = self.broken.iter().map(|(id, why)| {
            format!(
                "Not shown: entry {} of ledger.jsonl cannot be read as a decision: {why}.",
                short(id)
            )
        });
        absent.chain(broken).collect()
    }
}

/// The first letters of a hash.
fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

/// A decision and its entry's hash.
struct EnteredDecision<'a> {
    entry: &'a str,
    decision: Decision,
}

fn headline(row: &ResultRow, decisions: &[EnteredDecision<'_>]) -> String {
    let recipe = match row.variant.recipe.is_empty() {
        true => "as given".to_string(),
        false => row.variant.recipe.join("; "),
    };
    let decided = crate::report::html::numbers::count(decisions.len(), "decision");
    format!(
        "{}: {recipe}. {} removed, weights {}, {decided}",
        row.label(),
        crate::report::html::numbers::count(row.variant.removed_count(), "component"),
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
        facts.push(format!("−{}/{}", removed.len(), layer.width));
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
    for EnteredDecision { entry, decision } in decisions.iter().take(MOST_DECISIONS) {
        let expected = decision.expected.iter().map(expected_change);
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
                PageTableCell::text(short(entry)),
            ],
        );
    }
    table
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
    let listed: Vec<String> = removed.iter().take(MOST_COMPONENTS).map(one).collect();
    match removed.len().saturating_sub(MOST_COMPONENTS) {
        0 => listed.join(", "),
        more => format!("{} and {more} more", listed.join(", ")),
    }
}
