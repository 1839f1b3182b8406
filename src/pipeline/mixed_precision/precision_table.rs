//! Readings of a precision table: prices, errors, the best assignment, and all of it in words.

use paring_agent::measure::PRACTICAL_MARGIN;
use paring_core::number_format::counted;
use paring_core::schema::{
    LayerPrecision, MeasuredAssignment, PrecisionObjective, PrecisionTable, RejectedAlternative,
};
use paring_data::CsvTable;
use std::collections::BTreeMap;

/// Columns of the table of single layers' sensitivity.
const SENSITIVITY_COLUMNS: [&str; 12] = [
    "layer",
    "module",
    "precision",
    "time_ns",
    "float_ns",
    "sqnr_db",
    "divergence_nats",
    "flips",
    "divergence_saved_when_left_out_nats",
    "accuracy_change",
    "accuracy_change_when_left_out",
    "samples",
];

/// Cost of each layer in each precision: bytes where the choice goes by them, else times.
pub(super) fn costs(table: &PrecisionTable) -> &BTreeMap<String, BTreeMap<LayerPrecision, f64>> {
    match table.by {
        PrecisionObjective::Bytes => &table.layers_bytes,
        PrecisionObjective::Latency | PrecisionObjective::Energy => &table.layers_ns,
    }
}

/// Prices of the choices that were tried on the answers: nanoseconds, picojoules or bytes.
pub(super) fn prices(table: &PrecisionTable) -> BTreeMap<String, BTreeMap<LayerPrecision, f64>> {
    of_those_tried(table, &|scheme| power(table, scheme))
}

/// The same, in nanoseconds; nothing where none were measured.
pub(super) fn times(table: &PrecisionTable) -> BTreeMap<String, BTreeMap<LayerPrecision, f64>> {
    match table.by {
        PrecisionObjective::Bytes => BTreeMap::new(),
        PrecisionObjective::Latency | PrecisionObjective::Energy => of_those_tried(table, &|_| 1.0),
    }
}

/// Price of a nanosecond in a precision.
fn power(table: &PrecisionTable, scheme: LayerPrecision) -> f64 {
    table.power_mw.get(&scheme).copied().unwrap_or(1.0)
}

fn of_those_tried(
    table: &PrecisionTable,
    each_unit: &dyn Fn(LayerPrecision) -> f64,
) -> BTreeMap<String, BTreeMap<LayerPrecision, f64>> {
    let each = |costs: &BTreeMap<LayerPrecision, f64>| {
        let priced = costs.iter().map(|(scheme, cost)| (*scheme, cost * each_unit(*scheme)));
        priced.collect::<BTreeMap<LayerPrecision, f64>>()
    };
    let mut prices: BTreeMap<String, BTreeMap<LayerPrecision, f64>> =
        costs(table).iter().map(|(layer, costs)| (layer.clone(), each(costs))).collect();
    // What was not tried on the answers is no choice.
    let tried = errors(table);
    for (layer, choices) in &mut prices {
        let own = tried.get(layer);
        choices
            .retain(|s, _| *s == LayerPrecision::F32 || own.is_some_and(|own| own.contains_key(s)));
    }
    prices
}

pub(super) fn errors(table: &PrecisionTable) -> BTreeMap<String, BTreeMap<LayerPrecision, f64>> {
    let mut errors: BTreeMap<String, BTreeMap<LayerPrecision, f64>> = BTreeMap::new();
    for one in &table.sensitivity {
        errors.entry(one.layer.clone()).or_default().insert(one.precision, one.divergence);
    }
    errors
}

pub(super) fn quantize(table: &PrecisionTable) -> impl Fn(usize) -> f64 + '_ {
    move |elements| between(&table.quantize_ns, elements)
}

pub(super) fn dequantize(table: &PrecisionTable) -> impl Fn(usize) -> f64 + '_ {
    move |elements| between(&table.dequantize_ns, elements)
}

/// The best assignment by the table's objective.
pub(super) fn best_assignment(table: &PrecisionTable) -> Option<&MeasuredAssignment> {
    match table.by {
        PrecisionObjective::Latency => fastest(table),
        PrecisionObjective::Energy => thriftiest(table),
        PrecisionObjective::Bytes => {
            let kept = table.confirmed.iter().filter(|c| c.acceptable || c.layers.is_empty());
            kept.min_by_key(|c| c.bytes).filter(|c| !c.layers.is_empty())
        }
    }
}

/// The fastest that is faster than the graph as given beyond noise and keeps the predictions;
/// narrow layers must beat those in float beyond noise too.
fn fastest(table: &PrecisionTable) -> Option<&MeasuredAssignment> {
    let margin = 1.0 + PRACTICAL_MARGIN;
    let float = table.confirmed.iter().find(|c| c.layers.is_empty());
    let of_float = float.and_then(|c| c.speedup).map_or(1.0, |s| s.value);
    let sure = |c: &&MeasuredAssignment| {
        let least = if c.layers.is_empty() { margin } else { margin * of_float.max(1.0) };
        c.acceptable && c.speedup.is_some_and(|s| s.low > least)
    };
    let by = |c: &MeasuredAssignment| c.speedup.map_or(0.0, |s| s.value);
    table.confirmed.iter().filter(sure).max_by(|a, b| by(a).total_cmp(&by(b)))
}

/// The one with the least energy that takes less than the graph as given and than all layers in
/// float beyond what windows differ by, and keeps the predictions.
fn thriftiest(table: &PrecisionTable) -> Option<&MeasuredAssignment> {
    let given = table.given_uj?;
    let float = table.confirmed.iter().find(|c| c.layers.is_empty());
    let of_float = float.and_then(|c| c.energy_uj).map_or(f64::INFINITY, |e| e.low);
    let sure = |c: &&MeasuredAssignment| {
        let most = if c.layers.is_empty() { given.low } else { given.low.min(of_float) };
        c.acceptable && c.energy_uj.is_some_and(|e| e.high < most)
    };
    let by = |c: &MeasuredAssignment| c.energy_uj.map_or(f64::INFINITY, |e| e.value);
    table.confirmed.iter().filter(sure).min_by(|a, b| by(a).total_cmp(&by(b)))
}

/// Cost and loss of a layer in a precision, in words.
pub(super) fn cost_in_words(table: &PrecisionTable, layer: &str, scheme: LayerPrecision) -> String {
    let of = |scheme: LayerPrecision| {
        costs(table).get(layer).and_then(|costs| costs.get(&scheme)).copied().unwrap_or(0.0)
    };
    let (cost, float) = (of(scheme), of(LayerPrecision::F32));
    let tried = table.sensitivity.iter().find(|s| s.layer == layer && s.precision == scheme);
    let lost = match tried {
        Some(s) => format!(
            "; alone it moves the answers by {:.1e} nats and {} of {} predictions",
            s.divergence, s.flips, s.samples
        ),
        None if scheme == LayerPrecision::F32 => String::new(),
        None if table.by == PrecisionObjective::Bytes => "; not smaller".into(),
        None => "; too slow to be tried".into(),
    };
    let drawn = |scheme| {
        let power = table.power_mw.get(&scheme);
        power.map_or_else(String::new, |mw| format!(" at {mw:.0} mW above idle"))
    };
    match table.by {
        PrecisionObjective::Bytes => {
            format!("{cost:.0} bytes of the file, {float:.0} in f32{lost}")
        }
        PrecisionObjective::Latency | PrecisionObjective::Energy => format!(
            "{:.1} µs{}, {:.1} µs{} in f32{lost}",
            cost / 1e3,
            drawn(scheme),
            float / 1e3,
            drawn(LayerPrecision::F32)
        ),
    }
}

pub(super) fn rejected_assignments(
    table: &PrecisionTable,
    best: Option<&MeasuredAssignment>,
) -> Vec<RejectedAlternative> {
    let others = table.confirmed.iter().filter(|c| best != Some(*c));
    others
        .map(|c| RejectedAlternative { what: assignment_in_words(c), why: verdict_in_words(c) })
        .collect()
}

pub(super) fn reason_in_words(table: &PrecisionTable, best: Option<&MeasuredAssignment>) -> String {
    match best {
        None => match table.by {
            PrecisionObjective::Latency => "nothing that keeps the predictions is faster beyond noise: the model stays as it is".into(),
            PrecisionObjective::Energy => "nothing that keeps the predictions takes less energy beyond what windows differ by: the model stays as it is".into(),
            PrecisionObjective::Bytes => "nothing that keeps the predictions is smaller: the model stays as it is".into(),
        },
        Some(one) if table.by == PrecisionObjective::Bytes => {
            let float = table.confirmed.iter().find(|c| c.layers.is_empty());
            let before = float.map_or(0, |c| c.bytes);
            format!("{}: {}, {before} bytes in float", assignment_in_words(one), verdict_in_words(one))
        }
        Some(one) if table.by == PrecisionObjective::Energy => {
            let before = table.given_uj.map_or(0.0, |e| e.value);
            format!("{}: {}, {before:.2} uJ as given", assignment_in_words(one), verdict_in_words(one))
        }
        Some(one) => {
            let foreseen = one.float_ns / one.predicted_ns.max(1.0);
            let float = table.confirmed.iter().find(|c| c.layers.is_empty());
            let of_float = float.and_then(|f| Some(one.speedup?.value / f.speedup?.value));
            let gap = of_float.map_or_else(String::new, |found| {
                format!(
                    "; layers and conversions added up said {foreseen:.3} times f32, end to end it is {found:.3}: the gap of adding up is {:+.1} %",
                    100.0 * (found / foreseen - 1.0)
                )
            });
            format!("{}: {}{gap}", assignment_in_words(one), verdict_in_words(one))
        }
    }
}

/// With which engine options the best one is run.
pub(super) fn engine_in_words(table: &PrecisionTable, best: Option<&MeasuredAssignment>) -> String {
    match table.options.label() {
        label if best.is_some() && !label.is_empty() => format!("; engine {label}"),
        _ => String::new(),
    }
}

/// One row a layer and precision.
///
/// # Errors
/// Those of [`CsvTable`].
pub(super) fn sensitivity_csv(table: &PrecisionTable) -> std::io::Result<Vec<u8>> {
    let number = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
    let mut csv = CsvTable::default();
    csv.row(SENSITIVITY_COLUMNS)?;
    for s in &table.sensitivity {
        csv.row([
            s.layer.clone(),
            s.module.clone(),
            s.precision.to_string(),
            number(s.time_ns),
            number(s.float_ns),
            number(s.sqnr_db),
            s.divergence.to_string(),
            s.flips.to_string(),
            number(s.divergence_saved_when_left_out),
            number(s.accuracy_change),
            number(s.accuracy_change_when_left_out),
            s.samples.to_string(),
        ])?;
    }
    csv.finish()
}

pub(super) fn assignment_in_words(of: &MeasuredAssignment) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    of.layers.values().for_each(|s| *counts.entry(s.name()).or_default() += 1);
    let each: Vec<String> =
        counts.iter().map(|(p, n)| format!("{} {p}", counted(*n as u64, "layer"))).collect();
    if each.is_empty() { "all layers f32, normalisations folded".into() } else { each.join(", ") }
}

pub(super) fn verdict_in_words(of: &MeasuredAssignment) -> String {
    let speed = of.speedup.map_or_else(
        || format!("{} bytes", of.bytes),
        |s| format!("{:.3} [{:.3}, {:.3}] times as fast", s.value, s.low, s.high),
    );
    let energy = of.energy_uj.map_or_else(String::new, |e| {
        format!(", {:.2} [{:.2}, {:.2}] uJ above idle", e.value, e.low, e.high)
    });
    let lost = if of.acceptable { "" } else { ", too many" };
    format!(
        "{speed}{energy}, {:.1e} nats, {} of {} predictions changed{lost}",
        of.divergence, of.flips, of.samples
    )
}

/// Between two sizes that were timed a straight line, beyond them in proportion.
fn between(timed: &[(u64, f64)], elements: usize) -> f64 {
    let at = elements as f64;
    match timed {
        [] => 0.0,
        [(_, only)] => *only,
        _ => {
            let right = timed.iter().position(|(n, _)| *n as f64 >= at).unwrap_or(timed.len() - 1);
            let right = right.max(1);
            let ((n0, t0), (n1, t1)) = (timed[right - 1], timed[right]);
            let slope = (t1 - t0) / (n1 - n0) as f64;
            (t0 + slope * (at - n0 as f64)).max(0.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_between_and_beyond_sizes_are_on_lines() {
        let timed = [(100, 10.0), (200, 30.0), (400, 50.0)];
        assert_eq!(between(&timed, 150), 20.0);
        assert_eq!(between(&timed, 800), 90.0);
        assert_eq!(between(&timed, 0), 0.0);
    }
}
