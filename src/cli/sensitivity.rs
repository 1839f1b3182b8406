//! `paring sensitivity`: what each layer costs and loses in each precision, from a run's tables.

use super::{Coded, ExitCode, Global};
use crate::pipeline::{Folders, precision_tables};
use clap::Args;
use paring_core::schema::{LayerSensitivity, PrecisionObjective, PrecisionTable};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Say what each layer costs and loses in each precision.
#[derive(Debug, Args)]
pub(super) struct SensitivityVerb {
    /// A run with a step `{ quantize = "int8", layers = "measured" }`
    run: PathBuf,
}

impl SensitivityVerb {
    pub(super) fn run(self, global: &Global) -> Result<(), Coded> {
        let tables = precision_tables(&Folders::new(&self.run))?;
        if tables.is_empty() {
            let hint =
                "it has no step `{ quantize = \"int8\", layers = \"measured\" }`, or was not made";
            let error =
                anyhow::anyhow!("{} has no measured precisions: {hint}", self.run.display());
            return Err(Coded::new(ExitCode::Input, error));
        }
        if global.json {
            let modules: Vec<_> = tables.iter().map(|table| modules(&table.sensitivity)).collect();
            say!("{:#}", json!({ "schema": 1, "tables": tables, "modules": modules }));
            return Ok(());
        }
        tables.iter().for_each(print);
        Ok(())
    }
}

fn print(table: &PrecisionTable) {
    say!("{}, {}", table.target, table.engine);
    say!(
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
    );
    let cell = |value: Option<f64>, scale: f64| {
        value.map_or(String::new(), |v| format!("{:.1}", v / scale))
    };
    let points =
        |change: Option<f64>| change.map_or(String::new(), |c| format!("{:+.2}", 100.0 * c));
    for s in &table.sensitivity {
        say!(
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
        );
    }
    let tried = |layer: &String| table.sensitivity.iter().any(|s| s.layer == *layer);
    let slow: Vec<&str> =
        table.layers_ns.keys().filter(|layer| !tried(layer)).map(String::as_str).collect();
    if !slow.is_empty() {
        say!("slower in every other precision by a quarter and more: {}", slow.join(", "));
    }
    say!(
        "by module: the sum of what its layers move the answers alone, the best precision of each"
    );
    for (module, nats) in modules(&table.sensitivity) {
        say!("  {module:<26} {nats:.2e} nats");
    }
    print_confirmed(table);
}

/// What was measured of the best assignments.
fn print_confirmed(table: &PrecisionTable) {
    let label = table.options.label();
    if !label.is_empty() && !table.confirmed.is_empty() {
        say!("confirmed with the engine options {label}:");
    }
    for one in &table.confirmed {
        let count = one.layers.len();
        if table.by == PrecisionObjective::Bytes {
            say!(
                "confirmed: {count} layers narrow, {} bytes, {} of {} predictions changed",
                one.bytes,
                one.flips,
                one.samples
            );
        }
        if let Some(s) = one.speedup {
            say!(
                "confirmed: {count} layers narrow, foreseen {:.3} times f32, {:.3} [{:.3}, {:.3}] times the model as given, {} of {} predictions changed",
                one.float_ns / one.predicted_ns.max(1.0),
                s.value,
                s.low,
                s.high,
                one.flips,
                one.samples
            );
        }
        if let (Some(own), Some(given)) = (one.energy_uj, table.given_uj) {
            say!(
                "  {:.2} [{:.2}, {:.2}] uJ above idle, {:.2} [{:.2}, {:.2}] as given",
                own.value,
                own.low,
                own.high,
                given.value,
                given.low,
                given.high
            );
        }
    }
}

/// What the layers of each module move the answers at least, in nats, added up.
fn modules(rows: &[LayerSensitivity]) -> BTreeMap<String, f64> {
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
