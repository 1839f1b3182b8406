//! Drift of a variant's latency from block to block, over time and with temperature.

use paring_core::schema::{BlockRecord, LatencyDrift};
use paring_core::stats;
use std::time::SystemTime;

/// The drift of block medians; `None` of too few. `medians` are in step with `blocks`.
pub(crate) fn latency_drift(
    blocks: &[&BlockRecord],
    medians: &[Option<f64>],
) -> Option<LatencyDrift> {
    let level = stats::median(&medians.iter().flatten().copied().collect::<Vec<_>>())?;
    let known =
        || blocks.iter().zip(medians).filter_map(|(block, m)| Some((*block, (*m)? / level)));
    let over_time: Vec<(f64, f64)> = known().filter_map(|(b, y)| Some((minutes(b)?, y))).collect();
    let with_heat: Vec<(f64, f64)> =
        known().filter_map(|(b, y)| Some((b.conditions.before_mc?.0 as f64 / 1000.0, y))).collect();
    let per_minute = stats::least_squares_slope(&over_time);
    let span = over_time.iter().map(|p| p.0).fold(f64::NEG_INFINITY, f64::max)
        - over_time.iter().map(|p| p.0).fold(f64::INFINITY, f64::min);
    let over_all = per_minute.map_or(0.0, |slope| slope.value * span);
    let per_degree = stats::least_squares_slope(&with_heat);
    (per_minute.is_some() || per_degree.is_some()).then_some(LatencyDrift {
        per_minute,
        per_degree,
        over_all,
    })
}

/// Start of a block, in minutes since 1970.
fn minutes(block: &BlockRecord) -> Option<f64> {
    let time = humantime::parse_rfc3339(&block.started_at).ok()?;
    Some(time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs_f64() / 60.0)
}
