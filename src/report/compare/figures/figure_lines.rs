//! Changes of quality, size, memory and energy for people: rows of a table, and lines below it.

use super::figure_change::{ComparedFigure, FigureChange, FigureVerdict};
use crate::report::compare::comparison::{ComparedVariant, RunComparison};
use crate::report::terminal::layout::text_table::{TextColumn, cell, fitted};
use crate::report::terminal::{TerminalLayout, signed_change};
use comfy_table::{Cell, Color};
use paring_core::number_format::{counted, decimal, signed, significant};
use paring_core::schema::{ConfidenceInterval, Metric};
use paring_core::units::Bytes;
use std::collections::{BTreeMap, BTreeSet};

/// A changed figure of a variant, as text.
pub(in crate::report::compare) struct FigureRow {
    pub(in crate::report::compare) variant: String,
    /// Empty of figures that are the variant's own.
    pub(in crate::report::compare) target: String,
    pub(in crate::report::compare) figure: String,
    pub(in crate::report::compare) before: String,
    pub(in crate::report::compare) after: String,
    pub(in crate::report::compare) change: String,
    pub(in crate::report::compare) verdict: FigureVerdict,
    pub(in crate::report::compare) basis: String,
}

/// Every figure that changed, or of which it cannot be told, by variant.
pub(in crate::report::compare) fn figure_rows(rows: &[&ComparedVariant]) -> Vec<FigureRow> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for row in rows {
        for change in row.figures.iter().filter(|c| c.verdict != FigureVerdict::Unchanged) {
            let own = change.figure.is_of_variant();
            let name = row.either().map(|f| f.variant.clone()).unwrap_or_default();
            if own && !seen.insert((name.clone(), change.figure)) {
                continue;
            }
            found.push(FigureRow {
                variant: if own { name } else { row.label() },
                target: if own { String::new() } else { row.target_label() },
                figure: figure_name(change),
                before: value(change, change.before),
                after: value(change, change.after),
                change: change_text(change),
                verdict: change.verdict,
                basis: change.basis.to_string(),
            });
        }
    }
    found
}

/// The figures as a table; empty where none changed.
pub(in crate::report::compare) fn figures_table(
    rows: &[&ComparedVariant],
    layout: TerminalLayout,
) -> String {
    let rows = figure_rows(rows);
    if rows.is_empty() {
        return String::new();
    }
    let texts = |of: fn(&FigureRow) -> &String| -> Vec<Cell> {
        rows.iter().map(|row| cell(of(row))).collect()
    };
    let verdicts = rows.iter().map(|row| match row.verdict {
        FigureVerdict::Better => cell(row.verdict).fg(Color::Green),
        FigureVerdict::Worse => cell(row.verdict).fg(Color::Red),
        _ => cell(row.verdict),
    });
    let mut columns = vec![
        TextColumn::text("variant", 0, texts(|row| &row.variant)),
        TextColumn::text("target", 2, texts(|row| &row.target)),
        TextColumn::text("figure", 0, texts(|row| &row.figure)),
        TextColumn::figures("before", 1, texts(|row| &row.before)),
        TextColumn::figures("after", 1, texts(|row| &row.after)),
        TextColumn::figures("change", 0, texts(|row| &row.change)),
        TextColumn::text("verdict", 0, verdicts),
        TextColumn::text("stands on", 3, texts(|row| &row.basis)),
    ];
    columns.retain(TextColumn::holds_something);
    fitted(columns, layout)
}

/// Lines about what did not change, and what was not judged with the reason.
pub(in crate::report::compare) fn figure_remarks(rows: &[&ComparedVariant]) -> Vec<String> {
    let mut unchanged: BTreeMap<ComparedFigure, (String, BTreeSet<String>)> = BTreeMap::new();
    let mut unjudged: BTreeMap<(ComparedFigure, &str), BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        for change in row.figures.iter().filter(|c| c.verdict == FigureVerdict::Unchanged) {
            let entry = unchanged.entry(change.figure);
            let (_, names) = entry.or_insert_with(|| (figure_name(change), BTreeSet::new()));
            names.insert(format!("{} {}", row.label(), row.target_label()));
        }
        for figure in &row.unjudged {
            let names = unjudged.entry((figure.figure, &figure.reason)).or_default();
            names.insert(row.label());
        }
    }
    let mut lines = Vec::new();
    if !unchanged.is_empty() {
        let parts: Vec<String> = unchanged
            .values()
            .map(|(name, rows)| format!("{name} ({})", counted(rows.len(), "row")))
            .collect();
        lines.push(format!("unchanged: {}", parts.join(", ")));
    }
    lines.extend(unjudged.into_iter().map(|((figure, reason), names)| {
        let names: Vec<String> = names.into_iter().collect();
        format!("{figure} not judged: {reason}: {}", names.join(", "))
    }));
    lines
}

/// The figure's name; of quality the metric's.
fn figure_name(change: &FigureChange) -> String {
    match change.figure {
        ComparedFigure::Accuracy => change.name.clone(),
        figure => figure.to_string(),
    }
}

fn value(change: &FigureChange, value: f64) -> String {
    match change.figure {
        ComparedFigure::Accuracy => match metric(change).is_some_and(Metric::is_share) {
            true => format!("{} %", decimal(100.0 * value, 2)),
            false => significant(value),
        },
        ComparedFigure::Size | ComparedFigure::Memory => Bytes(value.round() as u64).to_string(),
        ComparedFigure::Energy => format!("{} µJ", significant(value)),
    }
}

fn metric(change: &FigureChange) -> Option<Metric> {
    change.name.parse().ok()
}

/// The change with its interval: of quality a difference, of others in percent.
fn change_text(change: &FigureChange) -> String {
    if let (ComparedFigure::Accuracy, Some(metric)) = (change.figure, metric(change)) {
        return signed_change(metric, change.change);
    }
    let ConfidenceInterval { value, low, high } = change.change;
    let percent = |ratio: f64| signed(100.0 * (ratio - 1.0), 1);
    match low == high {
        true => format!("{} %", percent(value)),
        false => format!("{} % [{}, {}]", percent(value), percent(low), percent(high)),
    }
}

/// Variants of which a figure became worse, for a person; each once.
pub fn worsened(comparison: &RunComparison, figure: ComparedFigure) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for row in &comparison.rows {
        let worse = |c: &&FigureChange| c.figure == figure && c.verdict == FigureVerdict::Worse;
        for change in row.figures.iter().filter(worse) {
            let sentence = sentence(row, change);
            if !found.contains(&sentence) {
                found.push(sentence);
            }
        }
    }
    found
}

/// Rows of which a figure was not judged, for a person.
pub fn unjudged(comparison: &RunComparison, figure: ComparedFigure) -> Vec<String> {
    let rows = comparison.rows.iter();
    let own = rows.flat_map(|row| row.unjudged.iter().map(move |own| (row, own)));
    let own = own.filter(|(_, own)| own.figure == figure);
    own.map(|(row, own)| format!("`{}` {figure}: {}", row.label(), own.reason)).collect()
}

/// A changed figure in one sentence.
fn sentence(row: &ComparedVariant, change: &FigureChange) -> String {
    let place = match change.figure.is_of_variant() {
        true => row.either().map(|f| f.variant.clone()).unwrap_or_default(),
        false => row.label(),
    };
    let (before, after) = (value(change, change.before), value(change, change.after));
    let (name, changed) = (figure_name(change), change_text(change));
    format!("`{place}` {name} {before} before, {after} after ({changed})")
}
