//! Time layer by layer, targets side by side, and each target's kernels and rooflines.

use crate::report::html::numbers::{bytes, count, nanoseconds};
use crate::report::html::page::{PageSection, PageTable, PageTableCell, VariantPanel, cut_caption};
use crate::report::html::run_report::RunReport;
use paring_core::schema::{LayerTable, LayerTime};
use std::collections::BTreeMap;

/// Layers of a table; the rest stands in layers.csv.
const MOST_LAYERS: usize = 300;
/// Variants whose layers stand in the page.
const MOST_VARIANTS: usize = 60;
/// Targets and batches that a summary names.
const MOST_HEADLINES: usize = 3;
/// Targets that a table has beside each other.
const MOST_TARGETS: usize = 12;
/// Tables of kernels and rooflines in the page.
const MOST_DETAILS: usize = 40;

/// A panel for every variant: times of its layers on every target.
pub(super) fn layer_panels(run: &RunReport, section: &mut PageSection) {
    let mut by_variant: BTreeMap<&str, Vec<&LayerTable>> = BTreeMap::new();
    for table in run.layers {
        by_variant.entry(&table.variant).or_default().push(table);
    }
    let mut details = 0;
    let measured =
        run.variants().into_iter().filter_map(|name| Some((name, by_variant.get(name)?)));
    for (number, (name, tables)) in measured.enumerate() {
        if number == MOST_VARIANTS {
            section.say(format!(
                "Layers of the first {MOST_VARIANTS} of {} variants; layers.csv has all.",
                by_variant.len()
            ));
            return;
        }
        let panel =
            VariantPanel { name: name.into(), summary: headline(name, tables), open: false };
        section.panel(panel, |section| {
            section.table(side_by_side(name, tables));
            for table in tables.iter().take(MOST_DETAILS.saturating_sub(details)) {
                let summary = format!("Kernels and roofline on {}", place(table));
                section.fold(summary, |section| section.table(detail_table(table)));
            }
            details += tables.len();
        });
    }
    if details > MOST_DETAILS {
        section.say(format!(
            "Kernels and rooflines of the first {MOST_DETAILS} of {details} variants and targets; layers.csv has all."
        ));
    }
}

/// The target, and the batch where it is not 1.
fn place(table: &LayerTable) -> String {
    match table.batch {
        1 => table.target.clone(),
        batch => format!("{}, batch {batch}", table.target),
    }
}

/// The layer that takes most time on each target.
fn headline(name: &str, tables: &[&LayerTable]) -> String {
    let most = tables.iter().take(MOST_HEADLINES).filter_map(|table| {
        let layer = table.layers.iter().max_by(|a, b| a.time_ns.total_cmp(&b.time_ns))?;
        Some(format!(
            "{} takes {:.0} % of {} on {}",
            layer.layer,
            100.0 * layer.share,
            nanoseconds(table.profiled_ns),
            place(table)
        ))
    });
    let more = match tables.len().saturating_sub(MOST_HEADLINES) {
        0 => String::new(),
        more => format!("; {} below", count(more, "further target")),
    };
    format!("{name}: {}{more}", most.collect::<Vec<_>>().join("; "))
}

/// One row a layer, one column a target; bars are shares of the longest time on that target.
fn side_by_side(name: &str, tables: &[&LayerTable]) -> PageTable {
    let shown = &tables[..tables.len().min(MOST_TARGETS)];
    let places: Vec<String> = shown.iter().map(|table| place(table)).collect();
    let header: Vec<&str> =
        ["layer", "operator"].into_iter().chain(places.iter().map(String::as_str)).collect();
    let rows = shown.first().map_or(&[][..], |table| table.layers.as_slice());
    let caption = caption(name, tables.len(), rows.len(), shown.first());
    let mut table = PageTable::new(&caption, &header).searchable();
    let longest = |table: &LayerTable| table.layers.iter().map(|l| l.time_ns).fold(0.0, f64::max);
    let times: Vec<(BTreeMap<usize, &LayerTime>, f64)> = shown
        .iter()
        .map(|table| (table.layers.iter().map(|l| (l.position, l)).collect(), longest(table)))
        .collect();
    for layer in rows.iter().take(MOST_LAYERS) {
        let cells = times.iter().map(|(own, longest)| match own.get(&layer.position) {
            None => PageTableCell::text("not timed"),
            Some(time) => {
                let text = format!("{} ({:.1} %)", nanoseconds(time.time_ns), 100.0 * time.share);
                PageTableCell::number(text).with_bar(time.time_ns / longest.max(1.0))
            }
        });
        let names = [PageTableCell::text(&layer.layer), PageTableCell::text(&layer.operator)];
        table.row("", names.into_iter().chain(cells).collect());
    }
    table
}

fn caption(name: &str, targets: usize, layers: usize, first: Option<&&LayerTable>) -> String {
    let runs = first.map_or(0, |table| table.runs);
    let mut caption = format!(
        "Time by layer of {name}, in the file's order: means over the faster half of {runs} profiled runs, which are slower than plain ones"
    );
    if layers > MOST_LAYERS {
        caption += &format!("; the first {MOST_LAYERS} of {layers} layers");
    }
    if targets > MOST_TARGETS {
        caption += &format!("; the first {MOST_TARGETS} of {targets} targets and batches");
    }
    caption
}

fn detail_table(table: &LayerTable) -> PageTable {
    let header = [
        "layer",
        "time",
        "copies and conversions",
        "operations per byte",
        "of the arithmetic peak",
        "of the bandwidth",
        "bound by",
        "kernels",
    ];
    let read = table.layers.iter().filter_map(|layer| layer.bytes).sum::<u64>();
    let caption = format!(
        "Layers of {} on {}: {} accounted for by layers of {} profiled; {} of weights and activations per inference",
        table.variant,
        place(table),
        nanoseconds(table.profiled_ns - table.outside_ns),
        nanoseconds(table.profiled_ns),
        bytes(read)
    );
    let caption = cut_caption(&caption, MOST_LAYERS, table.layers.len());
    let mut out = PageTable::new(&caption, &header);
    for layer in table.layers.iter().take(MOST_LAYERS) {
        let known = |of: Option<f64>, show: fn(f64) -> String| match of {
            None => PageTableCell::text("unknown"),
            Some(value) => PageTableCell::number(show(value)),
        };
        let percent: fn(f64) -> String = |share| format!("{:.0} %", 100.0 * share);
        out.row(
            "",
            vec![
                PageTableCell::text(&layer.layer),
                PageTableCell::number(nanoseconds(layer.time_ns)),
                PageTableCell::number(nanoseconds(layer.glue_ns)),
                known(layer.ops_per_byte, |ops| format!("{ops:.1}")),
                known(layer.compute_share, percent),
                known(layer.memory_share, percent),
                PageTableCell::text(layer.bound.as_deref().unwrap_or("unknown")),
                PageTableCell::text(layer.kernels.join(", ")),
            ],
        );
    }
    out
}
