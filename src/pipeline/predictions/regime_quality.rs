//! Quality of a variant on the regimes of its run, as the run's files have it.

use crate::pipeline::{Folders, PipelineError, read_json};
use paring_core::schema::{
    Evaluation, FileName, MissingReason, RegimeQuality, RegimeRecord, VariantRecord,
};
use std::collections::BTreeMap;

/// Quality of a variant on every regime that it was evaluated on, by the regime's name.
///
/// # Errors
/// [`PipelineError::File`] where the folder of regimes cannot be read.
pub fn regime_qualities(
    folders: &Folders,
    variant: &VariantRecord,
) -> Result<BTreeMap<String, RegimeQuality>, PipelineError> {
    let folder = folders.regimes();
    let names = folder.names().map_err(PipelineError::file("read", &folder))?;
    let mut found = BTreeMap::new();
    for name in names.into_iter().filter_map(|name| FileName::try_from(name).ok()) {
        let own = folders.regime(&name);
        let record: Option<RegimeRecord> = read_json(&own.regime_record());
        let record = record.filter(|record| record.variants.contains(&variant.variant_id));
        let Some(RegimeRecord { data_sha256, .. }) = record else { continue };
        let evaluation: Option<Evaluation> = read_json(&own.quality(&variant.name));
        let evaluation = evaluation.filter(|own| own.variant_id == variant.variant_id);
        let evaluation = evaluation
            .ok_or_else(|| MissingReason(format!("it could not be evaluated on regime {name}")));
        found.insert(name.to_string(), RegimeQuality { data_sha256, evaluation });
    }
    Ok(found)
}
