//! The answer: a table for people, JSON for machines, the same figures in both.

use super::inputs::Origin;
use crate::cli::Global;
use crate::report::{self, Timed};
use paring_agent::measure::MIN_BLOCKS;
use paring_core::schema::{MissingReason, Sha256Hex, TargetEnvironment};
use serde_json::{Value, json};
use std::path::Path;

/// What a bench found.
pub(super) struct Answer<'a> {
    pub(super) rows: &'a [Timed],
    pub(super) out: &'a Path,
    pub(super) origin: &'a Origin,
    pub(super) target: &'a str,
    pub(super) batch: usize,
    pub(super) environment: &'a TargetEnvironment,
    pub(super) manifest: &'a Sha256Hex,
}

impl Answer<'_> {
    pub(super) fn print(&self, global: &Global) {
        if global.json {
            say!("{:#}", self.json());
            return;
        }
        crate::cli::say::table(&report::bench_table(self.rows, global.color()));
        let cpu = self.environment.cpu.as_deref().unwrap_or("an unnamed processor");
        let emulated =
            if self.environment.emulated { ", EMULATED: not a board's speed" } else { "" };
        let batch = if self.batch == 1 { String::new() } else { format!(", batch {}", self.batch) };
        say!(
            "{} on `{}`, {cpu}{emulated}{batch}; intervals 99 %; {}",
            self.environment.engine,
            self.target,
            self.origin
        );
        let out = self.out.display();
        say!("raw samples and results.csv in {out}; manifest {}", self.manifest);
    }

    fn json(&self) -> Value {
        let rows: Vec<Value> = self.rows.iter().map(row).collect();
        json!({
            "schema": 1, "out": self.out, "target": self.target, "batch": self.batch,
            "inputs": self.origin, "random_inputs": matches!(self.origin, Origin::Random { .. }),
            "environment": self.environment, "rows": rows, "manifest_sha256": self.manifest,
        })
    }
}

/// One model; what does not exist is null, and `missing` says why.
fn row(timed: &Timed) -> Value {
    let row = match &timed.row {
        Ok(row) => row,
        Err(MissingReason(why)) => {
            return json!({
                "model": timed.name, "path": timed.path, "measured": false, "missing": why,
                "valid": false, "invalid_reasons": [why],
            });
        }
    };
    let (latency, speed) = (&row.measurement.latency, &row.measurement.speed);
    let baseline = row.variant.parent.is_none();
    let verdict =
        speed.as_ref().ok().filter(|s| s.blocks >= MIN_BLOCKS).map(|s| s.verdict.to_string());
    json!({
        "model": timed.name,
        "path": timed.path,
        "variant_id": row.variant.variant_id,
        "engine_options": row.variant.options.transforms,
        "baseline": baseline,
        "measured": latency.is_ok(),
        "missing": latency.as_ref().err(),
        "latency": latency.as_ref().ok(),
        "speed": speed.as_ref().ok(),
        "speed_missing": speed.as_ref().err(),
        "verdict": verdict,
        "valid": row.measurement.invalid_reasons.is_empty(),
        "invalid_reasons": row.measurement.invalid_reasons,
    })
}
