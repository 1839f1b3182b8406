//! The data of a run as a Croissant record, after they were found to be the run's.

use super::card::words;
use crate::ledger::read_ledger;
use crate::pipeline::{BASELINE, Folders, variant_record};
use crate::report::{CroissantData, croissant_record};
use crate::study::{self, Protocol, RunDirectory};
use crate::workflow::WorkflowError;
use paring_core::schema::Sha256Hex;
use std::path::Path;

/// The Croissant record of a run's data, which lie in one file.
///
/// # Errors
/// [`WorkflowError`] of a run that does not hold, and of data that are not the run's.
pub fn data_card(run: &Path, data: &Path) -> Result<String, WorkflowError> {
    study::verify(run, None)?;
    if data.is_dir() {
        return Err(WorkflowError::Option(format!(
            "{} is a folder: a croissant record names data in one file",
            data.display()
        )));
    }
    let folders = Folders::new(run);
    let protocol = RunDirectory::protocol_of(run)?;
    let baseline = folders.variants().join(&variant_record(&folders, BASELINE)?.file);
    let scratch = tempfile::tempdir().map_err(WorkflowError::TemporaryFolder)?;
    let study = study::load_replayed(run, &baseline.to_path_buf(), data, scratch.path())?;
    let found = Protocol::new(&study, &study::open(&study)?, protocol.quick);
    if found.data_sha256 != protocol.data_sha256 {
        let (path, what) = (run.to_path_buf(), "data, splits or metrics");
        return Err(study::StudyError::OtherProtocol { path, what }.into());
    }
    let failed = |source| WorkflowError::ReadFile { path: data.to_path_buf(), source };
    let (_, words) = words(&read_ledger(&folders.ledger())?);
    let record = croissant_record(&CroissantData {
        study: protocol.study.clone(),
        run_id: protocol.run_id.clone(),
        file: data.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        bytes: std::fs::metadata(data).map_err(failed)?.len(),
        sha256: Sha256Hex::of_file(data).map_err(failed)?.to_string(),
        data_sha256: protocol.data_sha256.to_string(),
        purpose: words.get("purpose").cloned(),
    });
    Ok(format!("{record:#}\n"))
}
