//! The results of several runs as one CSV table; `run_id` tells them apart.

use crate::report::ReportError;
use crate::report::csv::results_cells;
use crate::report::html::RunReport;
use paring_data::CsvTable;

/// The rows of results.csv of all runs, one below the other.
///
/// # Errors
/// [`ReportError`] where the encoder fails, which a buffer in memory does not.
pub fn runs_csv(runs: &[RunReport]) -> Result<Vec<u8>, ReportError> {
    let mut table = CsvTable::default();
    for row in runs.iter().flat_map(|run| results_cells(run.facts, run.rows)) {
        table.record(&row)?;
    }
    table.finish().map_err(ReportError::Buffer)
}
