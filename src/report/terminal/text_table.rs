//! Tables with a rule above, below and under the header, and what stands under them. Every cell and
//! every line is escaped and shortened here.

use comfy_table::{
    Attribute, Cell, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle,
};
use paring_core::text::{table_cell, terminal_lines};
use std::ops::Range;

/// Columns of a terminal that lines fit into.
pub(in crate::report) const COLUMNS: usize = 80;

const RULE: LineStyle = LineStyle::none().fill('─').junction('─');
/// Three rules and no other lines.
const RULED: TableStyle =
    TableStyle::new().top_border(RULE).header_separator(RULE).bottom_border(RULE);

/// A cell that moves no cursor, whatever its text is.
pub(in crate::report) fn cell(text: impl ToString) -> Cell {
    Cell::new(table_cell(&text.to_string()))
}

/// A heading.
pub(in crate::report) fn heading(text: impl ToString) -> Cell {
    cell(text).add_attribute(Attribute::Bold)
}

/// A table whose columns `figures` are aligned to the right; `color` for terminals that show it.
pub(in crate::report) fn ruled(
    header: Vec<Cell>,
    rows: impl IntoIterator<Item = Vec<Cell>>,
    figures: Range<usize>,
    color: bool,
) -> String {
    let mut table = Table::new();
    table.load_style(RULED).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for index in figures {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    if color {
        table.enforce_styling()
    } else {
        table.force_no_tty()
    };
    table.to_string()
}

/// Lines under a table.
pub(in crate::report) fn lines(lines: impl IntoIterator<Item = String>) -> String {
    lines.into_iter().map(|line| format!("\n{}", terminal_lines(&line))).collect()
}

/// At most so many characters of a name, with both of its ends, which tell it from its neighbours.
pub(in crate::report) fn shortened_inside(name: &str, most: usize) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= most {
        return name.into();
    }
    let (begin, end) = (most / 2, (most - most / 2).saturating_sub(1));
    let (head, tail) = (letters.iter().take(begin), letters.iter().skip(letters.len() - end));
    head.chain(&['…']).chain(tail).collect()
}
