//! Schedule of a job's blocks.
//!
//! Every round has one block of each kind for each variant and setting, in a random order of its own,
//! so that heat and noise fall on all alike and a run that is cut short is still balanced. Where the
//! job has a rule to stop by, rounds of paired blocks follow, of which the agent takes what it needs.

use paring_core::schema::{BlockKey, BlockKind, ExecutionSetting, Job};
use paring_core::stats;
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
    let of = |setting: &ExecutionSetting| {
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use paring_core::schema::{
        ConditionRules, EnergyJob, EnergyRules, EnergySource, EngineOptions, JobModel, SCHEMA,
        SampleRules, Sha256Hex,
    };
    use paring_core::units::LatencyNs;

    pub(crate) fn job(windows: u32) -> Job {
        let model = |name: &str| JobModel {
            name: name.into(),
            variant_id: Sha256Hex::of(name.as_bytes()),
            path: name.into(),
            sha256: Sha256Hex::of(b"file"),
            options: EngineOptions::default(),
            baseline: name == "baseline",
        };
        let (ns, hash) = (LatencyNs(1), Sha256Hex::of(b"rules"));
        let source = EnergySource::Rapl;
        let rules = EnergyRules { source, windows, run_ns: ns, idle_ns: ns };
        Job {
            schema: SCHEMA,
            measurement_sha256: hash.clone(),
            seed: 3,
            blocks: 4,
            rules: SampleRules {
                warmup_min_ns: ns,
                warmup_max_ns: ns,
                solo_ns: ns,
                paired_ns: ns,
                burst_ns: ns,
                max_samples: 1,
                limit_ns: ns,
                retries: 1,
            },
            inputs: "inputs".into(),
            inputs_sha256: hash.clone(),
            stop: None,
            sustained_ns: None,
            settings: [1, 8].map(ExecutionSetting::of_batch).into(),
            affinity: vec![],
            conditions: ConditionRules::default(),
            emulated: false,
            dims: Default::default(),
            models: ["baseline", "a", "b"].map(model).into(),
            energy: Some(EnergyJob { rules, rules_sha256: hash, root: None }),
        }
    }

    #[test]
    fn energy_comes_after_all_that_is_timed_and_changes_nothing_of_it() {
        let all = schedule(&job(2));
        let (timed, energy) = all.split_at(4 * 2 * 5);
        assert!(timed.iter().all(|key| key.kind != BlockKind::Energy));
        assert!(energy.iter().all(|key| key.kind == BlockKind::Energy));
        assert_eq!(energy.len(), 2 * 2 * 3);
        assert_eq!(schedule(&job(0)), timed);
    }
}
