//! A variant and its baseline side by side: alternating bursts in random order, in one process, or in
//! two where the engine has to be told apart by what it reads once per process.

use super::block_bench::BlockBench;
use super::block_error::BlockError;
use super::engine_environment::environment_of;
use super::partner_process::{PairedModel, PartnerProcess};
use super::processor_affinity::{needs_two, pin_for};
use crate::measure::sampling::nanos;
use crate::measure::{ContentionProbe, count_allocations};
use paring_core::schema::{BurstPair, JobModel, PairedBlock, SampleRules};
use paring_core::stats;
use rand::RngExt;
use std::process::Command;
use std::time::Instant;

/// A paired block has at least so many pairs, however slow the models.
const MIN_PAIRS: usize = 5;

impl BlockBench<'_> {
    /// Measures a pair; `partner` starts the process of the baseline, should it need one.
    pub(crate) fn paired(
        &self,
        variant: &JobModel,
        purpose: &str,
        seed: u64,
        partner: Command,
    ) -> Result<PairedBlock, BlockError> {
        let baseline = self.baseline()?;
        let mut rng = stats::generator(seed, purpose);
        let baseline_loaded_first: bool = rng.random();
        let alternating_on = pin_for(self.job, self.setting, variant, baseline)?;
        let here = |model| Ok(PairedModel::Here(Box::new(self.load(model)?.stand)));
        let there = || match needs_two(variant, baseline) {
            true => start(partner, variant, baseline).map(PairedModel::There),
            false => here(baseline),
        };
        let (b, v) = if baseline_loaded_first {
            let b = there()?;
            (b, here(variant)?)
        } else {
            let v = here(variant)?;
            (there()?, v)
        };
        count_allocations(false);
        let mut watch = ContentionProbe::new();
        let pairs = pairs(b, v, &self.job.rules, &mut watch, &mut rng)?;
        let (reference_after_ns, walk_after_ns) = watch.read();
        Ok(PairedBlock {
            baseline_loaded_first,
            alternating_on,
            pairs,
            reference_after_ns,
            walk_after_ns,
        })
    }
}

fn start(
    mut partner: Command,
    variant: &JobModel,
    baseline: &JobModel,
) -> Result<PartnerProcess, BlockError> {
    // What stands in this process's environment for the variant is not for the baseline.
    partner.envs(environment_of(&variant.options, &baseline.options));
    PartnerProcess::start(partner)
}

/// Alternating bursts of a baseline and a variant for as long as the rules say.
fn pairs(
    mut b: PairedModel,
    mut v: PairedModel,
    rules: &SampleRules,
    watch: &mut ContentionProbe,
    rng: &mut stats::SeededGenerator,
) -> Result<Vec<BurstPair>, BlockError> {
    // One more than the length: the first sample of a burst is kept apart.
    let (count_b, count_v) = (b.warm_up(rules)? + 1, v.warm_up(rules)? + 1);
    let (mut pairs, mut count) = (Vec::new(), 0);
    let begun = Instant::now();
    while pairs.len() < MIN_PAIRS
        || (begun.elapsed() < nanos(rules.paired_ns) && count < rules.max_samples)
    {
        let baseline_first: bool = rng.random();
        let early = if baseline_first { Some(b.burst(count_b, watch)?) } else { None };
        let variant = v.burst(count_v, watch)?;
        let baseline = match early {
            Some(burst) => burst,
            None => b.burst(count_b, watch)?,
        };
        pairs.push(BurstPair { baseline_first, baseline, variant });
        count += count_v.max(count_b) as u32;
    }
    Ok(pairs)
}
