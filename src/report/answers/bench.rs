//! The answer of `paring bench`: models side by side.

use crate::report::{BenchRow, TerminalLayout, bench_table};
use paring_agent::measure::MIN_BLOCKS;
use paring_core::schema::{MissingReason, Sha256Hex, TargetEnvironment};
use serde::Serialize;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Source of the inputs of a bench.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InputOrigin {
    /// A file or folder of samples.
    Data(PathBuf),
    /// The samples that a run was measured with.
    Run(PathBuf),
    /// Seeded random numbers.
    Random {
        /// The seed.
        seed: u64,
    },
}

impl std::fmt::Display for InputOrigin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            InputOrigin::Data(path) => write!(f, "inputs from {}", path.display()),
            InputOrigin::Run(path) => write!(f, "inputs of the run {}", path.display()),
            InputOrigin::Random { seed } => {
                write!(f, "RANDOM INPUTS (seed {seed}): real samples may be faster or slower")
            }
        }
    }
}

impl InputOrigin {
    /// The name that results have instead of a study's.
    pub fn study(&self) -> &'static str {
        match self {
            InputOrigin::Random { .. } => "bench with random inputs",
            InputOrigin::Data(_) | InputOrigin::Run(_) => "bench",
        }
    }
}

/// Models that were measured side by side.
#[derive(Clone, Debug)]
pub struct BenchAnswer {
    /// Models in the order given; the first is what the others are compared with.
    pub rows: Vec<BenchRow>,
    /// Folder of raw samples and results.csv.
    pub out: PathBuf,
    /// Source of the inputs.
    pub origin: InputOrigin,
    /// The target's name.
    pub target: String,
    /// Samples of an inference.
    pub batch: usize,
    /// The target's machine.
    pub environment: TargetEnvironment,
    /// Hash of the folder's manifest.
    pub manifest: Sha256Hex,
    /// True where a model could not even be opened.
    pub unusable: bool,
}

impl BenchAnswer {
    /// The table for a person.
    pub fn table(&self, layout: TerminalLayout) -> String {
        bench_table(&self.rows, layout)
    }

    /// The lines below the table.
    pub fn text(&self) -> String {
        let cpu = self.environment.cpu.as_deref().unwrap_or("an unnamed processor");
        let emulated =
            if self.environment.emulated { ", EMULATED: not a board's speed" } else { "" };
        let batch = if self.batch == 1 { String::new() } else { format!(", batch {}", self.batch) };
        format!(
            "{} on `{}`, {cpu}{emulated}{batch}; intervals 99 %; {}\nraw samples and results.csv in {}; manifest {}",
            self.environment.engine,
            self.target,
            self.origin,
            self.out.display(),
            self.manifest
        )
    }

    /// The same for a machine.
    pub fn json(&self) -> Value {
        let rows: Vec<Value> = self.rows.iter().map(row_json).collect();
        json!({
            "schema": 1, "out": self.out, "target": self.target, "batch": self.batch,
            "inputs": self.origin, "random_inputs": matches!(self.origin, InputOrigin::Random { .. }),
            "environment": self.environment, "rows": rows, "manifest_sha256": self.manifest,
        })
    }
}

/// One model; missing values are null, and `missing` gives the reason.
fn row_json(timed: &BenchRow) -> Value {
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

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn machine_inputs_and_folder() {
        let environment = TargetEnvironment {
            cpu: Some("Cortex-A76".into()),
            engine: "tract 0.23.9".into(),
            emulated: true,
            ..TargetEnvironment::default()
        };
        let answer = BenchAnswer {
            rows: vec![],
            out: "paring-runs/bench-1".into(),
            origin: InputOrigin::Random { seed: 0 },
            target: "pi5".into(),
            batch: 4,
            environment,
            manifest: Sha256Hex::zeros(),
            unusable: false,
        };
        assert_snapshot!(answer.text(), @"
        tract 0.23.9 on `pi5`, Cortex-A76, EMULATED: not a board's speed, batch 4; intervals 99 %; RANDOM INPUTS (seed 0): real samples may be faster or slower
        raw samples and results.csv in paring-runs/bench-1; manifest 0000000000000000000000000000000000000000000000000000000000000000
        ");
    }
}
