//! The answer of `paring sensitivity`: cost and loss of each layer in each precision.

use crate::report::interval_text::interval_text;
use crate::report::terminal::TerminalLayout;
use crate::report::terminal::layout::text_table::{TextColumn, cell, fitted};
use paring_core::number_format::{counted, decimal, signed};
use paring_core::schema::{LayerSensitivity, PrecisionObjective, PrecisionTable};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Tables for a person.
pub fn sensitivity_text(tables: &[PrecisionTable], layout: TerminalLayout) -> String {
    let each = tables.iter().map(|table| {
        let title = layout.prose(&format!("{}, {}", table.target, table.engine));
        let rows = fitted(columns(&table.sensitivity), layout);
        format!("{title}\n{rows}{}", layout.lines(lines_below(table)))
    });
    each.collect::<Vec<_>>().join("\n\n")
}

/// Tables for a machine.
pub fn sensitivity_json(tables: &[PrecisionTable]) -> Value {
    let modules = tables.iter().map(|table| divergence_by_module(&table.sensitivity));
    json!({ "schema": 1, "tables": tables, "modules": modules.collect::<Vec<_>>() })
}

fn columns(rows: &[LayerSensitivity]) -> Vec<TextColumn> {
    let figures = |heading: &str, rank: u8, of: &dyn Fn(&LayerSensitivity) -> Option<String>| {
        let cells = rows.iter().map(|row| cell(of(row).unwrap_or_default()));
        TextColumn::figures(heading, rank, cells)
    };
    let us = |ns: f64| format!("{:.1}", ns / 1e3);
    let points = |change: f64| signed(100.0 * change, 2);
    vec![
        TextColumn::text("layer", 0, rows.iter().map(|row| cell(&row.layer))),
        TextColumn::text("precision", 0, rows.iter().map(|row| cell(row.precision))),
        figures("time, µs", 0, &|row| row.time_ns.map(us)),
        figures("in f32, µs", 1, &|row| row.float_ns.map(us)),
        figures("SQNR, dB", 4, &|row| row.sqnr_db.map(|db| format!("{db:.1}"))),
        figures("alone, nats", 0, &|row| Some(format!("{:.2e}", row.divergence))),
        figures("flips", 2, &|row| Some(format!("{}/{}", row.flips, row.samples))),
        figures("saved, nats", 5, &|row| {
            row.divergence_saved_when_left_out.map(|nats| format!("{nats:.2e}"))
        }),
        figures("alone, points", 3, &|row| row.accuracy_change.map(points)),
        figures("left out, points", 6, &|row| row.accuracy_change_when_left_out.map(points)),
    ]
}

fn lines_below(table: &PrecisionTable) -> Vec<String> {
    let mut lines = Vec::new();
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
        let layers = counted(one.layers.len(), "layer");
        if table.by == PrecisionObjective::Bytes {
            lines.push(format!(
                "confirmed: {layers} narrow, {} bytes, {} of {} predictions changed",
                one.bytes, one.flips, one.samples
            ));
        }
        if let Some(s) = one.speedup {
            lines.push(format!(
                "confirmed: {layers} narrow, foreseen {:.3} times f32, {} times the model as given, {} of {} predictions changed",
                one.float_ns / one.predicted_ns.max(1.0),
                interval_text(s, |ratio| decimal(ratio, 3)),
                one.flips,
                one.samples
            ));
        }
        if let (Some(own), Some(given)) = (one.energy_uj, table.given_uj) {
            lines.push(format!(
                "  {} µJ above idle, {} as given",
                interval_text(own, |uj| decimal(uj, 2)),
                interval_text(given, |uj| decimal(uj, 2))
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

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use paring_core::schema::{
        ConfidenceInterval, LayerPrecision, MeasuredAssignment, QuantizationGranularity, SCHEMA,
        Sha256Hex,
    };

    fn interval(value: f64) -> ConfidenceInterval {
        ConfidenceInterval { value, low: value - 0.125, high: value + 0.125 }
    }

    fn table(
        sensitivity: Vec<LayerSensitivity>,
        confirmed: Vec<MeasuredAssignment>,
    ) -> PrecisionTable {
        PrecisionTable {
            schema: SCHEMA,
            target: "host".into(),
            engine: "tract 0.23.9".into(),
            key: Sha256Hex::zeros(),
            layers_ns: [("block1.dw".to_string(), BTreeMap::new())].into(),
            by: PrecisionObjective::Latency,
            options: Default::default(),
            layers_bytes: BTreeMap::new(),
            power_mw: BTreeMap::new(),
            given_uj: Some(interval(512.25)),
            quantize_ns: vec![],
            dequantize_ns: vec![],
            sensitivity,
            confirmed,
        }
    }

    #[test]
    fn layers_modules_and_confirmations() {
        let tensor = LayerPrecision::Static(QuantizationGranularity::Tensor);
        let row = |layer: &str, precision| LayerSensitivity {
            layer: layer.into(),
            module: "encoder".into(),
            precision,
            time_ns: Some(12_500.0),
            float_ns: Some(20_250.0),
            sqnr_db: Some(31.5),
            divergence: 0.00125,
            flips: 1,
            accuracy_change: Some(-0.0025),
            accuracy_change_when_left_out: None,
            divergence_saved_when_left_out: Some(0.000_5),
            samples: 396,
        };
        let confirmed = MeasuredAssignment {
            layers: [("stem".to_string(), tensor)].into(),
            predicted_ns: 100_000.0,
            float_ns: 180_000.0,
            bytes: 4096,
            divergence: 0.001,
            flips: 1,
            samples: 396,
            acceptable: true,
            speedup: Some(interval(1.75)),
            energy_uj: Some(interval(350.5)),
            quiet_share: 1.0,
        };
        let rows = vec![
            row("stem", tensor),
            row("encoder.layers.11.attention.projection.dense", LayerPrecision::Weights4),
        ];
        let table = table(rows, vec![confirmed]);
        assert_snapshot!(sensitivity_text(&[table], TerminalLayout::default()), @"
        host, tract 0.23.9
        ────────────────────────────────────────────────────────────────────────────
        layer                     precision        time, µs  in f32, µs  alone, nats
        ────────────────────────────────────────────────────────────────────────────
        stem                      int8 per tensor      12.5        20.2      1.25e-3
        encoder.laye…ction.dense  int4-weights         12.5        20.2      1.25e-3
        ────────────────────────────────────────────────────────────────────────────
        --wide adds: SQNR, dB; flips; saved, nats; alone, points; left out, points
        slower in every other precision by a quarter and more: block1.dw
        by module: the sum of what its layers move the answers alone, the best precision of each
          encoder                    2.50e-3 nats
        confirmed: 1 layer narrow, foreseen 1.800 times f32, 1.750 [1.625, 1.875] times the model as given, 1 of 396 predictions changed
          350.50 [350.38, 350.62] µJ above idle, 512.25 [512.12, 512.38] as given
        ");
    }
}
