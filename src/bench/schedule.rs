//! Which blocks run, in which order.
//!
//! Every round has one block of each kind for each variant, in a random order of its own, so that
//! heat and noise fall on all alike and a run that is cut short is still balanced.

use crate::record::{BlockKey, BlockKind, Job};
use crate::stats;
use rand::seq::SliceRandom;
use std::collections::BTreeSet;

/// All blocks of a job in the order they run; the same job gives the same order.
pub fn schedule(job: &Job) -> Vec<BlockKey> {
    (0..job.blocks)
        .flat_map(|round| {
            let mut keys: Vec<BlockKey> = round_of(job, round).into_iter().collect();
            keys.shuffle(&mut stats::generator(job.seed, &format!("schedule {round}")));
            keys
        })
        .collect()
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
