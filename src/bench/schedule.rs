//! Which blocks run, in which order.
//!
//! Every round has one block of each kind for each variant, in a random order of its own, so that
//! heat and noise fall on all alike and a run that is cut short is still balanced.

use crate::record::{BlockKey, BlockKind, Job};
use crate::stats;
use rand::seq::SliceRandom;
use std::collections::BTreeSet;

/// All blocks of a job in the order they run; the same job gives the same order. Energy comes after
/// everything that is timed, because reading a sensor disturbs.
pub fn schedule(job: &Job) -> Vec<BlockKey> {
    let shuffled = |keys: BTreeSet<BlockKey>, purpose: String| {
        let mut keys: Vec<BlockKey> = keys.into_iter().collect();
        keys.shuffle(&mut stats::generator(job.seed, &purpose));
        keys
    };
    let windows = job.energy.as_ref().map_or(0, |energy| energy.rules.windows);
    let timed = (0..job.blocks)
        .flat_map(|round| shuffled(round_of(job, round), format!("schedule {round}")));
    let energy = (0..windows)
        .flat_map(|round| shuffled(energy_of(job, round), format!("schedule energy {round}")));
    timed.chain(energy).collect()
}

/// The energy blocks of one round.
fn energy_of(job: &Job, round: u32) -> BTreeSet<BlockKey> {
    let kind = BlockKind::Energy;
    let of_batch = |batch: usize| {
        let ids = job.models.iter().map(|model| model.variant_id.clone());
        ids.map(move |variant_id| BlockKey { kind, variant_id, batch, round })
    };
    job.batches.iter().flat_map(|batch| of_batch(*batch)).collect()
}

/// The blocks of one round. A variant that equals its baseline shares its solo block.
fn round_of(job: &Job, round: u32) -> BTreeSet<BlockKey> {
    let mut keys = BTreeSet::new();
    for model in &job.models {
        for batch in &job.batches {
            let variant_id = &model.variant_id;
            let mut add = |kind| {
                keys.insert(BlockKey {
                    kind,
                    variant_id: variant_id.clone(),
                    batch: *batch,
                    round,
                });
            };
            add(BlockKind::Solo);
            if !model.baseline {
                add(BlockKind::Paired);
            }
        }
    }
    keys
}
