//! Cells of CSV files: under the name of their column, and of intervals.

use paring_core::schema::ConfidenceInterval;

/// The column's name and the cell's text.
pub(in crate::report) type NamedCell = (&'static str, String);

/// Value, low and high with six decimals; empty without an interval.
pub(super) fn interval_cells(interval: Option<ConfidenceInterval>) -> [String; 3] {
    match interval {
        Some(ConfidenceInterval { value, low, high }) => {
            [value, low, high].map(|v| format!("{v:.6}"))
        }
        None => Default::default(),
    }
}
