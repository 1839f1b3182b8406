//! A cell of a CSV file under the name of its column.

/// The column's name and the cell's text.
pub(in crate::report) type NamedCell = (&'static str, String);
