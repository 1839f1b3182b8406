//! Measurement of one block in this process, by its kind.

use super::block_bench::{BlockBench, memory};
use super::block_error::BlockError;
use super::energy_block::measure_energy_block;
use super::partner_process::serve_orders;
use super::processor_affinity::pin_for;
use super::sustained_block::measure_sustained_block;
use crate::measure::count_allocations;
use paring_core::schema::{
    BlockAttempt, BlockData, BlockKey, BlockKind, ExecutionSetting, Job, JobModel, NodeProfile,
};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Runs of a profile, and when it stops early.
const PROFILE_RUNS: usize = 101;

const PROFILE_TIME: Duration = Duration::from_secs(2);

/// Measures one block of `job` in this process. `folder` is what the job's paths are relative to.
///
/// # Errors
/// [`BlockError`] names the variant or the file.
pub(crate) fn measure_block(
    job: &Job,
    folder: &Path,
    attempt: &BlockAttempt,
    partner: Command,
) -> Result<BlockData, BlockError> {
    count_allocations(true);
    let start = memory();
    let key = &attempt.key;
    let bench = BlockBench::open(job, folder, key.setting)?;
    let model = bench.model(&key.variant_id)?;
    match key.kind {
        BlockKind::Solo => bench.solo(model, start).map(|b| BlockData::Solo(Box::new(b))),
        BlockKind::Paired => {
            let seed = job.seed ^ u64::from(attempt.number);
            bench.paired(model, &format!("{key}"), seed, partner).map(BlockData::Paired)
        }
        BlockKind::Sustained => {
            let span = job.sustained_ns.ok_or(BlockError::Absent("long load"))?;
            let mut stand = bench.load(model)?.stand;
            count_allocations(false);
            let engine = |source| BlockError::Engine { model: model.name.clone(), source };
            measure_sustained_block(&mut stand, &job.rules, span)
                .map(BlockData::Sustained)
                .map_err(engine)
        }
        BlockKind::Energy => {
            measure_energy_block(&bench, model, attempt).map(|b| BlockData::Energy(Box::new(b)))
        }
    }
}

/// Times the nodes of a model of `job` in this process.
///
/// # Errors
/// [`BlockError`] names the model or the file.
pub(crate) fn profile_nodes(
    job: &Job,
    folder: &Path,
    model: &JobModel,
    batch: usize,
) -> Result<NodeProfile, BlockError> {
    let bench = BlockBench::open(job, folder, ExecutionSetting::of_batch(batch))?;
    let engine = |source| BlockError::Engine { model: model.name.clone(), source };
    let mut stand = bench.load(model)?.stand;
    stand.warm_up(&job.rules).map_err(engine)?;
    let inputs = &stand.cycle.all()[0];
    let found = stand.plan.profile_within(inputs, PROFILE_RUNS, PROFILE_TIME).map_err(engine)?;
    Ok(found.record(model.variant_id.clone(), batch))
}

/// Does what the other side of a pair asks of this process: it holds the baseline.
///
/// # Errors
/// [`BlockError`] names the variant or the file.
pub(crate) fn serve_baseline(job: &Job, folder: &Path, key: &BlockKey) -> Result<(), BlockError> {
    let bench = BlockBench::open(job, folder, key.setting)?;
    let baseline = bench.baseline()?;
    let variant = bench.model(&key.variant_id)?;
    pin_for(job, key.setting, variant, baseline)?;
    serve_orders(bench.load(baseline)?.stand, &job.rules)
}
