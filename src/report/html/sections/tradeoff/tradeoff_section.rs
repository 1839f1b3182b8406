//! Quality against latency, energy, memory and size, per target, with intervals and the Pareto front.

use crate::report::ResultRow;
use crate::report::html::drawing::{
    AxisScale, Chart, ChartAxis, ChartMark, ChartValue, MarkShape, MarkTone,
};
use crate::report::html::numbers::{
    bytes, latency_interval, metric_change_interval, metric_value, ratio,
};
use crate::report::html::page::{CellTone, PageSection, PageTable, PageTableCell};
use crate::report::html::run_report::RunReport;
use crate::report::html::verdict::{change, is_worse};
use paring_core::schema::{Metric, SpeedVerdict};
use std::collections::BTreeMap;

/// A cost that a chart can have along x.
struct CostAxis {
    id: &'static str,
    title: &'static str,
    unit: &'static str,
    of: fn(&ResultRow) -> Option<ChartValue>,
}

/// Targets whose charts stand in the page.
const MOST_CHARTED: usize = 6;
/// Points of a chart that bear their name.
const MOST_NAMED: usize = 40;

const COSTS: [CostAxis; 4] = [
    CostAxis { id: "latency", title: "median latency per inference", unit: "µs", of: latency },
    CostAxis { id: "energy", title: "energy per inference above idle", unit: "µJ", of: energy },
    CostAxis { id: "memory", title: "peak memory of the process", unit: "MiB", of: memory },
    CostAxis { id: "size", title: "file size", unit: "KiB", of: size },
];

fn latency(row: &ResultRow) -> Option<ChartValue> {
    let p50 = row.measurement.latency.as_ref().ok()?.p50_ns;
    Some(ChartValue { value: p50.value / 1e3, bounds: Some((p50.low / 1e3, p50.high / 1e3)) })
}

fn energy(row: &ResultRow) -> Option<ChartValue> {
    let energy = row.measurement.energy.as_ref().ok()?.per_inference_uj;
    Some(ChartValue { value: energy.value, bounds: Some((energy.low, energy.high)) })
}

fn memory(row: &ResultRow) -> Option<ChartValue> {
    let peak = row.measurement.latency.as_ref().ok()?.peak_rss_bytes?;
    Some(ChartValue::exact(peak.0 as f64 / 1_048_576.0))
}

fn size(row: &ResultRow) -> Option<ChartValue> {
    Some(ChartValue::exact(row.variant.file_bytes as f64 / 1024.0))
}

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

/// Charts of one target; files are the same on every target, so only the first has theirs.
fn charts(rows: &[&ResultRow], target: &str, number: usize) -> Vec<Chart> {
    let own = COSTS.iter().filter(|cost| number == 0 || cost.id != "size");
    own.map(|cost| chart(rows, cost, target, number)).collect()
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

/// The primary metric's value with its interval.
fn quality(row: &ResultRow) -> Option<(Metric, ChartValue)> {
    let evaluation = row.evaluation.as_ref()?;
    let score = evaluation.metrics.get(&evaluation.primary)?.value;
    let factor = if evaluation.primary.is_share() { 100.0 } else { 1.0 };
    let value = ChartValue {
        value: factor * score.value,
        bounds: Some((factor * score.low, factor * score.high)),
    };
    Some((evaluation.primary, value))
}

fn chart(rows: &[&ResultRow], cost: &CostAxis, target: &str, number: usize) -> Chart {
    let known: Vec<(&ResultRow, Metric, ChartValue, ChartValue)> = rows
        .iter()
        .filter_map(|row| {
            let (metric, quality) = quality(row)?;
            Some((*row, metric, (cost.of)(row)?, quality))
        })
        .collect();
    let qualities: Vec<f64> = known.iter().map(|(.., quality)| quality.value).collect();
    let metric = known.first().map_or(Metric::Accuracy, |(_, metric, ..)| *metric);
    let points: Vec<(f64, f64)> = known.iter().map(|(_, _, x, y)| (x.value, y.value)).collect();
    let front = pareto_front(&points, metric.higher_is_better());
    let better = if metric.higher_is_better() { "Up" } else { "Down" };
    let far = far_behind(&qualities, metric.higher_is_better());
    let named = known.len() <= MOST_NAMED;
    let marks = known.iter().enumerate().filter(|(index, _)| !far.contains(index)).map(
        |(index, (row, metric, x, y))| ChartMark {
            shape: MarkShape::Point,
            x: *x,
            y: *y,
            from: 0.0,
            label: if named { row.label() } else { String::new() },
            note: match named {
                true => note(row, *metric, front.contains(&index)),
                false => format!("{}: {}", row.label(), note(row, *metric, front.contains(&index))),
            },
            tone: tone(row),
            selects: Some(row.variant.name.clone()),
        },
    );
    let unit = if metric.is_share() { "%" } else { "" };
    let absent = far.iter().filter_map(|index| known.get(*index));
    let absent: Vec<String> = absent
        .map(|(row, metric, ..)| format!("{} ({})", row.label(), primary_value(row, *metric)))
        .collect();
    let absent = match absent.is_empty() {
        true => String::new(),
        false => format!(". Not drawn, because far behind the others: {}", absent.join(", ")),
    };
    Chart {
        id: format!("tradeoff-{number}-{}", cost.id),
        title: format!("{metric} against {} on {target}", cost.title),
        summary: format!(
            "Lines are intervals: 95 % for quality, 99 % for times. {better} and to the left is better; select a mark to open the variant{absent}"
        ),
        x: ChartAxis {
            title: cost.title.into(),
            unit: cost.unit.into(),
            scale: AxisScale::Linear { zero: cost.id == "latency" },
        },
        y: ChartAxis {
            title: metric.to_string(),
            unit: unit.into(),
            scale: AxisScale::Linear { zero: false },
        },
        marks: marks.collect(),
    }
}

/// The primary metric's value in words.
fn primary_value(row: &ResultRow, metric: Metric) -> String {
    let score = row.evaluation.as_ref().and_then(|e| e.metrics.get(&metric));
    score.map_or_else(String::new, |score| metric_value(metric, score.value.value))
}

/// Positions of values so far behind the best that a chart with them would show nothing of the others:
/// beyond four times the distance within which three quarters of all lie.
fn far_behind(values: &[f64], higher_is_better: bool) -> Vec<usize> {
    let best = values.iter().copied().fold(f64::NAN, |best, value| match higher_is_better {
        true => best.max(value),
        false => best.min(value),
    });
    let behind = |value: &f64| (best - value).abs();
    let mut sorted: Vec<f64> = values.iter().map(behind).collect();
    sorted.sort_by(f64::total_cmp);
    let Some(most) = sorted.get((values.len() * 3).div_ceil(4).saturating_sub(1)) else {
        return vec![];
    };
    let limit = 4.0 * most.max(0.01 * best.abs());
    (0..values.len()).filter(|index| behind(&values[*index]) > limit).collect()
}

fn note(row: &ResultRow, metric: Metric, on_front: bool) -> String {
    let mut parts = Vec::new();
    if let Ok(latency) = &row.measurement.latency {
        parts.push(latency_interval(latency.p50_ns));
    }
    if let Some(change) = change(row) {
        parts.push(format!("{metric} {}", metric_change_interval(metric, change)));
    }
    parts
        .push(if on_front { "on the Pareto front" } else { "dominated by another variant" }.into());
    parts.join("; ")
}

fn tone(row: &ResultRow) -> MarkTone {
    if row.variant.parent.is_none() {
        return MarkTone::Reference;
    }
    match (&row.measurement.speed, change(row)) {
        (_, Some(change)) if is_worse(row, change) => MarkTone::Worse,
        (Ok(speed), _) if speed.verdict == SpeedVerdict::Faster => MarkTone::Better,
        (Ok(speed), _) if speed.verdict == SpeedVerdict::Slower => MarkTone::Worse,
        _ => MarkTone::Unclear,
    }
}

/// Positions of points that no other beats in both coordinates: smaller x, better y.
fn pareto_front(points: &[(f64, f64)], higher_is_better: bool) -> Vec<usize> {
    let better = |a: f64, b: f64| if higher_is_better { a > b } else { a < b };
    let beats = |a: &(f64, f64), b: &(f64, f64)| {
        a.0 <= b.0 && !better(b.1, a.1) && (a.0 < b.0 || better(a.1, b.1))
    };
    let alone = |i: &usize| !points.iter().any(|other| beats(other, &points[*i]));
    (0..points.len()).filter(alone).collect()
}

fn table(rows: &[&ResultRow], target: &str) -> PageTable {
    let header = [
        "variant",
        "precision",
        "weights removed",
        "quality",
        "change against the baseline",
        "median latency",
        "speed-up",
        "verdict",
        "peak memory",
        "file",
        "energy above idle",
    ];
    let shown = header.len() - usize::from(!has_energy(rows));
    let caption = format!("All variants on {target}");
    let mut table = PageTable::new(&caption, &header[..shown]).searchable();
    for row in rows {
        let mut cells = [quality_cells(row), cost_cells(row)].concat();
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

/// Name, precision, share of weights removed, quality and its change.
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
    vec![
        PageTableCell::text(row.label()),
        PageTableCell::text(row.variant.precision()),
        number(format!("{:.1} %", row.params_removed_pct())),
        quality,
        change,
    ]
}

/// Latency, speed-up and its verdict, memory, size and energy.
fn cost_cells(row: &ResultRow) -> Vec<PageTableCell> {
    let number = PageTableCell::number;
    let measurement = &row.measurement;
    let latency = measurement.latency.as_ref();
    let speed = measurement.speed.as_ref();
    let speedup = speed_cell(row);
    let verdict = match (speed, &row.variant.parent) {
        (Ok(speed), _) => PageTableCell::text(speed.verdict.to_string()).toned(speedup.tone),
        (Err(_), None) => PageTableCell::text("baseline"),
        (Err(_), Some(_)) => PageTableCell::text("none"),
    };
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
        speedup,
        verdict,
        peak.map_or_else(|| none("not measured"), |bytes| number(bytes.to_string())),
        number(bytes(row.variant.file_bytes)),
        energy,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_holds_what_nothing_beats() {
        let points = [(200.0, 99.2), (145.0, 99.2), (102.0, 98.7), (150.0, 53.0), (145.0, 99.2)];
        assert_eq!(pareto_front(&points, true), [1, 2, 4]);
        assert_eq!(pareto_front(&[(1.0, 0.5), (2.0, 0.1), (2.0, 0.7)], false), [0, 1]);
    }

    #[test]
    fn what_would_squeeze_the_others_is_far_behind() {
        assert_eq!(far_behind(&[99.2, 99.2, 53.5, 98.7, 99.5], true), [2]);
        assert_eq!(far_behind(&[99.0, 95.0, 80.0, 50.0], true), [0usize; 0]);
        assert_eq!(far_behind(&[0.1, 0.11, 0.12, 9.0], false), [3]);
        assert_eq!(far_behind(&[], true), [0usize; 0]);
    }
}
