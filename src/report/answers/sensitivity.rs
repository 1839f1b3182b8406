//! The answer of `paring sensitivity`: cost and loss of each layer in each precision.

use paring_core::schema::{LayerSensitivity, PrecisionObjective, PrecisionTable};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Tables for a person.
pub fn sensitivity_text(tables: &[PrecisionTable]) -> String {
    tables.iter().flat_map(table_lines).collect::<Vec<_>>().join("\n")
}

/// Tables for a machine.
pub fn sensitivity_json(tables: &[PrecisionTable]) -> Value {
    let modules = tables.iter().map(|table| divergence_by_module(&table.sensitivity));
    json!({ "schema": 1, "tables": tables, "modules": modules.collect::<Vec<_>>() })
}

fn table_lines(table: &PrecisionTable) -> Vec<String> {
    let mut lines = vec![format!("{}, {}", table.target, table.engine)];
    lines.push(format!(
        "{:<28} {:<26} {:>9} {:>9} {:>8} {:>12} {:>7} {:>12} {:>8} {:>8}",
        "layer",
        "precision",
        "us",
        "us in f32",
        "SQNR dB",
        "nats alone",
        "flips",
        "nats saved",
        "points",
        "left out"
    ));
    let cell = |value: Option<f64>, scale: f64| {
        value.map_or(String::new(), |v| format!("{:.1}", v / scale))
    };
    let points =
        |change: Option<f64>| change.map_or(String::new(), |c| format!("{:+.2}", 100.0 * c));
    for s in &table.sensitivity {
        lines.push(format!(
            "{:<28} {:<26} {:>9} {:>9} {:>8} {:>12.2e} {:>7} {:>12} {:>8} {:>8}",
            s.layer,
            s.precision,
            cell(s.time_ns, 1e3),
            cell(s.float_ns, 1e3),
            cell(s.sqnr_db, 1.0),
            s.divergence,
            format!("{}/{}", s.flips, s.samples),
            s.divergence_saved_when_left_out.map_or(String::new(), |v| format!("{v:.2e}")),
            points(s.accuracy_change),
            points(s.accuracy_change_when_left_out)
        ));
    }
    let tried = |layer: &String| table.sensitivity.iter().any(|s| s.layer == *layer);
    let slow: Vec<&str> =
        table.layers_ns.keys().filter(|layer| !tried(layer)).map(String::as_str).collect();
    if !slow.is_empty() {
        lines.push(format!(
            "slower in every other precision by a quarter and more: {}",
            slow.join(", ")
        ));
    }
    lines.push(
        "by module: the sum of what its layers move the answers alone, the best precision of each"
            .into(),
    );
    for (module, nats) in divergence_by_module(&table.sensitivity) {
        lines.push(format!("  {module:<26} {nats:.2e} nats"));
    }
    confirmed_lines(table, &mut lines);
    lines
}

/// Measurements of the best assignments.
fn confirmed_lines(table: &PrecisionTable, lines: &mut Vec<String>) {
    let label = table.options.label();
    if !label.is_empty() && !table.confirmed.is_empty() {
        lines.push(format!("confirmed with the engine options {label}:"));
    }
    for one in &table.confirmed {
        let count = one.layers.len();
        if table.by == PrecisionObjective::Bytes {
            lines.push(format!(
                "confirmed: {count} layers narrow, {} bytes, {} of {} predictions changed",
                one.bytes, one.flips, one.samples
            ));
        }
        if let Some(s) = one.speedup {
            lines.push(format!(
                "confirmed: {count} layers narrow, foreseen {:.3} times f32, {:.3} [{:.3}, {:.3}] times the model as given, {} of {} predictions changed",
                one.float_ns / one.predicted_ns.max(1.0),
                s.value,
                s.low,
                s.high,
                one.flips,
                one.samples
            ));
        }
        if let (Some(own), Some(given)) = (one.energy_uj, table.given_uj) {
            lines.push(format!(
                "  {:.2} [{:.2}, {:.2}] uJ above idle, {:.2} [{:.2}, {:.2}] as given",
                own.value, own.low, own.high, given.value, given.low, given.high
            ));
        }
    }
}

/// Nats that the layers of each module move the answers by in their best precision, added up.
fn divergence_by_module(rows: &[LayerSensitivity]) -> BTreeMap<String, f64> {
    let mut layers: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    for s in rows {
        let least = layers.entry((&s.module, &s.layer)).or_insert(f64::INFINITY);
        *least = least.min(s.divergence);
    }
    let mut modules: BTreeMap<String, f64> = BTreeMap::new();
    for ((module, _), least) in layers {
        *modules.entry(module.to_string()).or_default() += least;
    }
    modules
}
