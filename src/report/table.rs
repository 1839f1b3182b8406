//! Plain tables with a rule above, below and under the header.

use super::terminal::RULED;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table};

/// The table of some rows; the first column is words, the others figures.
pub(super) fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(RULED).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().map(Cell::new));
    rows.into_iter().for_each(|row| {
        table.add_row(row);
    });
    (1..header.len()).for_each(|index| {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    });
    table.force_no_tty();
    table.to_string()
}
