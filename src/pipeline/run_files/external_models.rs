//! Models that are measured as they are: put into a folder like a run's, with a record each, so that
//! the agent, the journal and the results are those of a run.

use crate::pipeline::{Folders, PipelineError, replace, replace_json};
use paring_agent::arrays::Array;
use paring_agent::engine::{AnalysedModel, DimensionBindings, EngineError, ModelSource};
use paring_core::error_chain::error_chain;
use paring_core::schema::{
    EngineOptions, FileName, MissingReason, OriginalIndices, SCHEMA, Sha256Hex, VariantRecord,
};
use paring_onnx::graph::Graph;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A model somebody gave.
#[derive(Clone, Debug)]
pub struct ExternalModel {
    /// Its name in results, unlike any other.
    pub name: String,
    /// The ONNX file.
    pub path: PathBuf,
    /// Engine options.
    pub options: EngineOptions,
    /// Its lineage, where it comes from a run.
    pub lineage: Option<Box<VariantRecord>>,
}

/// Writes a model into `folders` under its name, with its record; `parent` is the baseline's name,
/// `None` for the baseline itself. A model that cannot be read or analysed is no error but a reason.
///
/// # Errors
/// [`PipelineError::File`] where the folder cannot be written.
pub fn place(
    folders: &Folders,
    given: &ExternalModel,
    parent: Option<&str>,
    dims: &BTreeMap<String, usize>,
    batch: usize,
) -> Result<Result<VariantRecord, MissingReason>, PipelineError> {
    let (mut record, bytes) = match read(given, dims, batch) {
        Ok(found) => found,
        Err(missing) => return Ok(Err(missing)),
    };
    record.parent = parent.map(str::to_string);
    replace(&folders.variants().join(&record.file), &bytes)?;
    replace_json(&folders.variants().join(format!("{}.json", given.name)), &record)?;
    Ok(Ok(record))
}

/// Loads a model as it is to be measured and runs it once on samples of `arrays`: what this machine's
/// engine cannot run is not sent to any target.
///
/// # Errors
/// The engine's reason.
pub fn runs_once(
    given: &ExternalModel,
    arrays: &BTreeMap<String, Array>,
    dims: &BTreeMap<String, usize>,
    batch: usize,
) -> Result<(), MissingReason> {
    let run = || {
        let bindings = DimensionBindings { batch, dims };
        let plan = AnalysedModel::load(ModelSource::File(&given.path), bindings)?
            .optimise(&given.options)?;
        let positions = |array: &Array| -> Vec<usize> {
            (0..batch).map(|position| position % array.rows().max(1)).collect()
        };
        let first = arrays.iter().filter(|(_, array)| array.rows() > 0);
        let first = first.map(|(name, array)| (name.clone(), array.take(&positions(array))));
        plan.run_numbers(&plan.inputs(&first.collect())?).map(drop)
    };
    run().map_err(|error: EngineError| reason(&error))
}

fn read(
    given: &ExternalModel,
    dims: &BTreeMap<String, usize>,
    batch: usize,
) -> Result<(VariantRecord, Vec<u8>), MissingReason> {
    let graph = Graph::load(&given.path).map_err(|e| reason(&e))?;
    // With external data the file alone is not the model.
    let bytes = match graph.self_contained() {
        true => std::fs::read(&given.path).map_err(|e| reason(&e))?,
        false => graph.encode(),
    };
    let file_sha256 = Sha256Hex::of(&bytes);
    let variant_id = VariantRecord::identity(&file_sha256, &given.options);
    let file = FileName::try_from(format!("{}.onnx", given.name)).map_err(|e| reason(&e))?;
    if let Some(lineage) = &given.lineage {
        let (name, file_bytes) = (given.name.clone(), bytes.len() as u64);
        let lineage = (**lineage).clone();
        let record = VariantRecord { name, file, variant_id, file_sha256, file_bytes, ..lineage };
        return Ok((record, bytes));
    }
    let facts = graph.facts(dims, batch).map_err(|e| reason(&e))?;
    let cost = graph.cost(&facts.shapes);
    let record = VariantRecord {
        schema: SCHEMA,
        name: given.name.clone(),
        variant_id,
        file,
        recipe_sha256: file_sha256.clone(),
        file_sha256,
        file_bytes: bytes.len() as u64,
        options: given.options.clone(),
        parent: None,
        recipe: vec![],
        decisions: vec![],
        components_removed: BTreeMap::new(),
        origins: OriginalIndices::default(),
        sparse: BTreeSet::new(),
        parings: vec![],
        steps: vec![],
        refusals: vec![],
        unexplained: vec![],
        params: cost.params,
        weights: cost.weights,
        macs: cost.macs.map(|macs| macs / batch.max(1) as u64),
        sparsity: cost.sparsity,
        precision_mix: cost.precision_mix,
    };
    Ok((record, bytes))
}

fn reason(error: &dyn std::error::Error) -> MissingReason {
    MissingReason(error_chain(error).replace('\n', " "))
}
