//! Charts of quality against a cost, with intervals and the Pareto front.

use crate::report::ResultRow;
use crate::report::html::drawing::{
    AxisScale, Chart, ChartAxis, ChartMark, ChartValue, MarkShape, MarkTone,
};
use crate::report::html::numbers::{latency_interval, metric_change_interval, metric_value};
use crate::report::html::page::LegendEntry;
use crate::report::html::verdict::{change, is_worse};
use paring_core::schema::{Metric, SpeedVerdict};

/// A cost that a chart can have along x.
struct CostAxis {
    id: &'static str,
    title: &'static str,
    unit: &'static str,
    of: fn(&ResultRow) -> Option<ChartValue>,
}

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

/// Charts of one target; files are the same on every target, so only the first has theirs.
pub(super) fn charts(rows: &[&ResultRow], target: &str, number: usize) -> Vec<Chart> {
    let own = COSTS.iter().filter(|cost| number == 0 || cost.id != "size");
    own.map(|cost| chart(rows, cost, target, number)).collect()
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
    let drawn: Vec<usize> = front.iter().copied().filter(|index| !far.contains(index)).collect();
    let corners = front_corners(&points, &drawn);
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
            "{better} and to the left is better; select a mark to open the variant{absent}"
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
        marks: marks.chain(corners).collect(),
    }
}

/// Meaning of the marks' colours and lines.
pub(super) fn legend() -> Vec<LegendEntry> {
    let all = [
        ("better", "faster, quality not worse beyond noise"),
        ("worse", "slower, or quality worse"),
        ("unclear", "cannot tell"),
        ("reference", "baseline"),
        ("interval", "interval: 95 % for quality, 99 % for times"),
        ("front", "Pareto front"),
    ];
    all.into_iter().map(|(class, meaning)| LegendEntry { class, meaning }).collect()
}

/// The line along the Pareto front: level until the next better point, then up or down to it.
fn front_corners(points: &[(f64, f64)], front: &[usize]) -> Vec<ChartMark> {
    let mut on_front: Vec<(f64, f64)> = front.iter().map(|index| points[*index]).collect();
    on_front.sort_by(|a, b| a.0.total_cmp(&b.0));
    on_front.dedup();
    let steps = on_front.windows(2).flat_map(|pair| [(pair[1].0, pair[0].1), pair[1]]);
    let first = on_front.first().copied().into_iter();
    let corner = |(x, y): (f64, f64)| ChartMark {
        shape: MarkShape::Corner,
        x: ChartValue::exact(x),
        y: ChartValue::exact(y),
        from: 0.0,
        label: String::new(),
        note: "Pareto front".into(),
        tone: MarkTone::Plain,
        selects: None,
    };
    let corners: Vec<ChartMark> = first.chain(steps).map(corner).collect();
    if corners.len() > 1 { corners } else { vec![] }
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
    fn the_front_is_a_staircase() {
        let points = [(200.0, 99.2), (102.0, 98.7), (145.0, 99.2), (150.0, 53.0)];
        let corners = front_corners(&points, &pareto_front(&points, true));
        let places: Vec<(f64, f64)> = corners.iter().map(|m| (m.x.value, m.y.value)).collect();
        assert_eq!(places, [(102.0, 98.7), (145.0, 98.7), (145.0, 99.2)]);
        assert!(front_corners(&points[..1], &[0]).is_empty(), "a point is no line");
    }

    #[test]
    fn what_would_squeeze_the_others_is_far_behind() {
        assert_eq!(far_behind(&[99.2, 99.2, 53.5, 98.7, 99.5], true), [2]);
        assert_eq!(far_behind(&[99.0, 95.0, 80.0, 50.0], true), [0usize; 0]);
        assert_eq!(far_behind(&[0.1, 0.11, 0.12, 9.0], false), [3]);
        assert_eq!(far_behind(&[], true), [0usize; 0]);
    }
}
