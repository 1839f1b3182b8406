//! A comparison as Markdown.

use super::comparison::{ChangeBasis, ComparedVariant, RunComparison};
use super::comparison_table::{footnotes, history, remarks, spread, title, verdict};
use super::figures::{FigureRow, figure_remarks, figure_rows};
use super::sources::RowFigures;
use crate::report::interval_text::interval_text;
use paring_core::number_format::decimal;
use paring_core::text::printable_lines;
use paring_core::units::LatencyNs;

/// The same in Markdown, for a pull request.
pub fn comparison_markdown(comparison: &RunComparison) -> String {
    let mut text = String::new();
    let Some((first, others)) = comparison.sources.split_first() else { return text };
    for (index, other) in others.iter().enumerate() {
        let rows: Vec<&ComparedVariant> =
            comparison.rows.iter().filter(|row| row.source == index + 1).collect();
        text +=
            &format!("Before: {}  \nAfter: {}\n\n", escaped(&title(first)), escaped(&title(other)));
        text += "| variant | target | before | after | after / before | verdict | stands on |\n";
        text += "| --- | --- | ---: | ---: | ---: | --- | --- |\n";
        for row in &rows {
            let cells: Vec<String> = row_cells(row).iter().map(|cell| escaped(cell)).collect();
            text += &format!("| {} |\n", cells.join(" | "));
        }
        text += "\n";
        text += &figures(&figure_rows(&rows));
        let lines = remarks(&rows).into_iter().chain([spread(comparison, index + 1)]);
        let lines = lines.chain(figure_remarks(&rows));
        text.extend(lines.map(|line| format!("- {}\n", escaped(&line))));
        text += "\n";
    }
    text.extend(history(comparison).lines().map(|line| format!("- {}\n", escaped(line))));
    text += &format!("\n{}\n", footnotes(comparison));
    printable_lines(&text).into_owned()
}

/// Changes of quality, size, memory and energy as a table; empty where there are none.
fn figures(rows: &[FigureRow]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "| variant | target | figure | before | after | change | verdict | stands on |\n",
    );
    text += "| --- | --- | --- | ---: | ---: | ---: | --- | --- |\n";
    for row in rows {
        let verdict = row.verdict.to_string();
        let cells = [
            &row.variant,
            &row.target,
            &row.figure,
            &row.before,
            &row.after,
            &row.change,
            &verdict,
            &row.basis,
        ];
        let cells: Vec<String> = cells.iter().map(|cell| escaped(cell)).collect();
        text += &format!("| {} |\n", cells.join(" | "));
    }
    text + "\n"
}

/// The cells of one row.
fn row_cells(row: &ComparedVariant) -> [String; 7] {
    let sequential = row.basis == Some(ChangeBasis::Sequential);
    let figure = |figures: &Option<RowFigures>| match figures {
        None => "—".to_string(),
        Some(f) if sequential || f.baseline => {
            f.latency_ns.map_or("—".into(), |i| LatencyNs::from_f64(i.value).to_string())
        }
        Some(f) => f.speedup.map_or("—".into(), |i| format!("x {:.3}", i.value)),
    };
    let change = row
        .change
        .map_or_else(String::new, |change| interval_text(change, |ratio| decimal(ratio, 3)));
    let basis = row.basis.map(|b| b.to_string()).unwrap_or_default();
    [
        row.label(),
        row.target_label(),
        figure(&row.before),
        figure(&row.after),
        change,
        verdict(row),
        basis,
    ]
}

/// A name may hold what Markdown takes for a table or an emphasis.
fn escaped(text: &str) -> String {
    let special = |c: char| matches!(c, '|' | '*' | '_' | '`' | '<' | '\\');
    text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}
