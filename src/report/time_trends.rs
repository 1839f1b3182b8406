//! Significant drift over the blocks, and places in the long load.

use super::result_row::ResultRow;
use paring_core::schema::{ConfidenceInterval, LatencyDrift, SustainedSummary};
use paring_core::units::LatencyNs;

/// A drift over all blocks, or a disagreement, that is smaller than this matters to nobody.
pub(super) const LEAST_DRIFT: f64 = 0.003;

/// The slope over time where it is significant and more than nothing.
pub(super) fn significant_drift(
    drift: &LatencyDrift,
) -> (Option<ConfidenceInterval>, Option<ConfidenceInterval>) {
    let clear = |slope: &ConfidenceInterval| slope.low > 0.0 || slope.high < 0.0;
    let per_minute =
        drift.per_minute.filter(|slope| clear(slope) && drift.over_all.abs() > LEAST_DRIFT);
    (per_minute, drift.per_degree.filter(clear))
}

/// Places of a row among those that ran in the same setting on the same target, from 1, the fastest:
/// in the first minute of the long load and in its last.
pub(super) fn sustained_ranks(rows: &[ResultRow], row: &ResultRow) -> Option<(usize, usize)> {
    let own = row.measurement.sustained.as_ref()?.as_ref().ok()?;
    let others = rows.iter().filter(|other| {
        other.target == row.target && other.measurement.setting == row.measurement.setting
    });
    let others: Vec<_> =
        others.filter_map(|other| other.measurement.sustained.as_ref()?.as_ref().ok()).collect();
    let place = |of: fn(&SustainedSummary) -> LatencyNs| {
        1 + others.iter().filter(|other| of(other) < of(own)).count()
    };
    Some((place(|s| s.first_ns), place(|s| s.last_ns)))
}
