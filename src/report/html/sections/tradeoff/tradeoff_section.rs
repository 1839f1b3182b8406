//! The section: tables of all variants, target by target, and their charts.

use super::pareto_charts::{charts, legend};
use crate::report::ResultRow;
use crate::report::html::numbers::{
    bytes, latency_interval, metric_change_interval, metric_value, ratio,
};
use crate::report::html::page::{CellTone, PageBlock, PageSection, PageTable, PageTableCell};
use crate::report::html::run_report::RunReport;
use crate::report::html::verdict::{change, is_worse};
use paring_core::schema::SpeedVerdict;
use std::collections::BTreeMap;

/// Targets whose charts stand in the page.
const MOST_CHARTED: usize = 6;

/// The section.
pub fn section(run: &RunReport) -> PageSection {
    let mut section = PageSection::new("tradeoff", "Trade-off");
    let targets = run.targets();
    if targets.len() > 1 {
        section.table(boards_table(run, &targets));
    }
    for (number, target) in targets.iter().enumerate() {
        let rows = rows_on(run, target);
        let fill = |section: &mut PageSection| {
            section.table(table(&rows, target));
            for sentence in missing_sentences(&rows) {
                section.say(sentence);
            }
            if number < MOST_CHARTED {
                section.blocks.push(PageBlock::Legend(legend()));
                section.charts(&charts(&rows, target, number));
            } else {
                section.say(format!("No charts: the page draws those of {MOST_CHARTED} targets."));
            }
        };
        match number {
            0 => {
                section.head(format!("On {target}"));
                fill(&mut section);
            }
            _ => section.fold(format!("On {target}"), fill),
        }
    }
    section
}

fn rows_on<'a>(run: &'a RunReport, target: &str) -> Vec<&'a ResultRow> {
    run.rows.iter().filter(|row| row.target == target).collect()
}

/// Speed-up of every variant on every target, side by side.
fn boards_table(run: &RunReport, targets: &[&str]) -> PageTable {
    let header: Vec<&str> = ["variant"].into_iter().chain(targets.iter().copied()).collect();
    let caption = "Speed-up (baseline over variant) on every target, 99 % intervals";
    let mut table = PageTable::new(caption, &header).searchable();
    let mut by_label: Vec<(&str, String, BTreeMap<&str, &ResultRow>)> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for row in run.variant_rows() {
        let label = row.label();
        let place = *places.entry(label.clone()).or_insert_with(|| {
            by_label.push((&row.variant.name, label, BTreeMap::new()));
            by_label.len() - 1
        });
        if let Some((.., found)) = by_label.get_mut(place) {
            found.insert(&row.target, row);
        }
    }
    for (variant, label, found) in by_label {
        let cells = targets.iter().map(|target| match found.get(target) {
            None => PageTableCell::text("not measured"),
            Some(row) => speed_cell(row),
        });
        table.row(variant, [PageTableCell::text(label)].into_iter().chain(cells).collect());
    }
    table
}

/// Speed-up with its interval, coloured by its verdict.
fn speed_cell(row: &ResultRow) -> PageTableCell {
    let Ok(speed) = &row.measurement.speed else { return PageTableCell::text("none") };
    let [value, low, high] =
        [speed.speedup.value, speed.speedup.low, speed.speedup.high].map(ratio);
    let tone = match speed.verdict {
        SpeedVerdict::Faster => CellTone::Better,
        SpeedVerdict::Slower => CellTone::Worse,
        SpeedVerdict::CannotTell => CellTone::Unclear,
    };
    PageTableCell::number(format!("{value} (99 % CI {low} to {high})")).toned(tone)
}

fn table(rows: &[&ResultRow], target: &str) -> PageTable {
    let header = [
        "variant",
        "speed-up",
        "verdict",
        "change of quality",
        "quality",
        "median latency",
        "file",
        "peak memory",
        "precision",
        "weights removed",
        "energy above idle",
    ];
    let shown = header.len() - usize::from(!has_energy(rows));
    let caption = format!("All variants on {target}");
    let mut table = PageTable::new(&caption, &header[..shown]).searchable();
    for row in rows {
        let names = vec![PageTableCell::text(row.label())];
        let mut cells = [names, speed_cells(row), quality_cells(row), cost_cells(row)].concat();
        cells.truncate(shown);
        table.row(&row.variant.name, cells);
    }
    table
}

fn has_energy(rows: &[&ResultRow]) -> bool {
    rows.iter().any(|row| row.measurement.energy.is_ok())
}

/// Reasons for verdicts and energy that the table lacks, each once with the variants that it holds for.
fn missing_sentences(rows: &[&ResultRow]) -> Vec<String> {
    let mut variants: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.variant.parent.is_some()) {
        if let Err(why) = &row.measurement.speed {
            variants.entry(why.0.as_str()).or_default().push(row.label());
        }
    }
    let verdicts =
        variants.iter().map(|(why, names)| format!("No verdict for {}: {why}.", names.join(", ")));
    let energy = rows.iter().find_map(|row| row.measurement.energy.as_ref().err());
    let energy = energy.filter(|_| !has_energy(rows)).map(|why| format!("No energy: {}.", why.0));
    verdicts.chain(energy).collect()
}

fn none(why: &str) -> PageTableCell {
    PageTableCell::text(format!("none: {why}"))
}

/// Speed-up and its verdict.
fn speed_cells(row: &ResultRow) -> Vec<PageTableCell> {
    let speedup = speed_cell(row);
    let verdict = match (&row.measurement.speed, &row.variant.parent) {
        (Ok(speed), _) => PageTableCell::text(speed.verdict.to_string()).toned(speedup.tone),
        (Err(_), None) => PageTableCell::text("baseline"),
        (Err(_), Some(_)) => PageTableCell::text("none"),
    };
    vec![speedup, verdict]
}

/// Change of quality, and quality.
fn quality_cells(row: &ResultRow) -> Vec<PageTableCell> {
    let number = PageTableCell::number;
    let score = row.evaluation.as_ref().and_then(|e| Some((e.primary, e.metrics.get(&e.primary)?)));
    let quality = match (score, &row.evaluation_missing) {
        (Some((metric, score)), _) => number(metric_value(metric, score.value.value)),
        (None, why) => none(why.as_ref().map_or("not evaluated", |why| why.0.as_str())),
    };
    let change = score.zip(change(row)).map_or_else(
        || PageTableCell::text("none"),
        |((metric, _), change)| {
            let tone = match (change.excludes_zero(), is_worse(row, change)) {
                (false, _) => CellTone::Unclear,
                (true, true) => CellTone::Worse,
                (true, false) => CellTone::Better,
            };
            number(metric_change_interval(metric, change)).toned(tone)
        },
    );
    vec![change, quality]
}

/// Latency, size, memory, precision, share of weights removed and energy.
fn cost_cells(row: &ResultRow) -> Vec<PageTableCell> {
    let number = PageTableCell::number;
    let measurement = &row.measurement;
    let latency = measurement.latency.as_ref();
    let peak = latency.ok().and_then(|l| l.peak_rss_bytes);
    let energy = measurement.energy.as_ref().map_or_else(
        |why| none(&why.0),
        |energy| {
            let e = energy.per_inference_uj;
            number(format!("{:.2} µJ ({:.2} to {:.2})", e.value, e.low, e.high))
        },
    );
    vec![
        latency.map_or_else(|why| none(&why.0), |l| number(latency_interval(l.p50_ns))),
        number(bytes(row.variant.file_bytes)),
        peak.map_or_else(|| none("not measured"), |bytes| number(bytes.to_string())),
        PageTableCell::text(row.variant.precision()),
        number(format!("{:.1} %", row.params_removed_pct()).replace('-', "−")),
        energy,
    ]
}
