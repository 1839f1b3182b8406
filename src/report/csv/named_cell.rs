//! A cell of a CSV file under the name of its column.

/// The column's name and the cell's text.
pub(super) type NamedCell = (&'static str, String);
