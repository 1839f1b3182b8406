//! What the samples of a journal add up to.
//!
//! Samples count as quiet when the reference loops on both sides of their burst ran within
//! [`QUIET_MARGIN`] of the fastest twentieth of the whole journal. Figures come from quiet samples;
//! the unit of replication is the block.

use crate::record::{
    BlockData, BlockKey, BlockKind, BlockRecord, Burst, Interval, LatencySummary, Measurement,
    Missing, Outcome, Pair, PairedBlock, SCHEMA, Sha256Hex, SoloBlock, SpeedSummary, Verdict,
};
use crate::stats::{self, Resampling};
use crate::units::{Bytes, LatencyNs};
use std::collections::BTreeMap;

/// A reference loop this much slower than the fastest twentieth means that the core was shared.
pub const QUIET_MARGIN: f64 = 0.08;
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
    quiet_limit_ns: f64,
}

impl<'a> Summary<'a> {
    /// Finds the quiet pace in all blocks of one journal.
    pub fn new(records: &'a [BlockRecord]) -> Self {
        let mut references = Vec::new();
        for record in records {
            match &record.outcome {
                Outcome::Done { data: BlockData::Solo(solo) } => {
                    references.extend(solo.bursts.iter().map(|b| b.reference_ns.as_f64()));
                }
                Outcome::Done { data: BlockData::Paired(paired) } => {
                    let bursts = paired.pairs.iter().flat_map(|p| [&p.baseline, &p.variant]);
                    references.extend(bursts.map(|b| b.reference_ns.as_f64()));
                }
                Outcome::Failed { .. } => {}
            }
        }
        let floor = stats::quantile(&references, 0.05).unwrap_or(f64::INFINITY);
        Summary { records, quiet_limit_ns: floor * (1.0 + QUIET_MARGIN) }
    }

    /// Whether a block saw too little of a quiet machine and should be repeated.
    pub fn contended(&self, record: &BlockRecord) -> bool {
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
        }
    }

    fn latency(&self, variant_id: &Sha256Hex, batch: usize) -> Result<LatencySummary, Missing> {
        let blocks = self.blocks(BlockKind::Solo, variant_id, batch)?;
        let solos: Vec<&SoloBlock> = blocks.iter().filter_map(|r| solo(r)).collect();
        let (mut quiet, mut all, mut medians) = (Vec::new(), 0, Vec::new());
        for block in &solos {
            let samples = self.quiet_samples(block);
            all += block.bursts.iter().map(|b| b.samples_ns.len()).sum::<usize>();
            if samples.len() >= LEAST_IN_BLOCK {
                medians.extend(stats::median(&samples));
            }
            quiet.extend(samples);
        }
        if quiet.len() < stats::samples_for_percentile(0.5) {
            let found = quiet.len();
            return Err(Missing(format!("only {found} samples on a quiet machine, p50 needs 11")));
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
            quiet_share: quiet.len() as f64 / all as f64,
            outputs_agree: solos.windows(2).all(|w| w[0].output_sha256 == w[1].output_sha256),
        })
    }

    fn speed(&self, variant_id: &Sha256Hex, batch: usize) -> Result<SpeedSummary, Missing> {
        let blocks = self.blocks(BlockKind::Paired, variant_id, batch)?;
        let (mut medians, mut contended, mut quiet, mut all) = (Vec::new(), Vec::new(), 0, 0);
        for block in blocks.iter().filter_map(|r| paired(r)) {
            let mut ratios = Vec::new();
            for (pair, is_quiet) in self.pairs(block) {
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
    fn quiet_share(&self, record: &BlockRecord) -> Option<f64> {
        let share = |quiet: usize, all: usize| quiet as f64 / all.max(1) as f64;
        if let Some(block) = solo(record) {
            let all = block.bursts.iter().map(|b| b.samples_ns.len()).sum();
            return Some(share(self.quiet_samples(block).len(), all));
        }
        let block = paired(record)?;
        Some(share(self.pairs(block).filter(|(_, quiet)| *quiet).count(), block.pairs.len()))
    }

    fn quiet_samples(&self, block: &SoloBlock) -> Vec<f64> {
        let after = block.bursts.iter().skip(1).map(|b| b.reference_ns);
        let after = after.chain([block.reference_after_ns]);
        let quiet =
            block.bursts.iter().zip(after).filter(|(b, after)| self.quiet(b.reference_ns, *after));
        quiet.flat_map(|(burst, _)| burst.samples_ns.iter().map(|s| s.as_f64())).collect()
    }

    /// Pairs, and whether the references before, between and after their bursts were quiet.
    fn pairs<'b>(&'b self, block: &'b PairedBlock) -> impl Iterator<Item = (&'b Pair, bool)> {
        let first = |pair: &Pair| match pair.baseline_first {
            true => pair.baseline.reference_ns,
            false => pair.variant.reference_ns,
        };
        let after = block.pairs.iter().skip(1).map(first).chain([block.reference_after_ns]);
        block.pairs.iter().zip(after).map(|(pair, after)| {
            let quiet = self.quiet(pair.baseline.reference_ns, pair.variant.reference_ns)
                && self.quiet(after, after);
            (pair, quiet)
        })
    }

    fn quiet(&self, before: LatencyNs, after: LatencyNs) -> bool {
        before.max(after).as_f64() <= self.quiet_limit_ns
    }
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
        few if few < needed => {
            Some(format!("only {few} of {needed} {kind} blocks saw a quiet machine"))
        }
        few if few < MIN_BLOCKS => {
            Some(format!("{few} {kind} blocks, a verdict needs {MIN_BLOCKS}"))
        }
        _ => None,
    };
    let mut reasons: Vec<String> = Vec::new();
    match latency {
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
