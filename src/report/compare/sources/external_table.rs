//! Tables of other engines' benchmark tools.
//!
//! Needed are `engine`, `model` and `latency_p50_UNIT` with the unit ns, us, ms or s. Read where they
//! are: `latency_p50_low_UNIT`, `latency_p50_high_UNIT`, `variant_id`, `target`, `board`, `cpu`,
//! `arch`, `batch`, `threads`, `metric`, `metric_value`, `peak_rss_bytes`, `started_at`.

use super::row_figures::RowFigures;
use super::source_table::{SourceRow, SourceTable};
use crate::report::compare::compare_error::CompareError;
use paring_core::schema::ConfidenceInterval;

const UNITS: [(&str, f64); 4] = [("ns", 1.0), ("us", 1e3), ("ms", 1e6), ("s", 1e9)];

/// The rows of a table that is not paring's own.
pub(super) fn rows(table: &SourceTable) -> Result<Vec<RowFigures>, CompareError> {
    for column in ["engine", "model"] {
        if !table.has(column) {
            return Err(table.columns(format!("it has no column `{column}`")));
        }
    }
    let unit = UNITS.into_iter().find(|(unit, _)| table.has(&format!("latency_p50_{unit}")));
    let Some((unit, factor)) = unit else {
        let named = "it has no column `latency_p50_ns`, `_us`, `_ms` or `_s`";
        return Err(table.columns(named.into()));
    };
    table.rows().map(|line| row(&line, unit, factor)).collect()
}

fn row(line: &SourceRow, unit: &str, factor: f64) -> Result<RowFigures, CompareError> {
    let names = ["", "_low", "_high"].map(|part| format!("latency_p50{part}_{unit}"));
    let latency = line.interval([&names[0], &names[1], &names[2]])?;
    let latency_ns = latency.map(|ConfidenceInterval { value, low, high }| ConfidenceInterval {
        value: factor * value,
        low: factor * low,
        high: factor * high,
    });
    let metric = line.number::<f64>("metric_value")?.map(|value| (line.text("metric"), value));
    Ok(RowFigures {
        variant: line.text("model"),
        variant_id: Some(line.text("variant_id")).filter(|id| !id.is_empty()),
        target: line.text("target"),
        machine: line.machine(),
        engine: line.text("engine"),
        batch: line.number("batch")?.unwrap_or(1),
        threads: line.number("threads")?.unwrap_or(1),
        streams: 1,
        started_at: line.text("started_at"),
        latency_ns,
        metric,
        peak_rss_bytes: line.number("peak_rss_bytes")?,
        valid: true,
        reason: if latency_ns.is_none() { "no latency".into() } else { String::new() },
        ..RowFigures::default()
    })
}
