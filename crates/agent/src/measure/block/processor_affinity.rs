//! The processors that the processes of a block are kept on.

use super::block_error::BlockError;
use crate::sensors::ProcessorSet;
use paring_core::schema::{BlockKey, BlockKind, ExecutionSetting, Job, JobModel};
use std::path::Path;

/// The processors that a block of `job` may run on, as far as the agent's own process may.
pub(crate) fn block_processors(root: &Path, job: &Job, key: &BlockKey) -> ProcessorSet {
    if !job.affinity.is_empty() {
        return ProcessorSet::of(root, &job.affinity);
    }
    let allowed = ProcessorSet::of_process(root);
    let variant = job.models.iter().find(|model| model.variant_id == key.variant_id);
    let baseline = job.models.iter().find(|model| model.baseline);
    match (key.kind, variant.zip(baseline)) {
        (BlockKind::Paired, Some((variant, baseline)))
            if shares_one(job, key.setting, variant, baseline) =>
        {
            ProcessorSet::of(root, allowed.numbers().last().map_or(&[], std::slice::from_ref))
        }
        _ => allowed,
    }
}

/// Keeps this process, and what it starts, on some processors; on all where none is named.
pub(crate) fn keep_on(processors: &[usize]) -> Result<(), BlockError> {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    if processors.is_empty() {
        return Ok(());
    }
    let failed = |error: std::io::Error| BlockError::Affinity(processors.to_vec(), error);
    let mut wanted = CpuSet::new();
    if let Some(far) = processors.iter().find(|processor| **processor >= CpuSet::MAX_CPU) {
        return Err(failed(std::io::Error::other(format!("there is no processor {far}"))));
    }
    processors.iter().for_each(|processor| wanted.set(*processor));
    sched_setaffinity(None, &wanted).map_err(|e| failed(e.into()))?;
    // The kernel leaves out processors that are offline without a word.
    let found = sched_getaffinity(None).map_err(|e| failed(e.into()))?;
    match found == wanted {
        true => Ok(()),
        false => Err(failed(std::io::Error::other("some of them are offline"))),
    }
}

/// Keeps both processes of a pair on one processor, where the job does not say on which: they run in
/// turn, and must not run in different places. With more threads than one they stay free.
pub(crate) fn pin_for(
    job: &Job,
    setting: ExecutionSetting,
    variant: &JobModel,
    baseline: &JobModel,
) -> Result<Option<usize>, BlockError> {
    if !shares_one(job, setting, variant, baseline) {
        return Ok(None);
    }
    // The last that this process may run on: the partner inherits it and comes to the same.
    let allowed = rustix::thread::sched_getaffinity(None)
        .map_err(|error| BlockError::Affinity(vec![], error.into()))?;
    let last = (0..rustix::thread::CpuSet::MAX_CPU).rfind(|processor| allowed.is_set(*processor));
    if let Some(processor) = last {
        keep_on(&[processor])?;
    }
    Ok(last)
}

/// True if the two processes of a pair share one processor.
fn shares_one(
    job: &Job,
    setting: ExecutionSetting,
    variant: &JobModel,
    baseline: &JobModel,
) -> bool {
    let single = setting.threads == 1 && setting.streams == 1;
    needs_two(variant, baseline) && job.affinity.is_empty() && single
}

/// True if two models cannot be in one process.
pub(crate) fn needs_two(variant: &JobModel, baseline: &JobModel) -> bool {
    variant.options.without_isa != baseline.options.without_isa
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::job::example_job as job;

    #[test]
    fn a_block_s_processors_are_those_that_its_process_will_be_kept_on() {
        let root = tempfile::tempdir().unwrap();
        let of = |job: &Job, kind: BlockKind| {
            let variant_id = job.models[1].variant_id.clone();
            let key =
                BlockKey { kind, variant_id, setting: ExecutionSetting::of_batch(1), round: 0 };
            block_processors(root.path(), job, &key).numbers().to_vec()
        };
        let allowed = ProcessorSet::of_process(root.path()).numbers().to_vec();
        let last = [*allowed.last().unwrap()];
        let mut job = job(0);
        assert_eq!(of(&job, BlockKind::Solo), allowed);
        assert_eq!(of(&job, BlockKind::Paired), allowed);
        // Two processes that take turns share a processor.
        job.models[1].options.without_isa.push("avx512f".into());
        assert_eq!(of(&job, BlockKind::Paired), last);
        assert_eq!(of(&job, BlockKind::Solo), allowed);
        job.affinity = vec![7, 3];
        assert_eq!(of(&job, BlockKind::Paired), [3, 7]);
        assert_eq!(of(&job, BlockKind::Solo), [3, 7]);
    }
}
