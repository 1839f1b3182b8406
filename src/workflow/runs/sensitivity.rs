//! Cost and loss of each layer in each precision, from a run's tables.

use crate::pipeline::{Folders, precision_tables};
use crate::workflow::WorkflowError;
use paring_core::schema::PrecisionTable;
use std::path::Path;

/// The precision tables of a run.
///
/// # Errors
/// [`WorkflowError::NoPrecisionTables`] where no step of the run measured precisions.
pub fn sensitivity(run: &Path) -> Result<Vec<PrecisionTable>, WorkflowError> {
    let tables = precision_tables(&Folders::new(run))?;
    match tables.is_empty() {
        true => Err(WorkflowError::NoPrecisionTables(run.to_path_buf())),
        false => Ok(tables),
    }
}
