//! Which blocks run, in which order.
//!
//! Every round has one block of each kind for each variant and setting, in a random order of its own,
//! so that heat and noise fall on all alike and a run that is cut short is still balanced. Where the
//! job has a rule to stop by, rounds of paired blocks follow, of which the agent takes what it needs.

use crate::record::{BlockKey, BlockKind, Job, Setting};
use crate::stats;
use rand::seq::SliceRandom;
use std::collections::BTreeSet;

/// All blocks of a job in the order they run; the same job gives the same order. Long loads,
/// which heat, come after everything that is timed, and energy last, because reading a sensor disturbs.
pub fn schedule(job: &Job) -> Vec<BlockKey> {
    let shuffled = |keys: BTreeSet<BlockKey>, purpose: String| {
        let mut keys: Vec<BlockKey> = keys.into_iter().collect();
        keys.shuffle(&mut stats::generator(job.seed, &purpose));
        keys
    };
    let most = job.stop.as_ref().map_or(job.blocks, |stop| stop.most_blocks.max(job.blocks));
    let windows = job.energy.as_ref().map_or(0, |energy| energy.rules.windows);
    let loads = if job.sustained_ns.is_some() { 1 } else { 0 };
    let timed =
        (0..most).flat_map(|round| shuffled(round_of(job, round), format!("schedule {round}")));
    let long = (0..loads).flat_map(|round| {
        shuffled(each_of(job, BlockKind::Sustained, round), "schedule sustained".into())
    });
    let energy = (0..windows).flat_map(|round| {
        shuffled(each_of(job, BlockKind::Energy, round), format!("schedule energy {round}"))
    });
    timed.chain(long).chain(energy).collect()
}

/// One block of a kind for every variant and setting.
fn each_of(job: &Job, kind: BlockKind, round: u32) -> BTreeSet<BlockKey> {
    let of = |setting: &Setting| {
        let (ids, setting) = (job.models.iter().map(|m| m.variant_id.clone()), *setting);
        ids.map(move |variant_id| BlockKey { kind, variant_id, setting, round })
    };
    job.settings.iter().flat_map(of).collect()
}

/// The blocks of one round. A variant that equals its baseline shares its solo block.
fn round_of(job: &Job, round: u32) -> BTreeSet<BlockKey> {
    let mut keys = BTreeSet::new();
    for model in &job.models {
        for setting in &job.settings {
            let mut add = |kind| {
                let (variant_id, setting) = (model.variant_id.clone(), *setting);
                keys.insert(BlockKey { kind, variant_id, setting, round });
            };
            if round < job.blocks {
                add(BlockKind::Solo);
            }
            if !model.baseline {
                add(BlockKind::Paired);
            }
        }
    }
    keys
}
