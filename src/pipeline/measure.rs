//! Measuring variants on a target: the job, the agent, and the journal's sum.

use super::{Folders, PipelineError, replace, replace_json};
use crate::bench::{Progress, Summary, read_journal};
use crate::data::{Dataset, write_tensors};
use crate::record::{
    Environment, Job, JobModel, Measurement, SCHEMA, SampleRules, Sha256Hex, VariantRecord,
};
use crate::target::LocalAgent;
use std::collections::BTreeMap;
use std::path::Path;

/// A target is sent at most this many samples: the agent cycles a few of them.
const MOST_SAMPLES: usize = 64;

/// How variants are measured.
#[derive(Clone, Debug)]
pub struct Bench<'a> {
    /// Name of the target.
    pub target: &'a str,
    /// Hash of the rules of timing.
    pub measurement_sha256: Sha256Hex,
    /// Seeds the schedule.
    pub seed: u64,
    /// Blocks of each kind for each variant.
    pub blocks: u32,
    /// Rules inside a block.
    pub rules: SampleRules,
    /// Batch sizes.
    pub batches: &'a [usize],
    /// Values for symbolic dimensions.
    pub dims: &'a BTreeMap<String, usize>,
    /// Where real inputs come from, and which samples may be used.
    pub data: &'a Dataset,
    /// The samples.
    pub samples: &'a [usize],
}

/// Writes the job's inputs and gives the job.
///
/// # Errors
/// [`PipelineError::File`] names what cannot be written.
pub fn job(
    folders: &Folders,
    bench: &Bench,
    variants: &[VariantRecord],
) -> Result<Job, PipelineError> {
    let folder = folders.journal(bench.target);
    // Enough for the largest batch, even where that wraps around.
    let most = MOST_SAMPLES.max(bench.batches.iter().copied().max().unwrap_or(1));
    let samples: Vec<usize> = bench.samples.iter().copied().take(most).collect();
    let path = folder.join("inputs.safetensors");
    let bytes = write_tensors(&bench.data.inputs_at(&samples))
        .map_err(|e| PipelineError::file("write", &path)(std::io::Error::other(e)))?;
    replace(&path, &bytes)?;
    let models = variants
        .iter()
        .map(|variant| JobModel {
            name: variant.name.clone(),
            variant_id: variant.variant_id.clone(),
            path: Path::new("../../variants").join(&variant.file),
            sha256: variant.file_sha256.clone(),
            options: variant.options.clone(),
            baseline: variant.parent.is_none(),
        })
        .collect();
    Ok(Job {
        schema: SCHEMA,
        measurement_sha256: bench.measurement_sha256.clone(),
        seed: bench.seed,
        blocks: bench.blocks,
        rules: bench.rules.clone(),
        inputs: "inputs.safetensors".into(),
        inputs_sha256: Sha256Hex::of(&bytes),
        batches: bench.batches.to_vec(),
        dims: bench.dims.clone(),
        models,
    })
}

/// Has the agent measure what its journal lacks, and sums the journal up: for every batch the
/// measurements of the variants, in their order.
///
/// # Errors
/// [`PipelineError`] where the agent or the journal fails.
pub fn measure(
    folders: &Folders,
    bench: &Bench,
    variants: &[VariantRecord],
    heard: &mut dyn FnMut(Progress),
) -> Result<(Environment, Vec<Vec<Measurement>>), PipelineError> {
    let folder = folders.journal(bench.target);
    let job = job(folders, bench, variants)?;
    let job_path = folder.join("job.json");
    replace_json(&job_path, &job)?;
    let failed = |source| PipelineError::Target { target: bench.target.to_string(), source };
    let environment = LocalAgent.probe().map_err(failed)?;
    replace_json(&folder.join("environment.json"), &environment)?;
    let journal = folder.join("blocks.jsonl");
    LocalAgent.run(&job_path, &journal, heard).map_err(failed)?;
    let mut records = read_journal(&journal)?;
    records.retain(|record| record.measurement_sha256 == bench.measurement_sha256);
    let summary = Summary::new(&records);
    let needed = bench.blocks as usize;
    let of = |variant: &VariantRecord, batch: usize| {
        summary.measurement(&variant.variant_id, batch, variant.parent.is_none(), needed)
    };
    let by_batch = bench.batches.iter().map(|b| variants.iter().map(|v| of(v, *b)).collect());
    Ok((environment, by_batch.collect()))
}
