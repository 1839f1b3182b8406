//! What the samples of a journal add up to.
//!
//! Samples count as quiet when the reference loops on both sides of their burst ran within
//! [`QUIET_MARGIN`] of the fastest twentieth of those in the journal that ran behind the same model.
//! Figures come from quiet samples; the unit of replication is the block.

use crate::record::{
    BlockData, BlockKey, BlockKind, BlockRecord, Burst, Interval, LatencySummary, Measurement,
    Missing, Outcome, Pair, PairedBlock, SCHEMA, Sha256Hex, SoloBlock, SpeedSummary, Verdict,
};
use crate::stats::{self, Resampling};
use crate::units::{Bytes, LatencyNs};
use std::collections::{BTreeMap, HashMap};

/// A reference loop this much slower than the fastest twentieth means that the core was shared.
pub const QUIET_MARGIN: f64 = 0.08;
/// A model that leaves the reference loop slower than this beside the fastest was never measured on a
/// quiet core: no state of clocks or vector units costs as much.
pub const STATE_MARGIN: f64 = 0.35;
/// Fewer blocks than this give no verdict.
pub const MIN_BLOCKS: usize = 9;
/// A difference smaller than this is of no practical importance.
pub const PRACTICAL_MARGIN: f64 = 0.003;

/// A block with a smaller share of quiet samples is repeated.
const REPEAT_BELOW: f64 = 0.2;
/// A block's median needs so many quiet samples (solo) or pairs (paired).
const LEAST_IN_BLOCK: usize = 3;
const INTERVALS: Resampling = Resampling { resamples: 10_000, level: 0.99, seed: 0 };

/// A journal's blocks, and the machine's quiet pace.
#[derive(Debug)]
pub struct Summary<'a> {
    records: &'a [BlockRecord],
    /// The slowest reference that counts as quiet, by what ran before it.
    limits_ns: HashMap<Ran<'a>, f64>,
}

/// What ran before a reference loop: it leaves clocks and vector units in a state of its own, so that
/// the same loop is steadily slower behind one model than behind another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Ran<'a> {
    /// A variant; `None` for the baseline beside one.
    variant: Option<&'a Sha256Hex>,
    batch: usize,
}

impl<'a> Summary<'a> {
    /// Finds the quiet pace in all blocks of one journal.
    pub fn new(records: &'a [BlockRecord]) -> Self {
        let mut references: HashMap<Ran, Vec<f64>> = HashMap::new();
        for record in records {
            for (ran, reference) in readings(record) {
                references.entry(ran).or_default().push(reference.as_f64());
            }
        }
        let floor = |values: &[f64]| stats::quantile(values, 0.05).unwrap_or(f64::INFINITY);
        let fastest = references.values().map(|v| floor(v)).fold(f64::INFINITY, f64::min);
        let limit = |values: Vec<f64>| {
            floor(&values).min(fastest * (1.0 + STATE_MARGIN)) * (1.0 + QUIET_MARGIN)
        };
        let limits_ns = references.into_iter().map(|(ran, values)| (ran, limit(values))).collect();
        Summary { records, limits_ns }
    }

    /// Whether a block saw too little of a quiet machine and should be repeated.
    pub fn contended(&self, record: &'a BlockRecord) -> bool {
        self.quiet_share(record).is_some_and(|share| share < REPEAT_BELOW)
    }

    /// Everything that the journal says of a variant; `needed` blocks of each kind were asked for.
    pub fn measurement(
        &self,
        variant_id: &Sha256Hex,
        batch: usize,
        baseline: bool,
        needed: usize,
    ) -> Measurement {
        let latency = self.latency(variant_id, batch);
        let speed = match baseline {
            true => Err(Missing("it is the baseline".into())),
            false => self.speed(variant_id, batch),
        };
        let started = self.records.iter().filter(|r| r.attempt.key.variant_id == *variant_id);
        Measurement {
            schema: SCHEMA,
            variant_id: variant_id.clone(),
            batch,
            started_at: started.map(|r| r.started_at.clone()).min(),
            invalid_reasons: invalid_reasons(&latency, &speed, baseline, needed),
            latency,
            speed,
            energy: super::consumption(self.records, variant_id, batch),
        }
    }

    fn latency(&self, variant_id: &Sha256Hex, batch: usize) -> Result<LatencySummary, Missing> {
        let blocks = self.blocks(BlockKind::Solo, variant_id, batch)?;
        let solos: Vec<&SoloBlock> = blocks.iter().filter_map(|r| solo(r)).collect();
        let (mut quiet, mut all, mut medians) = (Vec::new(), 0, Vec::new());
        for (record, block) in blocks.iter().zip(&solos) {
            let samples = self.quiet_samples(record);
            all += block.bursts.iter().map(|b| b.samples_ns.len()).sum::<usize>();
            if samples.len() >= LEAST_IN_BLOCK {
                medians.extend(stats::median(&samples));
            }
            quiet.extend(samples);
        }
        let quiet_share = quiet.len() as f64 / all.max(1) as f64;
        let contended = quiet.len() < stats::samples_for_percentile(0.5) || medians.is_empty();
        if contended {
            // A figure that is marked is better than none.
            let of_block = |block: &&SoloBlock| -> Vec<f64> {
                let samples = block.bursts.iter().flat_map(|b| &b.samples_ns);
                samples.map(|s| s.as_f64()).collect()
            };
            quiet = solos.iter().flat_map(of_block).collect();
            medians = solos.iter().filter_map(|b| stats::median(&of_block(b))).collect();
        }
        let nothing = || Missing("no block has a quiet median".into());
        let percentile = |q: f64| {
            (quiet.len() >= stats::samples_for_percentile(q))
                .then(|| stats::quantile(&quiet, q).map(LatencyNs::from_f64))
                .flatten()
        };
        let of_blocks = |value: fn(&SoloBlock) -> LatencyNs| {
            let values: Vec<f64> = solos.iter().map(|b| value(b).as_f64()).collect();
            stats::median(&values).map(LatencyNs::from_f64).ok_or_else(nothing)
        };
        let temperatures = blocks.iter().filter_map(|r| r.temperature_mc);
        Ok(LatencySummary {
            blocks: medians.len(),
            samples: quiet.len(),
            p50_ns: stats::bootstrap_median(&medians, INTERVALS).ok_or_else(nothing)?,
            p90_ns: percentile(0.9),
            p99_ns: percentile(0.99),
            first_ns: of_blocks(|b| b.first_ns)?,
            load_ns: of_blocks(|b| b.load_ns)?,
            peak_rss_bytes: median_bytes(&solos, |b| b.memory.after_runs.vm_hwm_bytes),
            steady_rss_bytes: median_bytes(&solos, |b| b.memory.after_runs.pss_bytes),
            temperature_start_mc: blocks.first().and_then(|r| r.temperature_mc).map(|t| t.0),
            temperature_max_mc: temperatures.map(|(before, after)| before.max(after)).max(),
            quiet_share,
            contended,
            outputs_agree: solos.windows(2).all(|w| w[0].output_sha256 == w[1].output_sha256),
        })
    }

    fn speed(&self, variant_id: &Sha256Hex, batch: usize) -> Result<SpeedSummary, Missing> {
        let blocks = self.blocks(BlockKind::Paired, variant_id, batch)?;
        let (mut medians, mut contended, mut quiet, mut all) = (Vec::new(), Vec::new(), 0, 0);
        for record in blocks {
            let mut ratios = Vec::new();
            for (pair, is_quiet) in self.pairs(record) {
                let Some(ratio) = log_ratio(pair) else { continue };
                if is_quiet {
                    ratios.push(ratio)
                } else {
                    contended.push(ratio)
                }
                all += 1;
            }
            quiet += ratios.len();
            if ratios.len() >= LEAST_IN_BLOCK {
                medians.extend(stats::median(&ratios));
            }
        }
        let log = stats::bootstrap_median(&medians, INTERVALS)
            .ok_or_else(|| Missing("no paired block on a quiet machine".into()))?;
        let speedup = Interval { value: log.value.exp(), low: log.low.exp(), high: log.high.exp() };
        let contended_speedup =
            (contended.len() >= 10).then(|| stats::median(&contended).map(f64::exp)).flatten();
        Ok(SpeedSummary {
            blocks: medians.len(),
            speedup,
            contended_speedup,
            quiet_share: quiet as f64 / all.max(1) as f64,
            verdict: verdict(speedup, medians.len()),
        })
    }

    /// The measured blocks of a variant, one a round: of several tries the quietest.
    fn blocks(
        &self,
        kind: BlockKind,
        variant_id: &Sha256Hex,
        batch: usize,
    ) -> Result<Vec<&'a BlockRecord>, Missing> {
        let mut best: BTreeMap<&BlockKey, (&BlockRecord, f64)> = BTreeMap::new();
        let mut failure = None;
        for record in self.records {
            let key = &record.attempt.key;
            if key.kind != kind || key.variant_id != *variant_id || key.batch != batch {
                continue;
            }
            if let Outcome::Failed { reason } = &record.outcome {
                failure = Some(reason);
            }
            let Some(share) = self.quiet_share(record) else { continue };
            if best.get(key).is_none_or(|(_, other)| share > *other) {
                best.insert(key, (record, share));
            }
        }
        match (best.is_empty(), failure) {
            (true, Some(reason)) => Err(Missing(format!("its blocks failed: {reason}"))),
            (true, None) => Err(Missing("no block was measured".into())),
            _ => Ok(best.into_values().map(|(record, _)| record).collect()),
        }
    }

    /// Share of quiet samples or pairs; `None` of a block that failed.
    fn quiet_share(&self, record: &'a BlockRecord) -> Option<f64> {
        let share = |quiet: usize, all: usize| quiet as f64 / all.max(1) as f64;
        if let Some(block) = solo(record) {
            let all = block.bursts.iter().map(|b| b.samples_ns.len()).sum();
            return Some(share(self.quiet_samples(record).len(), all));
        }
        let block = paired(record)?;
        let quiet = self.pairs(record).into_iter().filter(|(_, quiet)| *quiet).count();
        Some(share(quiet, block.pairs.len()))
    }

    /// Samples of bursts whose references on both sides were quiet.
    fn quiet_samples(&self, record: &'a BlockRecord) -> Vec<f64> {
        let Some(block) = solo(record) else { return Vec::new() };
        let quiet: Vec<bool> = readings(record).iter().map(|r| self.quiet(r)).collect();
        let bursts = block.bursts.iter().zip(quiet.windows(2)).filter(|(_, q)| q[0] && q[1]);
        bursts.flat_map(|(burst, _)| burst.samples_ns.iter().map(|s| s.as_f64())).collect()
    }

    /// Pairs, and whether the references before, between and after their bursts were quiet.
    fn pairs(&self, record: &'a BlockRecord) -> Vec<(&'a Pair, bool)> {
        let Some(block) = paired(record) else { return Vec::new() };
        let quiet: Vec<bool> = readings(record).iter().map(|r| self.quiet(r)).collect();
        let around = quiet.windows(3).step_by(2).map(|q| q.iter().all(|quiet| *quiet));
        block.pairs.iter().zip(around).collect()
    }

    fn quiet(&self, (ran, reference): &(Ran, LatencyNs)) -> bool {
        self.limits_ns.get(ran).is_some_and(|limit| reference.as_f64() <= *limit)
    }
}

/// All reference loops of a block in the order they ran, each with what ran before it.
fn readings(record: &BlockRecord) -> Vec<(Ran<'_>, LatencyNs)> {
    let key = &record.attempt.key;
    let variant = Ran { variant: Some(&key.variant_id), batch: key.batch };
    let baseline = Ran { variant: None, batch: key.batch };
    if let Some(block) = solo(record) {
        let before = block.bursts.iter().map(|burst| burst.reference_ns);
        return before.chain([block.reference_after_ns]).map(|r| (variant, r)).collect();
    }
    let Some(block) = paired(record) else { return Vec::new() };
    // The variant warms up last.
    let (mut ran, mut found) = (variant, Vec::new());
    for pair in &block.pairs {
        let both = [(baseline, pair.baseline.reference_ns), (variant, pair.variant.reference_ns)];
        let order = if pair.baseline_first { [0, 1] } else { [1, 0] };
        for (model, reference) in order.map(|i| both[i]) {
            found.push((ran, reference));
            ran = model;
        }
    }
    found.push((ran, block.reference_after_ns));
    found
}

fn solo(record: &BlockRecord) -> Option<&SoloBlock> {
    match &record.outcome {
        Outcome::Done { data: BlockData::Solo(solo) } => Some(solo),
        _ => None,
    }
}

fn paired(record: &BlockRecord) -> Option<&PairedBlock> {
    match &record.outcome {
        Outcome::Done { data: BlockData::Paired(paired) } => Some(paired),
        _ => None,
    }
}

/// ln(baseline / variant) of the bursts' medians, each without its first sample.
fn log_ratio(pair: &Pair) -> Option<f64> {
    let warm = |burst: &Burst| {
        let samples: Vec<f64> = burst.samples_ns.iter().skip(1).map(|s| s.as_f64()).collect();
        stats::median(&samples).filter(|m| *m > 0.0)
    };
    Some((warm(&pair.baseline)? / warm(&pair.variant)?).ln())
}

fn verdict(speedup: Interval, blocks: usize) -> Verdict {
    if blocks < MIN_BLOCKS {
        Verdict::CannotTell
    } else if speedup.low > 1.0 + PRACTICAL_MARGIN {
        Verdict::Faster
    } else if speedup.high < 1.0 - PRACTICAL_MARGIN {
        Verdict::Slower
    } else {
        Verdict::CannotTell
    }
}

fn median_bytes(blocks: &[&SoloBlock], value: fn(&SoloBlock) -> Option<Bytes>) -> Option<Bytes> {
    let values: Vec<f64> = blocks.iter().filter_map(|b| value(b)).map(|b| b.0 as f64).collect();
    stats::median(&values).map(|bytes| Bytes(bytes as u64))
}

fn invalid_reasons(
    latency: &Result<LatencySummary, Missing>,
    speed: &Result<SpeedSummary, Missing>,
    baseline: bool,
    needed: usize,
) -> Vec<String> {
    let too_few = |kind: &str, blocks: usize| match blocks {
        few if few < needed.min(MIN_BLOCKS) => {
            Some(format!("only {few} of {needed} {kind} blocks saw a quiet machine"))
        }
        few if few < MIN_BLOCKS => {
            Some(format!("{few} {kind} blocks, a verdict needs {MIN_BLOCKS}"))
        }
        _ => None,
    };
    let mut reasons: Vec<String> = Vec::new();
    match latency {
        Ok(found) if found.contended => {
            reasons.push("latency of a contended machine: it was hardly ever quiet".into());
        }
        Ok(found) => reasons.extend(too_few("solo", found.blocks)),
        Err(Missing(why)) => reasons.push(why.clone()),
    }
    match speed {
        Ok(found) => reasons.extend(too_few("paired", found.blocks)),
        Err(Missing(why)) if !baseline && !reasons.contains(why) => reasons.push(why.clone()),
        Err(_) => {}
    }
    if latency.as_ref().is_ok_and(|found| !found.outputs_agree) {
        reasons.push("outputs differ between blocks".into());
    }
    reasons
}
