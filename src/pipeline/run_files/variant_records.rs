//! Records of variants, as they are read from a run that anybody may have made.

use crate::pipeline::{Folders, PipelineError};
use paring_core::schema::{VariantRecord, check_schema};
use std::collections::BTreeSet;

/// The record of a variant; `None` where the run has no file of that name.
///
/// # Errors
/// [`PipelineError::Record`] where the file is no record, or the record of something else than its
/// name says.
pub(in crate::pipeline) fn read_variant(
    folders: &Folders,
    name: &str,
) -> Result<Option<VariantRecord>, PipelineError> {
    let path = folders.variants().join(format!("{name}.json"));
    let spoilt = |problem: String| PipelineError::Record { path: path.to_path_buf(), problem };
    let bytes = match path.read() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(PipelineError::file("read", &path))?,
    };
    let record: VariantRecord =
        serde_json::from_slice(&bytes).map_err(|e| spoilt(e.to_string()))?;
    check_schema("the record", record.schema).map_err(|e| spoilt(e.to_string()))?;
    match record.name == name {
        true => Ok(Some(record)),
        false => Err(spoilt(format!("it is the record of `{}`", record.name))),
    }
}

/// Names of all variants of a run, sorted.
///
/// # Errors
/// [`PipelineError::File`] where the folder cannot be read.
pub fn variant_names(folders: &Folders) -> Result<Vec<String>, PipelineError> {
    let folder = folders.variants();
    let names = folder.names().map_err(PipelineError::file("read", &folder))?;
    let stem = |name: String| name.strip_suffix(".json").map(str::to_string);
    Ok(names.into_iter().filter_map(stem).collect())
}

/// The record of a variant of a run.
///
/// # Errors
/// [`PipelineError::NoVariant`] names those that there are, [`PipelineError::Record`] a file that is
/// not what its name says.
pub fn variant_record(folders: &Folders, name: &str) -> Result<VariantRecord, PipelineError> {
    match read_variant(folders, name)? {
        Some(record) => Ok(record),
        None => {
            let known = variant_names(folders)?.join("`, `");
            Err(PipelineError::NoVariant { name: name.to_string(), known })
        }
    }
}

/// A variant and those that it was made from, the baseline last.
///
/// # Errors
/// [`PipelineError::NoVariant`] where a record is missing, [`PipelineError::Cycle`] where a variant is
/// said to be made from itself.
pub fn ancestry(folders: &Folders, name: &str) -> Result<Vec<VariantRecord>, PipelineError> {
    let mut line = vec![variant_record(folders, name)?];
    let mut seen = BTreeSet::from([name.to_string()]);
    while let Some(parent) = line.last().and_then(|record| record.parent.clone()) {
        if !seen.insert(parent.clone()) {
            return Err(PipelineError::Cycle { variant: name.to_string(), parent });
        }
        line.push(variant_record(folders, &parent)?);
    }
    Ok(line)
}
