//! Words for one verdict of the gate.

use paring_core::number_format::significant;
use paring_core::schema::{ConfidenceInterval, DecidingCount, GateCell};

/// The requirement with the part, target and setting that the verdict is about.
pub fn subject(cell: &GateCell) -> String {
    let mut text = cell.label.clone();
    if let Some(part) = &cell.part {
        text += &format!(" ({part})");
    }
    // A requirement on one target names it already.
    if let Some(target) = &cell.target
        && !cell.label.ends_with(&format!(" on {target}"))
        && !cell.label.contains(&format!(" on {target} "))
    {
        text += &format!(" on {target}");
    }
    match cell.setting.map(|setting| setting.label()).filter(|label| !label.is_empty()) {
        Some(setting) => format!("{text} ({setting})"),
        None => text,
    }
}

/// The value with its interval, or the reason for which there is none.
pub(super) fn observed(cell: &GateCell) -> String {
    match (cell.observed, cell.level) {
        (Some(ConfidenceInterval { value, low, high }), Some(level)) => format!(
            "{} ({:.0} % CI {} to {})",
            significant(value),
            100.0 * level,
            significant(low),
            significant(high)
        ),
        (Some(interval), None) => significant(interval.value),
        (None, _) => "no value".into(),
    }
}

/// Reason and deciding number of a verdict; `None` where the interval says all.
pub(super) fn explanation(cell: &GateCell) -> Option<String> {
    let parts: Vec<String> =
        cell.reason.iter().cloned().chain(cell.deciding.map(deciding)).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// The number of units that would decide, beside those at hand.
pub(super) fn deciding(count: DecidingCount) -> String {
    let DecidingCount { unit, at_hand, needed } = count;
    match needed {
        Some(needed) => format!("about {needed} {unit} would decide, {at_hand} at hand"),
        None => format!("no number of {unit} within reach would decide, {at_hand} at hand"),
    }
}
