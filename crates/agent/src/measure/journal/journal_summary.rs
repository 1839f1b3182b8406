//! Aggregates of a journal: latency, speed, memory and energy of each variant.
//!
//! Figures come from samples of a quiet machine; the unit of replication is the block.

use super::latency_drift::latency_drift;
use super::quiet_pace::{QuietPace, solo_block};
use super::validity::{invalid_reasons, speed_verdict};
use crate::measure::block::sustained_summary;
use crate::measure::energy_summary;
use paring_core::schema::{
    BlockData, BlockKey, BlockKind, BlockOutcome, BlockRecord, BurstPair, ConfidenceInterval,
    ExecutionSetting, LatencySummary, Measurement, MissingReason, SCHEMA, SampleBurst, Sha256Hex,
    SoloBlock, SpeedSummary, SustainedSummary,
};
use paring_core::stats::{self, BootstrapOptions};
use paring_core::units::{Bytes, LatencyNs};
use std::collections::{BTreeMap, BTreeSet};

/// A block with a smaller share of quiet samples is repeated.
const REPEAT_BELOW: f64 = 0.2;

/// A block's median needs so many quiet samples (solo) or pairs (paired).
const LEAST_IN_BLOCK: usize = 3;

const INTERVALS: BootstrapOptions = BootstrapOptions { resamples: 10_000, level: 0.99, seed: 0 };

/// A journal's blocks, and the machine's quiet pace.
#[derive(Debug)]
pub struct JournalSummary<'a> {
    records: &'a [BlockRecord],
    pace: QuietPace<'a>,
}

/// Blocks of one kind, and what made others invalid.
struct CountingBlocks<'a> {
    records: Vec<&'a BlockRecord>,
    /// Every one of them ran under bad conditions, for this reason.
    bad: Option<String>,
}

impl<'a> JournalSummary<'a> {
    /// Finds the quiet pace in all blocks of one journal.
    pub fn new(records: &'a [BlockRecord]) -> Self {
        JournalSummary { records, pace: QuietPace::new(records) }
    }

    /// True if a block saw too little of a quiet machine and should be repeated.
    pub fn contended(&self, record: &'a BlockRecord) -> bool {
        self.pace.quiet_share(record).is_some_and(|share| share < REPEAT_BELOW)
    }

    /// Everything that the journal says of a variant; `needed` blocks of each kind were asked for.
    pub fn measurement(
        &self,
        variant_id: &Sha256Hex,
        setting: ExecutionSetting,
        baseline: bool,
        needed: usize,
    ) -> Measurement {
        let mut bad = Vec::new();
        let mut blocks = |kind| {
            let found = self.blocks(kind, variant_id, setting);
            bad.extend(found.as_ref().ok().and_then(|blocks| blocks.bad.clone()));
            found.map(|blocks| blocks.records)
        };
        let latency =
            blocks(BlockKind::Solo).and_then(|blocks| self.latency(&blocks, setting.batch));
        let speed = match baseline {
            true => Err(MissingReason("it is the baseline".into())),
            false => blocks(BlockKind::Paired).and_then(|blocks| self.speed(&blocks)),
        };
        bad.dedup();
        let reasons = invalid_reasons(&latency, &speed, baseline, needed);
        let started = self.records.iter().filter(|r| r.attempt.key.variant_id == *variant_id);
        Measurement {
            schema: SCHEMA,
            variant_id: variant_id.clone(),
            setting,
            started_at: started.map(|r| r.started_at.clone()).min(),
            invalid_reasons: bad.into_iter().chain(reasons).collect(),
            sustained: self.sustained(variant_id, setting),
            latency,
            speed,
            energy: energy_summary(self.records, variant_id, setting),
        }
    }

    /// The long load of a variant; `None` where the journal has none.
    fn sustained(
        &self,
        variant_id: &Sha256Hex,
        setting: ExecutionSetting,
    ) -> Option<Result<SustainedSummary, MissingReason>> {
        let mut ours = self.records.iter().filter(|record| {
            let key = &record.attempt.key;
            key.kind == BlockKind::Sustained
                && key.variant_id == *variant_id
                && key.setting == setting
        });
        ours.next_back().map(|record| match &record.outcome {
            BlockOutcome::Done { data: BlockData::Sustained(block) } => sustained_summary(block)
                .ok_or_else(|| MissingReason("the load was too short".into())),
            BlockOutcome::Done { .. } => {
                Err(MissingReason("the block holds something else".into()))
            }
            BlockOutcome::Failed { reason } => Err(MissingReason(reason.clone())),
        })
    }

    /// The speed-up of a variant so far; `None` without quiet pairs.
    pub fn speedup(
        &self,
        variant_id: &Sha256Hex,
        setting: ExecutionSetting,
    ) -> Option<SpeedSummary> {
        let blocks = self.blocks(BlockKind::Paired, variant_id, setting).ok()?;
        self.speed(&blocks.records).ok()
    }

    fn latency(
        &self,
        blocks: &[&'a BlockRecord],
        batch: usize,
    ) -> Result<LatencySummary, MissingReason> {
        let solos: Vec<&SoloBlock> = blocks.iter().filter_map(|r| solo_block(r)).collect();
        let (pooled, quiet_share, contended) = self.pooled(blocks, &solos, batch);
        let nothing = || MissingReason("no block has a quiet median".into());
        let percentile = |q: f64| {
            (pooled.samples.len() >= stats::samples_for_percentile(q))
                .then(|| stats::quantile(&pooled.samples, q).map(LatencyNs::from_f64))
                .flatten()
        };
        let of_blocks = |value: fn(&SoloBlock) -> LatencyNs| {
            let values: Vec<f64> = solos.iter().map(|b| value(b).as_f64()).collect();
            stats::median(&values).map(LatencyNs::from_f64).ok_or_else(nothing)
        };
        let seen = || blocks.iter().map(|r| &r.conditions);
        let frequencies = seen().filter_map(|c| c.frequency_khz);
        Ok(LatencySummary {
            blocks: pooled.medians.len(),
            samples: pooled.samples.len(),
            p50_ns: stats::bootstrap_median(&pooled.medians, INTERVALS).ok_or_else(nothing)?,
            p90_ns: percentile(0.9),
            p99_ns: percentile(0.99),
            p99: percentile(0.99).and_then(|_| pooled.percentile_99()),
            first_ns: of_blocks(|b| b.first_ns)?,
            load_ns: of_blocks(|b| b.load_ns)?,
            peak_rss_bytes: median_bytes(&solos, |b| b.memory.after_runs.vm_hwm_bytes),
            steady_rss_bytes: median_bytes(&solos, |b| b.memory.after_runs.pss_bytes),
            peak_heap_bytes: median_bytes(&solos, |b| b.memory.after_runs.peak_heap_bytes),
            steady_heap_bytes: median_bytes(&solos, |b| b.memory.after_runs.heap_bytes),
            peak_rss: over_blocks(&solos, |b| b.memory.after_runs.vm_hwm_bytes),
            peak_heap: over_blocks(&solos, |b| b.memory.after_runs.peak_heap_bytes),
            weights: solos.iter().find_map(|b| b.weights),
            drift: latency_drift(blocks, &pooled.by_block),
            throughput_per_s: stats::median(&pooled.throughputs),
            throughput: stats::bootstrap_median(&pooled.throughputs, INTERVALS),
            kernels: solos.first().map(|b| b.kernels.clone()).unwrap_or_default(),
            others: stats::median(&seen().filter_map(|c| c.others).collect::<Vec<_>>()),
            governor: governors(seen().filter_map(|c| c.governor.as_deref())),
            frequency_khz: frequencies.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))),
            temperature_start_mc: seen().next().and_then(|c| c.before_mc),
            temperature_max_mc: seen().filter_map(|c| c.highest_mc).max(),
            quiet_share,
            contended,
            outputs_agree: solos.windows(2).all(|w| w[0].output_sha256 == w[1].output_sha256),
        })
    }

    /// Samples of a quiet machine with their share in all of them; or all of them, and true, where too
    /// few are.
    fn pooled(
        &self,
        blocks: &[&'a BlockRecord],
        solos: &[&SoloBlock],
        batch: usize,
    ) -> (PooledLatencies, f64, bool) {
        let mut pooled = PooledLatencies::default();
        let mut all = 0;
        for (record, block) in blocks.iter().zip(solos) {
            all += block.bursts.iter().map(|b| b.samples_ns.len()).sum::<usize>();
            pooled.add(&self.pace.quiet_bursts(record), batch);
        }
        let quiet_share = pooled.samples.len() as f64 / all.max(1) as f64;
        let few = pooled.samples.len() < stats::samples_for_percentile(0.5);
        let contended = few || pooled.medians.is_empty();
        if contended {
            // A figure that is marked is better than none.
            pooled = PooledLatencies::default();
            solos.iter().for_each(|b| pooled.add(&b.bursts.iter().collect::<Vec<_>>(), batch));
        }
        (pooled, quiet_share, contended)
    }

    /// ln(baseline / variant) of every paired block with enough quiet pairs: what a speed-up stands on.
    ///
    /// # Errors
    /// Why there is no block.
    pub fn log_ratios(
        &self,
        variant_id: &Sha256Hex,
        setting: ExecutionSetting,
    ) -> Result<Vec<f64>, MissingReason> {
        let of_block = |record: &&'a BlockRecord| {
            let quiet = self.pace.pairs(record).into_iter().filter(|(_, quiet)| *quiet);
            let ratios: Vec<f64> =
                quiet.filter_map(|(pair, _)| log_ratio(pair, setting.streams)).collect();
            (ratios.len() >= LEAST_IN_BLOCK).then(|| stats::median(&ratios)).flatten()
        };
        let blocks = self.blocks(BlockKind::Paired, variant_id, setting)?;
        Ok(blocks.records.iter().filter_map(of_block).collect())
    }

    fn speed(&self, blocks: &[&'a BlockRecord]) -> Result<SpeedSummary, MissingReason> {
        let (mut medians, mut contended, mut quiet, mut all) = (Vec::new(), Vec::new(), 0, 0);
        for record in blocks {
            let streams = record.attempt.key.setting.streams;
            let mut ratios = Vec::new();
            for (pair, is_quiet) in self.pace.pairs(record) {
                let Some(ratio) = log_ratio(pair, streams) else { continue };
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
            .ok_or_else(|| MissingReason("no paired block on a quiet machine".into()))?;
        let speedup =
            ConfidenceInterval { value: log.value.exp(), low: log.low.exp(), high: log.high.exp() };
        let contended_speedup =
            (contended.len() >= 10).then(|| stats::median(&contended).map(f64::exp)).flatten();
        Ok(SpeedSummary {
            blocks: medians.len(),
            speedup,
            contended_speedup,
            quiet_share: quiet as f64 / all.max(1) as f64,
            verdict: speed_verdict(speedup, medians.len()),
        })
    }

    /// The measured blocks of a variant, one a round: of several tries the quietest that is valid.
    fn blocks(
        &self,
        kind: BlockKind,
        variant_id: &Sha256Hex,
        setting: ExecutionSetting,
    ) -> Result<CountingBlocks<'a>, MissingReason> {
        let mut best: BTreeMap<&BlockKey, (&BlockRecord, (bool, f64))> = BTreeMap::new();
        let mut failure = None;
        for record in self.records {
            let key = &record.attempt.key;
            if key.kind != kind || key.variant_id != *variant_id || key.setting != setting {
                continue;
            }
            if let BlockOutcome::Failed { reason } = &record.outcome {
                failure = Some(reason);
            }
            let Some(share) = self.pace.quiet_share(record) else { continue };
            let worth = (record.invalid.is_empty(), share);
            if best.get(key).is_none_or(|(_, other)| worth > *other) {
                best.insert(key, (record, worth));
            }
        }
        match (best.is_empty(), failure) {
            (true, Some(reason)) => {
                return Err(MissingReason(format!("its blocks failed: {reason}")));
            }
            (true, None) => return Err(MissingReason("no block was measured".into())),
            _ => {}
        }
        let all: Vec<&BlockRecord> = best.into_values().map(|(record, _)| record).collect();
        let valid: Vec<&BlockRecord> =
            all.iter().copied().filter(|record| record.invalid.is_empty()).collect();
        if !valid.is_empty() {
            return Ok(CountingBlocks { records: valid, bad: None });
        }
        let why = all.iter().flat_map(|r| &r.invalid).next().cloned().unwrap_or_default();
        Ok(CountingBlocks {
            records: all,
            bad: Some(format!("every block ran in bad conditions: {why}")),
        })
    }
}

/// The governors of several blocks, each once.
fn governors<'a>(seen: impl Iterator<Item = &'a str>) -> Option<String> {
    let each: BTreeSet<&str> = seen.collect();
    (!each.is_empty()).then(|| each.into_iter().collect::<Vec<_>>().join("; "))
}

/// Samples of several blocks.
#[derive(Default)]
struct PooledLatencies {
    samples: Vec<f64>,
    /// One a block.
    medians: Vec<f64>,
    /// Likewise, in step with the blocks.
    by_block: Vec<Option<f64>>,
    /// Samples of each block.
    samples_by_block: Vec<Vec<f64>>,
    /// Samples a second, one a block; only with several streams.
    throughputs: Vec<f64>,
}

impl PooledLatencies {
    /// Adds the bursts of one block.
    fn add(&mut self, bursts: &[&SampleBurst], batch: usize) {
        let samples: Vec<f64> =
            bursts.iter().flat_map(|b| &b.samples_ns).map(|s| s.as_f64()).collect();
        let enough = samples.len() >= LEAST_IN_BLOCK;
        let median = if enough { stats::median(&samples) } else { None };
        self.by_block.push(median);
        if enough {
            self.medians.extend(median);
            let wall = bursts.iter().map(|b| b.wall_ns).sum::<Option<LatencyNs>>();
            self.throughputs.extend(wall.and_then(|wall| wall.per_second(samples.len() * batch)));
        }
        self.samples.extend(&samples);
        self.samples_by_block.push(samples);
    }

    /// The 99th percentile with its interval over blocks. Fewer resamples than elsewhere: each walks
    /// through a hundredth of all samples.
    fn percentile_99(&self) -> Option<ConfidenceInterval> {
        let options = BootstrapOptions { resamples: 2_000, ..INTERVALS };
        stats::bootstrap_pooled_quantile(&self.samples_by_block, 0.99, options)
    }
}

/// ln(baseline / variant) of the bursts' medians, each without the first sample of every stream.
fn log_ratio(pair: &BurstPair, streams: usize) -> Option<f64> {
    let warm = |burst: &SampleBurst| {
        let samples: Vec<f64> = burst.samples_ns.iter().skip(streams).map(|s| s.as_f64()).collect();
        stats::median(&samples).filter(|m| *m > 0.0)
    };
    Some((warm(&pair.baseline)? / warm(&pair.variant)?).ln())
}

fn median_bytes(blocks: &[&SoloBlock], value: fn(&SoloBlock) -> Option<Bytes>) -> Option<Bytes> {
    stats::median(&bytes_of(blocks, value)).map(|bytes| Bytes(bytes as u64))
}

fn over_blocks(
    blocks: &[&SoloBlock],
    value: fn(&SoloBlock) -> Option<Bytes>,
) -> Option<ConfidenceInterval> {
    stats::bootstrap_median(&bytes_of(blocks, value), INTERVALS)
}

fn bytes_of(blocks: &[&SoloBlock], value: fn(&SoloBlock) -> Option<Bytes>) -> Vec<f64> {
    blocks.iter().filter_map(|b| value(b)).map(|b| b.0 as f64).collect()
}
