//! Judgements of rows that several sections share: the change of the primary metric, and the variant
//! that is recommended.

use crate::report::ResultRow;
use paring_core::schema::{ConfidenceInterval, SpeedVerdict};

/// The variant with the highest speed-up among those that are faster beyond noise and whose primary
/// metric is not significantly worse; `None` where there is none.
pub fn recommended(rows: &[ResultRow]) -> Option<&ResultRow> {
    let sound = rows.iter().filter(|row| {
        let faster =
            row.measurement.speed.as_ref().is_ok_and(|s| s.verdict == SpeedVerdict::Faster);
        let change = change(row);
        row.variant.parent.is_some() && faster && change.is_some_and(|c| !is_worse(row, c))
    });
    let speedup =
        |row: &&ResultRow| row.measurement.speed.as_ref().map_or(0.0, |s| s.speedup.value);
    sound.max_by(|a, b| speedup(a).total_cmp(&speedup(b)))
}

/// Change of the primary metric against the baseline.
pub fn change(row: &ResultRow) -> Option<ConfidenceInterval> {
    let evaluation = row.evaluation.as_ref()?;
    evaluation.metrics.get(&evaluation.primary)?.change
}

/// True if a change of the primary metric is one for the worse beyond its interval.
pub fn is_worse(row: &ResultRow, change: ConfidenceInterval) -> bool {
    let higher = row.evaluation.as_ref().is_none_or(|e| e.primary.higher_is_better());
    change.excludes_zero() && (change.value < 0.0) == higher
}
