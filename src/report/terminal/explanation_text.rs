//! An explanation in a terminal.

use super::text_table::table;
use crate::report::explanation_rows::{header, lines, rows};
use paring_core::schema::Explanation;

/// The group's parts in the change of what counts most and of time, then everything in words.
pub fn explanation_text(found: &Explanation) -> String {
    let header = header(found);
    let mut text = format!("{}\n", table(&header.each_ref().map(String::as_str), rows(found)));
    text.extend(lines(found).map(|line| format!("{line}\n")));
    for note in &found.notes {
        text += &format!("note by {}: {}\n", note.by, note.text);
    }
    text
}
