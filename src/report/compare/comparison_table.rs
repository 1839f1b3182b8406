//! A comparison for people: one table a source, and below it what was not compared and what the
//! figures stand on.

use super::comparison::{ChangeBasis, ComparedVariant, RowMatch, RunComparison};
use super::figures::{figure_remarks, figures_table};
use super::sources::{ComparedSource, RowFigures};
use crate::report::terminal::TerminalLayout;
use crate::report::terminal::layout::text_table::{TextColumn, cell, fitted};
use crate::report::terminal::layout::{interval_texts, span_texts};
use comfy_table::{Cell, Color};
use paring_core::number_format::counted;
use paring_core::schema::SpeedVerdict;
use paring_core::units::LatencyNs;
use std::collections::BTreeMap;

/// A comparison for a terminal.
pub fn comparison_table(comparison: &RunComparison, layout: TerminalLayout) -> String {
    let mut text = String::new();
    let Some((first, others)) = comparison.sources.split_first() else { return text };
    for (index, other) in others.iter().enumerate() {
        let rows: Vec<&ComparedVariant> =
            comparison.rows.iter().filter(|row| row.source == index + 1).collect();
        let titles = format!("before: {}\nafter:  {}", title(first), title(other));
        text += &format!("{}\n", layout.prose(&titles));
        text += &fitted(columns(&rows), layout);
        text += &layout.lines(remarks(&rows).into_iter().chain([spread(comparison, index + 1)]));
        text += "\n";
        text += &figures_table(&rows, layout);
        let figure_remarks = figure_remarks(&rows);
        if !figure_remarks.is_empty() {
            text += &layout.lines(figure_remarks);
            text += "\n";
        }
    }
    text + &layout.prose(&(history(comparison) + &footnotes(comparison)))
}

pub(super) fn title(source: &ComparedSource) -> String {
    let path = source.path.display();
    match (source.run_id.as_str(), source.started_at.as_str()) {
        ("", _) => format!("{path} ({})", source.study),
        (run, "") => format!("{path} (run {run})"),
        (run, when) => format!("{path} (run {run}, {when})"),
    }
}

/// The columns of a source's table. Latencies go with rows that stand on them, speed-ups with the others.
fn columns(rows: &[&ComparedVariant]) -> Vec<TextColumn> {
    let by_latency = |row: &ComparedVariant| {
        let baseline = |figures: &Option<RowFigures>| figures.as_ref().is_some_and(|f| f.baseline);
        row.basis == Some(ChangeBasis::Sequential) || baseline(&row.before) || baseline(&row.after)
    };
    let sides: [fn(&ComparedVariant) -> &Option<RowFigures>; 2] =
        [|row| &row.before, |row| &row.after];
    let spans = sides.map(|side| {
        let of =
            |row: &&ComparedVariant| side(row).as_ref()?.latency_ns.filter(|_| by_latency(row));
        rows.iter().map(of).collect::<Vec<_>>()
    });
    // Both sides are read against each other: one unit for the two columns.
    let (unit, texts) = span_texts(&spans.concat(), false);
    let mut latencies =
        texts.into_iter().map(|text| if text == "—" { String::new() } else { text });
    let ratios = sides.map(|side| {
        let of = |row: &&ComparedVariant| side(row).as_ref()?.speedup.filter(|_| !by_latency(row));
        let text = |row| of(row).map_or_else(String::new, |i| format!("{:.3}", i.value));
        rows.iter().map(text).collect::<Vec<_>>()
    });
    let [ratio_before, ratio_after] = ratios;
    let names = rows.iter().map(|row| cell(row.label()));
    let changes: Vec<_> = rows.iter().map(|row| row.change).collect();
    let basis = |row: &&ComparedVariant| row.basis.map(|b| b.to_string()).unwrap_or_default();
    let rank = |sequential: bool| if sequential { 2 } else { 3 };
    let sequential =
        rows.iter().any(|row| row.basis == Some(ChangeBasis::Sequential) && !is_baseline(row));
    let before: Vec<String> = latencies.by_ref().take(rows.len()).collect();
    // Of several targets rows cannot be told apart without theirs.
    let several = rows.windows(2).any(|pair| pair[0].target_label() != pair[1].target_label());
    let target_rank = u8::from(!several);
    let mut columns = vec![
        TextColumn::text("variant", 0, names),
        TextColumn::text("target", target_rank, rows.iter().map(|row| cell(row.target_label()))),
        TextColumn::units("p50 before", rank(sequential), (unit, before)),
        TextColumn::units("after", rank(sequential), (unit, latencies.collect())),
        TextColumn::units("x before", rank(!sequential), ("", ratio_before)),
        TextColumn::units("x after", rank(!sequential), ("", ratio_after)),
        TextColumn::units("after / before", 0, ("", interval_texts(&changes, true))),
        TextColumn::text("verdict", 0, rows.iter().map(|row| verdict_cell(row))),
        TextColumn::text("stands on", 4, rows.iter().map(|row| cell(basis(row)))),
    ];
    columns.retain(TextColumn::holds_something);
    columns
}

fn is_baseline(row: &ComparedVariant) -> bool {
    row.either().is_some_and(|figures| figures.baseline)
}

fn verdict_cell(row: &ComparedVariant) -> Cell {
    match row.verdict {
        Some(SpeedVerdict::Faster) => cell(verdict(row)).fg(Color::Green),
        Some(SpeedVerdict::Slower) => cell(verdict(row)).fg(Color::Red),
        _ => cell(verdict(row)),
    }
}

pub(super) fn verdict(row: &ComparedVariant) -> String {
    match (row.verdict, row.matched_by) {
        (Some(verdict), _) => verdict.to_string(),
        (None, RowMatch::Alone) => "—".into(),
        (None, _) => "not judged".into(),
    }
}

/// Everything about rows that the table has no room for, one line a reason.
pub(super) fn remarks(rows: &[&ComparedVariant]) -> Vec<String> {
    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let several = rows.windows(2).any(|pair| pair[0].target_label() != pair[1].target_label());
    let mut note = |reason: String, row: &ComparedVariant| {
        let name = match several {
            true => format!("{} on {}", row.label(), row.target_label()),
            false => row.label(),
        };
        let named = reasons.entry(reason).or_default();
        if !named.contains(&name) {
            named.push(name);
        }
    };
    for row in rows {
        for reason in &row.not_comparable {
            note(format!("not compared: {}", without_counts(reason)), row);
        }
        for accepted in &row.accepted {
            note(format!("compared nevertheless: {accepted}"), row);
        }
        if row.matched_by == RowMatch::Name {
            note("matched by name: the file or its engine options changed".into(), row);
        }
    }
    let named = |names: Vec<String>| match names.len() == rows.len() && rows.len() > 1 {
        true => format!("all {} rows", rows.len()),
        false => names.join(", "),
    };
    reasons.into_iter().map(|(reason, rows)| format!("{reason}: {}", named(rows))).collect()
}

/// A reason without the numbers of blocks in it, which differ from row to row where a machine was busy.
fn without_counts(reason: &str) -> String {
    match reason.split_once("not valid: ") {
        Some((whose, why)) if why.contains("blocks saw a quiet") || why.contains("on a quiet") => {
            format!("{whose}not valid: too few of its blocks saw a quiet machine")
        }
        _ => reason.to_string(),
    }
}

/// The spread between runs, in words.
pub(super) fn spread(comparison: &RunComparison, source: usize) -> String {
    let percent = comparison.spread_pct.get(source).copied().flatten().unwrap_or(0.0);
    match comparison.spread_rows.get(source).copied().unwrap_or(0) {
        few if few < 4 => format!(
            "two runs differ by themselves: ±{percent:.2} % is assumed and in every interval ({} {} too few to tell)",
            counted(few as u64, "identical variant"),
            if few == 1 { "is" } else { "are" }
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
            "history of {} on {}: {}: last {:+.1} %, usual up to {:.1} % ({}){flag}\n",
            series.variant,
            series.target,
            values.join(", "),
            series.last_pct,
            series.threshold_pct,
            counted(series.changes as u64, "earlier change")
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
    if comparison.rows.iter().any(|row| !row.figures.is_empty()) {
        lines.push(
            "accuracy stands for the primary metric; its intervals hold for all variants together at \
             95 %, those of memory and energy at 99 %. A figure is worse where all of its interval is: \
             accuracy at all, size by more than 1 %, memory by 2 % (10 % without an interval), energy \
             by 5 %.",
        );
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::compare::SourceKind;
    use crate::report::compare::comparison::SpeedupSeries;
    use insta::assert_snapshot;
    use paring_core::schema::{ConfidenceInterval, SCHEMA};

    fn interval(value: f64) -> ConfidenceInterval {
        ConfidenceInterval { value, low: value - 0.0125, high: value + 0.0125 }
    }

    fn source(path: &str) -> ComparedSource {
        ComparedSource {
            path: path.into(),
            kind: SourceKind::Run,
            run_id: "1f2e3d4c".into(),
            study: "digits".into(),
            started_at: "2026-11-30T10:00:00Z".into(),
            rows: vec![],
            answers: None,
        }
    }

    fn row(name: &str, change: Option<f64>, basis: ChangeBasis) -> ComparedVariant {
        let figures = |speedup: f64, accuracy: f64| RowFigures {
            variant: name.into(),
            target: "host".into(),
            baseline: name == "baseline",
            batch: 1,
            latency_ns: Some(ConfidenceInterval {
                value: 192_000.0,
                low: 190_000.0,
                high: 194_000.0,
            }),
            speedup: Some(interval(speedup)),
            metric: Some(("accuracy".into(), accuracy)),
            ..RowFigures::default()
        };
        let verdict = change.map(|ratio| match ratio {
            ratio if ratio < 0.98 => SpeedVerdict::Slower,
            _ => SpeedVerdict::CannotTell,
        });
        ComparedVariant {
            source: 1,
            matched_by: RowMatch::Identity,
            before: Some(figures(1.85, 0.992)),
            after: Some(figures(1.85 * change.unwrap_or(1.0), 0.987)),
            basis: Some(basis),
            change: change.map(interval),
            verdict,
            not_comparable: match change {
                Some(_) => vec![],
                None => vec!["after: not valid: hardly ever quiet".into()],
            },
            accepted: vec![],
            figures: vec![],
            unjudged: vec![],
        }
    }

    #[test]
    fn rows_of_several_targets_keep_their_target() {
        let on = |target: &str, change: f64| {
            let mut own =
                row("pruned-0.25-int8-with-a-long-name", Some(change), ChangeBasis::Blocks);
            for figures in [&mut own.before, &mut own.after].into_iter().flatten() {
                figures.target = target.into();
            }
            own
        };
        let rows = [on("kitchen-raspberry-pi-4", 1.0), on("shed-jetson-orin-nano", 0.95)];
        let rows: Vec<&ComparedVariant> = rows.iter().collect();
        assert_snapshot!(fitted(columns(&rows), TerminalLayout::default()), @"
        ────────────────────────────────────────────────────────────────────────────────
        variant                   target                     after / before  verdict
        ────────────────────────────────────────────────────────────────────────────────
        pruned-0.25-…a-long-name  kitchen-raspberry-pi-4  1.00 [0.99, 1.01]  cannot tell
        pruned-0.25-…a-long-name  shed-jetson-orin-nano   0.95 [0.94, 0.96]  slower
        ────────────────────────────────────────────────────────────────────────────────
        --wide adds: x before; x after; stands on
        ");
    }

    #[test]
    fn rows_remarks_history_and_footnotes() {
        let comparison = RunComparison {
            schema: SCHEMA,
            sources: vec![source("paring-runs/before"), source("paring-runs/after")],
            rows: vec![
                row("baseline", Some(1.0), ChangeBasis::Sequential),
                row("pruned-0.25-int8", Some(0.95), ChangeBasis::Blocks),
                row("nhwc", None, ChangeBasis::Blocks),
            ],
            spread_pct: vec![None, Some(1.0)],
            spread_rows: vec![0, 1],
            history: vec![SpeedupSeries {
                variant: "half".into(),
                target: "host".into(),
                figure: "speedup",
                values: vec![Some(1.85), None, Some(1.7)],
                last_pct: -8.1,
                threshold_pct: 2.0,
                changes: 1,
                flagged: true,
            }],
        };
        assert_snapshot!(comparison_table(&comparison, TerminalLayout::default()), @"
        before: paring-runs/before (run 1f2e3d4c, 2026-11-30T10:00:00Z)
        after:  paring-runs/after (run 1f2e3d4c, 2026-11-30T10:00:00Z)
        ───────────────────────────────────────────────────────────────────────────
        variant           target  x before  x after     after / before  verdict
        ───────────────────────────────────────────────────────────────────────────
        baseline          host                       1.00 [0.99, 1.01]  cannot tell
        pruned-0.25-int8  host       1.850    1.758  0.95 [0.94, 0.96]  slower
        nhwc              host       1.850    1.850                  —  not judged
        ───────────────────────────────────────────────────────────────────────────
        --wide adds: p50 before, µs; after, µs; stands on
        not compared: after: not valid: hardly ever quiet: nhwc
        two runs differ by themselves: ±1.00 % is assumed and in every interval (1 identical variant is too few to tell)
        history of half on host: 1.850, —, 1.700: last -8.1 %, usual up to 2.0 % (1 earlier change)  FLAGGED
        after / before above 1 is faster. Speed-ups (x) are relative to the baseline beside them in their own run; intervals hold for all rows together at 99 %.
        sequential: two latencies from different times with nothing beside them; the machine may have been another one, so only a difference above 25 % is judged.
        ");
    }
}
