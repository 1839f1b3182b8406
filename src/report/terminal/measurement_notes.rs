//! Notes under the results table: variants without quality, layers left alone, disagreement of solo and
//! paired blocks, drift, long loads, and instruction-set tiers, one line each.

use crate::report::interval_text::interval_text;
use crate::report::result_row::ResultRow;
use crate::report::time_trends::{LEAST_DRIFT, significant_drift, sustained_ranks};
use paring_core::number_format::{decimal, signed};
use paring_core::schema::{ConfidenceInterval, MissingReason};
use paring_core::units::LatencyNs;
use std::collections::{BTreeMap, BTreeSet};

/// All lines, in the rows' order.
pub(super) fn notes(rows: &[ResultRow]) -> Vec<String> {
    let each = |of: fn(&[ResultRow], &ResultRow) -> Option<String>| {
        rows.iter().filter_map(move |row| of(rows, row))
    };
    let of_answers = each(unexplained);
    let of_times = each(disagreement).chain(each(drift)).chain(each(sustained));
    of_answers.chain(of_times).chain(each(tiers)).collect()
}

/// A row's variant and setting, with its target where the rows have several.
pub(super) fn row_name(rows: &[ResultRow], row: &ResultRow) -> String {
    match rows.iter().any(|other| other.target != row.target) {
        true => format!("{} on {}", row.label(), row.target),
        false => row.label(),
    }
}

/// Several rows: all of them, all of a target, or one by one.
pub(super) fn row_names(rows: &[ResultRow], found: &BTreeSet<usize>) -> String {
    if found.len() == rows.len() && rows.len() > 1 {
        return format!("all {} rows", rows.len());
    }
    let mut targets: Vec<&str> = Vec::new();
    for row in rows {
        if !targets.contains(&row.target.as_str()) {
            targets.push(&row.target);
        }
    }
    let of_target = |target: &str| {
        let own = || rows.iter().enumerate().filter(|(_, row)| row.target == target);
        let named: Vec<String> =
            own().filter(|(at, _)| found.contains(at)).map(|(_, row)| row.label()).collect();
        let on = if targets.len() > 1 { format!(" on {target}") } else { String::new() };
        match named.len() {
            0 => None,
            all if all == own().count() && all > 1 => Some(format!("all {all} rows{on}")),
            _ => Some(format!("{}{on}", named.join(", "))),
        }
    };
    targets.iter().filter_map(|target| of_target(target)).collect::<Vec<_>>().join("; ")
}

/// A variant whose answers are not what its decisions make of the baseline's.
fn unexplained(rows: &[ResultRow], row: &ResultRow) -> Option<String> {
    let reasons = &row.variant.unexplained;
    let label = row_name(rows, row);
    (!reasons.is_empty()).then(|| {
        format!("answers differ more than its decisions explain: {label}: {}", reasons.join("; "))
    })
}

/// Solo and paired blocks that do not agree: the interval of the ratio of solo medians and that of the
/// paired ratio lie apart. The solo one is the quotient of two intervals, and so wider than 99 %.
fn disagreement(rows: &[ResultRow], row: &ResultRow) -> Option<String> {
    let paired = row.measurement.speed.as_ref().ok()?.speedup;
    let first = rows.iter().find(|other| {
        other.variant.parent.is_none()
            && other.target == row.target
            && other.measurement.setting == row.measurement.setting
    })?;
    let solo = |row: &ResultRow| Some(row.measurement.latency.as_ref().ok()?.p50_ns);
    let (old, new) = (solo(first)?, solo(row)?);
    let (low, high) = (old.low / new.high, old.high / new.low);
    let solo_ratio = ConfidenceInterval { value: old.value / new.value, low, high };
    let apart = low > paired.high * (1.0 + LEAST_DRIFT) || high < paired.low * (1.0 - LEAST_DRIFT);
    apart.then(|| {
        format!(
            "solo and paired disagree: {}: solo medians make {}, pairs {}",
            row_name(rows, row),
            interval_text(solo_ratio, |ratio| decimal(ratio, 3)),
            interval_text(paired, |ratio| decimal(ratio, 3))
        )
    })
}

fn drift(rows: &[ResultRow], row: &ResultRow) -> Option<String> {
    let found = row.measurement.latency.as_ref().ok()?.drift.as_ref()?;
    let (per_minute, per_degree) = significant_drift(found);
    let percent = |slope: ConfidenceInterval, unit: &str| {
        let slopes = interval_text(slope, |share| signed(100.0 * share, 2));
        format!("{slopes} % a {unit}")
    };
    let both = [per_minute.map(|s| percent(s, "minute")), per_degree.map(|s| percent(s, "degree"))];
    let words: Vec<String> = both.into_iter().flatten().collect();
    (!words.is_empty()).then(|| format!("drifted: {}: {}", row_name(rows, row), words.join(", ")))
}

fn sustained(rows: &[ResultRow], row: &ResultRow) -> Option<String> {
    let found = match row.measurement.sustained.as_ref()? {
        Ok(found) => found,
        Err(MissingReason(why)) => {
            return Some(format!("long load: {}: {why}", row_name(rows, row)));
        }
    };
    let (first, last) = sustained_ranks(rows, row)?;
    let moved =
        if first == last { String::new() } else { format!(", from place {first} to {last}") };
    let seconds = |span: LatencyNs| span.0 / 1_000_000_000;
    let sign = found.throttled_at.as_ref();
    let sign = sign.map(|(at, sign)| format!("; {sign} after {} s", seconds(*at)));
    let slower = found.slower_from_ns.map(|at| format!("; slower from {} s on", seconds(at)));
    Some(format!(
        "long load: {}: {} in the first {} s, {} in the last of {} s ({:+.1} %, the core itself {:+.1} %){moved}{}{}",
        row_name(rows, row),
        found.first_ns,
        seconds(found.minute_ns),
        found.last_ns,
        seconds(found.span_ns),
        100.0 * found.change(),
        100.0 * found.reference_change,
        sign.unwrap_or_default(),
        slower.unwrap_or_default(),
    ))
}

/// The change of kernels by switching tiers off: against the row with the same file and
/// nothing switched off.
fn tiers(rows: &[ResultRow], row: &ResultRow) -> Option<String> {
    let without = &row.variant.options.without_isa;
    let own = &row.measurement.latency.as_ref().ok()?.kernels;
    let twin = rows.iter().find(|other| {
        other.variant.file_sha256 == row.variant.file_sha256
            && other.variant.options.transforms == row.variant.options.transforms
            && other.variant.options.without_isa.is_empty()
            && other.target == row.target
            && other.measurement.setting == row.measurement.setting
    })?;
    if without.is_empty() {
        return None;
    }
    let (without, twins) = (without.join(", "), &twin.measurement.latency.as_ref().ok()?.kernels);
    Some(match own == twins {
        true => format!(
            "no effect: {}: without {without} the engine chose the same kernels: {}",
            row_name(rows, row),
            own.join(", ")
        ),
        false => format!(
            "kernels: {}: without {without}: {}; with: {}",
            row_name(rows, row),
            own.join(", "),
            twins.join(", ")
        ),
    })
}

/// Variants without quality, one line each.
pub(super) fn not_evaluated(rows: &[ResultRow]) -> Vec<String> {
    let mut seen: BTreeMap<&str, &MissingReason> = BTreeMap::new();
    for row in rows {
        seen.extend(row.evaluation_missing.as_ref().map(|why| (row.variant.name.as_str(), why)));
    }
    seen.into_iter()
        .map(|(name, MissingReason(why))| format!("not evaluated: {name}: {why}"))
        .collect()
}

/// Layers that steps refused to touch, one line a reason.
pub(super) fn left_alone(rows: &[ResultRow]) -> Vec<String> {
    let mut reasons: BTreeMap<&str, (BTreeSet<&str>, BTreeSet<&str>)> = BTreeMap::new();
    for refusal in rows.iter().flat_map(|row| &row.variant.refusals) {
        let (what, variants) = reasons.entry(&refusal.reason).or_default();
        what.insert(&refusal.what);
        variants.insert(&refusal.variant);
    }
    let list = |names: BTreeSet<&str>| names.into_iter().collect::<Vec<_>>().join(", ");
    reasons
        .into_iter()
        .map(|(reason, (what, variants))| {
            format!("left alone in {}: {}: {reason}", list(variants), list(what))
        })
        .collect()
}
