//! The section: a drawing, its decisions and its refusals for every variant.

use super::decisions_table::{MOST_DECISIONS, decisions_table};
use super::layer_boxes::{TimedTable, layer_boxes};
use super::variant_decisions::{EnteredDecision, VariantDecisions, ledger_decisions};
use crate::report::ResultRow;
use crate::report::html::drawing::NetworkDrawing;
use crate::report::html::numbers::count;
use crate::report::html::page::{LegendEntry, PageBlock, PageDrawing, PageSection, VariantPanel};
use crate::report::html::run_report::RunReport;
use std::collections::BTreeMap;

/// Variants whose drawings stand in the page; of more the others have their decisions alone.
const MOST_DRAWINGS: usize = 60;

/// The section.
pub fn section(run: &RunReport) -> PageSection {
    let mut section = PageSection::new("anatomy", "Anatomy");
    section.say("What was removed and quantized, and why. Each box is a layer, its bar the layer's output channels, removed ones at their original index; the line below is its share of the time. Hover, tap or focus a box for its decisions; arrow keys go from box to box.");
    section.blocks.push(PageBlock::Legend(legend(run)));
    section.list(run.unreadable.to_vec());
    let modules: Vec<&str> = run.network.layers.iter().map(|layer| layer.module.as_str()).collect();
    let drawing = NetworkDrawing::new(&modules, &run.network.edges);
    let entries = ledger_decisions(run);
    for (number, name) in run.variants().into_iter().enumerate() {
        let Some(row) = run.row(name) else { continue };
        let decided = VariantDecisions::of(run, row, &entries);
        let panel = VariantPanel {
            name: name.to_string(),
            summary: headline(row, &decided.read),
            open: number == 1,
        };
        let drawing = (number < MOST_DRAWINGS).then_some(&drawing);
        section.panel(panel, |section| panel_blocks(run, row, &decided, drawing, section));
    }
    section
}

fn panel_blocks(
    run: &RunReport,
    row: &ResultRow,
    decided: &VariantDecisions,
    drawing: Option<&NetworkDrawing>,
    section: &mut PageSection,
) {
    let name = &row.variant.name;
    section.list(decided.unreadable());
    match drawing {
        _ if run.network.layers.is_empty() => {
            section.say("No drawing: the baseline's layers are not known.");
        }
        None => section.say(format!(
            "No drawing: the page draws {MOST_DRAWINGS} variants; overlay/{name} has the same for viewers of models."
        )),
        Some(drawing) => {
            let times = TimedTable::of(run, row);
            let title = format!("Layers of {name}; {}", TimedTable::words(times.as_ref()));
            let boxes = layer_boxes(run, row, &decided.read, times.as_ref());
            if let Some(drawn) = drawing.draw(&boxes, &format!("Layers of {name}")) {
                section.blocks.push(PageBlock::Drawing(PageDrawing::new(&drawn, title)));
            }
        }
    }
    let explanation = run.explanation(name);
    let (main, others): (Vec<_>, Vec<_>) =
        decided.read.iter().partition(|entered| entered.decision.piece().is_some());
    section.table(decisions_table("Decisions", &main, explanation));
    let summary = format!(
        "{} that accompany these: {}",
        count(others.len(), "decision"),
        operations(&others)
    );
    section.fold(summary, |section| {
        section.table(decisions_table("Accompanying decisions", &others, explanation));
    });
    if main.len().max(others.len()) > MOST_DECISIONS {
        section.say(format!(
            "The first {MOST_DECISIONS} decisions of each kind, of {} in all; all are in ledger.jsonl.",
            decided.read.len()
        ));
    }
    let refusals =
        row.variant.refusals.iter().map(|r| format!("not changed: {}: {}", r.what, r.reason));
    section.list(refusals.collect());
}

/// Operations of decisions, each with how many there are.
fn operations(decisions: &[&EnteredDecision]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for entered in decisions {
        *counts.entry(&entered.decision.operation).or_default() += 1;
    }
    let each = counts.iter().map(|(operation, count)| format!("{operation} ({count})"));
    each.collect::<Vec<_>>().join(", ")
}

/// Colours of precisions that occur, that of what was removed and that of time.
fn legend(run: &RunReport) -> Vec<LegendEntry> {
    let mixes = || run.rows.iter().flat_map(|row| row.variant.precision_mix.keys());
    let occurs = |class: &str| mixes().any(|name| name.starts_with(class));
    let all = [
        ("f32", "channels in float"),
        ("f16", "in 16-bit float"),
        ("int8", "in 8-bit integers"),
        ("int4", "weights in 4-bit integers"),
        ("gone", "removed"),
        ("time", "share of the time"),
    ];
    let always = ["f32", "gone", "time"];
    let shown = all.into_iter().filter(|(class, _)| always.contains(class) || occurs(class));
    shown.map(|(class, meaning)| LegendEntry { class, meaning }).collect()
}

fn headline(row: &ResultRow, decisions: &[EnteredDecision<'_>]) -> String {
    let recipe = match row.variant.recipe.is_empty() {
        true => "as given".to_string(),
        false => row.variant.recipe.join("; "),
    };
    format!(
        "{}: {recipe}. {} removed, weights {}, {}",
        row.variant.name,
        count(row.variant.removed_count(), "component"),
        row.variant.precision(),
        count(decisions.len(), "decision")
    )
}
