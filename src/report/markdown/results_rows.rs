//! Rows of results in Markdown: the verdicts that a reviewer needs first, and everything beside them.

use super::markdown_text::{code, text};
use crate::report::ResultRow;
use crate::report::html::numbers::{
    bytes, latency_interval, metric_change_interval, metric_value, ratio,
};
use crate::report::html::verdict::{change, is_worse};
use paring_agent::measure::MIN_BLOCKS;
use paring_core::schema::MissingReason;

/// Columns of [`verdict_cells`].
pub(super) const VERDICTS: [&str; 7] =
    ["variant", "target", "speed", "speed-up (99 % CI)", "quality", "change (95 % CI)", "file"];

/// The verdict on speed and on quality, with the intervals that they stand on.
pub(super) fn verdict_cells(row: &ResultRow) -> Vec<String> {
    let file = text(&bytes(row.variant.file_bytes));
    if row.variant.parent.is_none() {
        let latency = row.measurement.latency.as_ref().map(|l| latency_interval(l.p50_ns));
        let quality = metric(row).map(|(name, value)| format!("{name} {value}"));
        return vec![
            code(&row.label()),
            target(row),
            "baseline".into(),
            latency.unwrap_or_else(|why| why.0.clone()),
            text(&quality.unwrap_or_else(|why| why.0)),
            String::new(),
            file,
        ];
    }
    let (speed, speedup) = match &row.measurement.speed {
        Ok(found) => {
            let [value, low, high] =
                [found.speedup.value, found.speedup.low, found.speedup.high].map(ratio);
            let verdict = match found.blocks >= MIN_BLOCKS {
                true => format!("**{}**", found.verdict),
                false => "too few blocks".into(),
            };
            (verdict, format!("{value} ({low} to {high})"))
        }
        Err(MissingReason(why)) => ("not measured".into(), text(why)),
    };
    let (quality, change) = quality(row);
    vec![code(&row.label()), target(row), speed, speedup, quality, change, file]
}

/// Target; an emulated one is no board.
fn target(row: &ResultRow) -> String {
    let emulated = if row.environment.emulated { " (emulated)" } else { "" };
    format!("{}{emulated}", code(&row.target))
}

/// The primary metric's name and value.
fn metric(row: &ResultRow) -> Result<(String, String), MissingReason> {
    let missing = row.evaluation_missing.clone();
    let none = || missing.unwrap_or_else(|| MissingReason("not evaluated".into()));
    let found = row.evaluation.as_ref().ok_or_else(none)?;
    let score = found.metrics.get(&found.primary);
    let score = score.ok_or_else(|| MissingReason(format!("no {}", found.primary)))?;
    Ok((found.primary.to_string(), metric_value(found.primary, score.value.value)))
}

fn quality(row: &ResultRow) -> (String, String) {
    let Some((found, change)) = row.evaluation.as_ref().zip(change(row)) else {
        let why = metric(row).err().map_or_else(|| "no change known".to_string(), |why| why.0);
        return ("not evaluated".into(), text(&why));
    };
    let verdict = match (change.excludes_zero(), is_worse(row, change)) {
        (false, _) => "no significant change",
        (true, true) => "**worse**",
        (true, false) => "**better**",
    };
    let interval = metric_change_interval(found.primary, change).replace("95 % CI ", "");
    (verdict.into(), text(&format!("{} {interval}", found.primary)))
}

/// Columns of [`figure_cells`].
pub(in crate::report) const FIGURES: [&str; 9] = [
    "variant",
    "target",
    "weights",
    "removed",
    "median latency",
    "peak memory",
    "energy above idle",
    "metric",
    "valid",
];

/// Everything else that was measured of a row.
pub(in crate::report) fn figure_cells(row: &ResultRow) -> Vec<String> {
    let measured = &row.measurement;
    let latency = measured.latency.as_ref();
    let peak = latency.ok().and_then(|l| l.peak_rss_bytes);
    let energy = measured.energy.as_ref().map(|energy| {
        let of = energy.per_inference_uj;
        format!("{:.2} µJ ({:.2} to {:.2})", of.value, of.low, of.high)
    });
    let valid = match measured.invalid_reasons.is_empty() {
        true => "yes".to_string(),
        false => format!("no: {}", measured.invalid_reasons.join("; ")),
    };
    let metric = metric(row).map(|(name, value)| format!("{name} {value}"));
    let missing = |why: MissingReason| format!("none: {}", why.0);
    vec![
        code(&row.label()),
        target(row),
        text(row.variant.precision()),
        format!("{:.1} %", row.params_removed_pct()),
        text(&latency.map_or_else(|why| missing(why.clone()), |l| latency_interval(l.p50_ns))),
        peak.map_or_else(|| "not measured".to_string(), |bytes| bytes.to_string()),
        text(&energy.unwrap_or_else(|why| missing(why.clone()))),
        text(&metric.unwrap_or_else(missing)),
        text(&valid),
    ]
}
