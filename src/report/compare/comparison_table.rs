//! A comparison for people: one table a source, and below it what was not compared and what the
//! figures stand on.

use super::comparison::{ChangeBasis, ComparedVariant, RowMatch, RunComparison};
use super::row_figures::RowFigures;
use super::source::ComparedSource;
use crate::report::terminal::text_table::{cell, heading, lines, ruled};
use comfy_table::{Cell, Color};
use paring_core::schema::{ConfidenceInterval, SpeedVerdict};
use paring_core::text::terminal_lines;
use paring_core::units::LatencyNs;
use std::collections::BTreeMap;

const HEADER: [&str; 7] =
    ["variant", "target", "before", "after", "after / before", "verdict", "stands on"];

/// A comparison for a terminal.
pub fn comparison_table(comparison: &RunComparison, color: bool) -> String {
    let mut text = String::new();
    let Some((first, others)) = comparison.sources.split_first() else { return text };
    for (index, other) in others.iter().enumerate() {
        let rows: Vec<&ComparedVariant> =
            comparison.rows.iter().filter(|row| row.source == index + 1).collect();
        let titles = format!("before: {}\nafter:  {}", title(first), title(other));
        text += &format!("{}\n", terminal_lines(&titles));
        text += &table(&rows, color);
        text += &lines(remarks(&rows).into_iter().chain([spread(comparison, index + 1)]));
        text += "\n";
    }
    text + &terminal_lines(&(history(comparison) + &footnotes(comparison)))
}

pub(super) fn title(source: &ComparedSource) -> String {
    let path = source.path.display();
    match (source.run_id.as_str(), source.started_at.as_str()) {
        ("", _) => format!("{path} ({})", source.study),
        (run, "") => format!("{path} (run {run})"),
        (run, when) => format!("{path} (run {run}, {when})"),
    }
}

fn table(rows: &[&ComparedVariant], color: bool) -> String {
    let painted = |row: &&ComparedVariant| {
        let mut cells: Vec<Cell> = row_cells(row).into_iter().map(cell).collect();
        let paint = match row.verdict {
            Some(SpeedVerdict::Faster) => Some(Color::Green),
            Some(SpeedVerdict::Slower) => Some(Color::Red),
            _ => None,
        };
        if let (Some(paint), Some(verdict)) = (paint, cells.get_mut(5)) {
            *verdict = std::mem::replace(verdict, cell("")).fg(paint);
        }
        cells
    };
    ruled(HEADER.map(heading).to_vec(), rows.iter().map(painted), 2..5, color)
}

/// The cells of one row, the same in the terminal and in Markdown.
pub(super) fn row_cells(row: &ComparedVariant) -> [String; 7] {
    let sequential = row.basis == Some(ChangeBasis::Sequential);
    let figure = |figures: &Option<RowFigures>| match figures {
        None => "—".to_string(),
        Some(f) if sequential || f.baseline => {
            f.latency_ns.map_or("—".into(), |i| LatencyNs::from_f64(i.value).to_string())
        }
        Some(f) => f.speedup.map_or("—".into(), |i| format!("x {:.3}", i.value)),
    };
    let change = row.change.map_or(String::new(), |ConfidenceInterval { value, low, high }| {
        format!("{value:.3} [{low:.3}, {high:.3}]")
    });
    let verdict = match (row.verdict, row.matched_by) {
        (Some(verdict), _) => verdict.to_string(),
        (None, RowMatch::Alone) => "—".into(),
        (None, _) => "not judged".into(),
    };
    let target = match (&row.before, &row.after) {
        (Some(a), Some(b)) if a.target != b.target && !a.target.is_empty() => {
            format!("{} → {}", a.target, b.target)
        }
        _ => row.either().map(|f| f.target.clone()).unwrap_or_default(),
    };
    let basis = row.basis.map(|b| b.to_string()).unwrap_or_default();
    [row.label(), target, figure(&row.before), figure(&row.after), change, verdict, basis]
}

/// Everything about rows that the table has no room for, one line a reason.
pub(super) fn remarks(rows: &[&ComparedVariant]) -> Vec<String> {
    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut note = |reason: String, row: &ComparedVariant| {
        reasons.entry(reason).or_default().push(row.label());
    };
    for row in rows {
        for reason in &row.not_comparable {
            note(format!("not compared: {reason}"), row);
        }
        for accepted in &row.accepted {
            note(format!("compared nevertheless: {accepted}"), row);
        }
        if row.matched_by == RowMatch::Name {
            note("matched by name: the file or its engine options changed".into(), row);
        }
        let metric = |figures: &Option<RowFigures>| figures.as_ref()?.metric.clone();
        if let (Some((metric, a)), Some((other, b))) = (metric(&row.before), metric(&row.after))
            && metric == other
            && a != b
        {
            note(format!("{metric} {a:.4} before, {b:.4} after"), row);
        }
    }
    reasons.into_iter().map(|(reason, rows)| format!("{reason}: {}", rows.join(", "))).collect()
}

/// The spread between runs, in words.
pub(super) fn spread(comparison: &RunComparison, source: usize) -> String {
    let percent = comparison.spread_pct.get(source).copied().flatten().unwrap_or(0.0);
    match comparison.spread_rows.get(source).copied().unwrap_or(0) {
        few if few < 4 => format!(
            "two runs differ by themselves: ±{percent:.2} % is assumed and in every interval ({few} identical variants are too few to tell)"
        ),
        many => format!(
            "two runs differ by themselves: ±{percent:.2} %, from {many} identical variants, is in every interval"
        ),
    }
}

pub(super) fn history(comparison: &RunComparison) -> String {
    let mut text = String::new();
    for series in &comparison.history {
        let shown = |value: &Option<f64>| match (value, series.figure) {
            (None, _) => "—".to_string(),
            (Some(ns), "latency_p50_ns") => LatencyNs::from_f64(*ns).to_string(),
            (Some(ratio), _) => format!("{ratio:.3}"),
        };
        let values: Vec<String> = series.values.iter().map(shown).collect();
        let flag = if series.flagged { "  FLAGGED" } else { "" };
        text += &format!(
            "history of {} on {}: {}: last {:+.1} %, usual up to {:.1} % ({} earlier changes){flag}\n",
            series.variant,
            series.target,
            values.join(", "),
            series.last_pct,
            series.threshold_pct,
            series.changes
        );
    }
    text
}

pub(super) fn footnotes(comparison: &RunComparison) -> String {
    let has = |basis| comparison.rows.iter().any(|row| row.basis == Some(basis));
    let mut lines = vec![
        "after / before above 1 is faster. Speed-ups (x) are relative to the baseline beside them in \
         their own run; intervals hold for all rows together at 99 %.",
    ];
    if has(ChangeBasis::Sequential) {
        lines.push(
            "sequential: two latencies from different times with nothing beside them; the machine may \
             have been another one, so only a difference above 25 % is judged.",
        );
    }
    lines.join("\n")
}
