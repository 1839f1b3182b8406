//! The table at the end of a run.

use super::measurement_notes::notes;
use super::text_table::{cell, heading, lines, ruled};
use crate::report::result_row::ResultRow;
use comfy_table::{Cell, Color};
use paring_agent::measure::MIN_BLOCKS;
use paring_core::schema::{ConfidenceInterval, Metric, MissingReason, SpeedVerdict};
use paring_core::units::{Bytes, EnergyUj, LatencyNs};
use std::collections::{BTreeMap, BTreeSet};

const HEADER: [&str; 10] = [
    "variant",
    "precision",
    "removed",
    "metric",
    "change",
    "p50 latency",
    "speed-up",
    "peak memory",
    "energy",
    "file",
];

/// Shown only where some row has it.
const ENERGY: usize = 8;

/// One row a variant, target and setting; `color` for terminals that show it.
pub fn results_table(rows: &[ResultRow], color: bool) -> String {
    let evaluated = rows.first().and_then(|row| row.evaluation.as_ref());
    let primary = evaluated.map_or("metric".into(), |e| e.primary.to_string());
    let names = HEADER.map(|name| if name == "metric" { primary.clone() } else { name.into() });
    let any_energy = rows.iter().any(|row| row.measurement.energy.is_ok());
    let shown = |mut cells: Vec<Cell>| {
        if !any_energy {
            cells.remove(ENERGY);
        }
        cells
    };
    let several = rows.iter().any(|row| row.measurement.setting != rows[0].measurement.setting);
    let header = shown(names.map(heading).to_vec());
    let text =
        ruled(header, rows.iter().map(|row| shown(cells(row, several))), 2..HEADER.len(), color);
    let below = invalid(rows).into_iter().chain(not_evaluated(rows)).chain(about_energy(rows));
    text + &lines(below.chain(notes(rows)).chain(left_alone(rows)))
}

/// Variants without quality, one line each.
fn not_evaluated(rows: &[ResultRow]) -> Vec<String> {
    let mut seen: BTreeMap<&str, &MissingReason> = BTreeMap::new();
    for row in rows {
        seen.extend(row.evaluation_missing.as_ref().map(|why| (row.variant.name.as_str(), why)));
    }
    seen.into_iter()
        .map(|(name, MissingReason(why))| format!("not evaluated: {name}: {why}"))
        .collect()
}

/// Reasons for which rows are not valid, one line each.
pub(super) fn invalid(rows: &[ResultRow]) -> Vec<String> {
    let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for row in rows {
        for reason in &row.measurement.invalid_reasons {
            reasons.entry(reason).or_default().push(row.label());
        }
    }
    let busy = reasons.keys().any(|reason| reason.contains("quiet"));
    let mut lines: Vec<String> = reasons
        .into_iter()
        .map(|(reason, variants)| format!("not valid: {}: {reason}", variants.join(", ")))
        .collect();
    if busy {
        lines.push("something else kept the machine busy; measure again with a new --out".into());
    }
    lines
}

/// Layers that steps refused to touch, one line a reason.
fn left_alone(rows: &[ResultRow]) -> Vec<String> {
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

fn cells(row: &ResultRow, several_settings: bool) -> Vec<Cell> {
    let name = if several_settings { row.label() } else { row.variant.name.clone() };
    let metric = row.evaluation.as_ref().map(|evaluation| {
        let metric = evaluation.value(evaluation.primary);
        metric.map_or_else(|| "—".into(), |i| amount(evaluation.primary, i.value))
    });
    let memory = row.measurement.latency.as_ref().ok().and_then(|s| s.peak_rss_bytes);
    vec![
        cell(name),
        cell(precision(row)),
        cell(format!("{:.1} %", row.params_removed_pct().max(0.0))),
        cell(metric.unwrap_or(if row.evaluation_missing.is_some() { "—" } else { "" }.into())),
        row.evaluation.as_ref().map_or_else(
            || cell(""),
            |evaluation| change(evaluation.primary, evaluation.change(evaluation.primary)),
        ),
        cell(latency(row)),
        speed(row),
        cell(memory.map_or_else(|| "—".into(), |bytes| bytes.to_string())),
        cell(energy(row)),
        cell(Bytes(row.variant.file_bytes)),
    ]
}

fn precision(row: &ResultRow) -> String {
    let options = row.variant.options.label();
    let precision = row.variant.precision();
    if options.is_empty() { precision.into() } else { format!("{precision} {options}") }
}

/// A metric's value as a person reads it.
fn amount(metric: Metric, value: f64) -> String {
    if metric.is_share() { format!("{:.1} %", 100.0 * value) } else { format!("{value:.4}") }
}

fn change(metric: Metric, change: Option<ConfidenceInterval>) -> Cell {
    let Some(ConfidenceInterval { value, low, high }) = change else { return cell("") };
    let signed = |value: f64| match metric.is_share() {
        true => format!("{:+.1}", 100.0 * value).replace("-0.0", "0.0").replace("+0.0", "0.0"),
        false => format!("{value:+.4}"),
    };
    let shown = cell(format!("{} [{}, {}]", signed(value), signed(low), signed(high)));
    let worse = if metric.higher_is_better() { high < 0.0 } else { low > 0.0 };
    if worse { shown.fg(Color::Red) } else { shown }
}

pub(super) fn latency(row: &ResultRow) -> String {
    match &row.measurement.latency {
        Ok(found) => {
            let ConfidenceInterval { value, low, high } = found.p50_ns;
            let wide = LatencyNs::from_f64((high - low) / 2.0);
            format!("{} ± {wide}", LatencyNs::from_f64(value))
        }
        Err(MissingReason(_)) => "—".into(),
    }
}

/// Energy of one inference above idle.
fn energy(row: &ResultRow) -> String {
    match &row.measurement.energy {
        Ok(found) => {
            let ConfidenceInterval { value, low, high } = found.per_inference_uj;
            // A bound lies below zero where the load hardly stands out from idle.
            let sign = |uj: f64| if uj <= -0.5 { "-" } else { "" };
            let show = |uj: f64| format!("{}{}", sign(uj), EnergyUj(uj.abs().round() as u64));
            format!("{} [{}, {}]", show(value), show(low), show(high))
        }
        Err(MissingReason(_)) => "—".into(),
    }
}

/// Sources of energy figures, and reasons for missing ones, one line each.
fn about_energy(rows: &[ResultRow]) -> Vec<String> {
    let mut sources: BTreeSet<String> = BTreeSet::new();
    let mut reasons: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for row in rows {
        match &row.measurement.energy {
            Ok(found) => {
                let sensor = &found.sensor;
                sources.insert(format!(
                    "energy on {}: {}, above idle, per inference; covers {}; {:.1} readings a second",
                    row.target, sensor.name, sensor.coverage, sensor.rate_hz
                ));
            }
            Err(MissingReason(why)) => {
                reasons.entry((&row.target, why)).or_default().insert(&row.variant.name);
            }
        }
    }
    let all = rows.iter().map(|row| &row.variant.name).collect::<BTreeSet<_>>().len();
    let missing = reasons.into_iter().map(|((target, why), variants)| {
        let whose = match variants.len() == all {
            true => String::new(),
            false => format!(" of {}", variants.into_iter().collect::<Vec<_>>().join(", ")),
        };
        format!("no energy on {target}{whose}: {why}")
    });
    sources.into_iter().chain(missing).collect()
}

pub(super) fn speed(row: &ResultRow) -> Cell {
    let found = match &row.measurement.speed {
        Ok(found) => found,
        Err(_) if row.variant.parent.is_none() => return cell(""),
        Err(_) => return cell("—"),
    };
    let ConfidenceInterval { value, low, high } = found.speedup;
    let verdict = if found.blocks < MIN_BLOCKS {
        "no verdict".to_string()
    } else {
        found.verdict.to_string()
    };
    let shown = cell(format!("{value:.3} [{low:.3}, {high:.3}] {verdict}"));
    match found.verdict {
        SpeedVerdict::Faster => shown.fg(Color::Green),
        SpeedVerdict::Slower => shown.fg(Color::Red),
        SpeedVerdict::CannotTell => shown,
    }
}
