//! A comparison as Markdown.

use super::comparison::{ComparedVariant, RunComparison};
use super::comparison_table::{footnotes, history, remarks, row_cells, spread, title};
use paring_core::text::printable_lines;

/// The terminal's table in Markdown, for a pull request.
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
        let lines = remarks(&rows).into_iter().chain([spread(comparison, index + 1)]);
        text.extend(lines.map(|line| format!("- {}\n", escaped(&line))));
        text += "\n";
    }
    text.extend(history(comparison).lines().map(|line| format!("- {}\n", escaped(line))));
    text += &format!("\n{}\n", footnotes(comparison));
    printable_lines(&text).into_owned()
}

/// A name may hold what Markdown takes for a table or an emphasis.
fn escaped(text: &str) -> String {
    let special = |c: char| matches!(c, '|' | '*' | '_' | '`' | '<' | '\\');
    text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}
