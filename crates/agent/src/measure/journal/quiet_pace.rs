//! Quiet samples: those that no other program disturbed.
//!
//! Two loops of fixed work are timed beside every burst: one on the core, one from main memory.
//! Samples count as quiet when both, on both sides of their burst, were about as fast as they ever
//! were in the journal behind the same model.

use paring_core::schema::{
    BlockData, BlockOutcome, BlockRecord, BurstPair, ExecutionSetting, PairedBlock, SampleBurst,
    Sha256Hex, SoloBlock,
};
use paring_core::stats;
use paring_core::units::LatencyNs;
use std::collections::HashMap;

/// A reference loop this much slower than the fastest twentieth means that the core was shared.
pub const QUIET_MARGIN: f64 = 0.08;
/// A walk this much slower than the fastest twentieth means that somebody else used the memory.
pub const WALK_MARGIN: f64 = 0.25;
/// A model that leaves the reference loop slower than this beside the fastest was never measured on a
/// quiet core: no state of clocks or vector units costs as much.
pub const STATE_MARGIN: f64 = 0.35;

/// The model that ran before the loops: it leaves clocks, vector units and caches in a state of its
/// own, so that the same loop is steadily slower behind one model than behind another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct PrecedingModel<'a> {
    /// A variant; `None` for the baseline beside one.
    variant: Option<&'a Sha256Hex>,
    setting: ExecutionSetting,
}

/// The times of both loops at one moment. An older agent had no walk.
#[derive(Clone, Copy, Debug)]
struct LoopReading<'a> {
    ran: PrecedingModel<'a>,
    reference: LatencyNs,
    walk: Option<LatencyNs>,
}

/// Limits of the loops' times on a quiet machine, by the model that ran before them.
#[derive(Debug)]
pub(crate) struct QuietPace<'a> {
    references: HashMap<PrecedingModel<'a>, f64>,
    walks: HashMap<PrecedingModel<'a>, f64>,
}

impl<'a> QuietPace<'a> {
    /// Finds the quiet pace in all blocks of one journal.
    pub(crate) fn new(records: &'a [BlockRecord]) -> Self {
        let mut references: HashMap<PrecedingModel, Vec<f64>> = HashMap::new();
        let mut walks: HashMap<PrecedingModel, Vec<f64>> = HashMap::new();
        for reading in records.iter().flat_map(readings) {
            references.entry(reading.ran).or_default().push(reading.reference.as_f64());
            if let Some(walk) = reading.walk {
                walks.entry(reading.ran).or_default().push(walk.as_f64());
            }
        }
        let floor = |values: &[f64]| stats::quantile(values, 0.05).unwrap_or(f64::INFINITY);
        let fastest = references.values().map(|v| floor(v)).fold(f64::INFINITY, f64::min);
        let limit = |values: Vec<f64>| {
            floor(&values).min(fastest * (1.0 + STATE_MARGIN)) * (1.0 + QUIET_MARGIN)
        };
        // A walk is the same behind every model; what it finds on its way is not.
        let walk = |values: Vec<f64>| floor(&values) * (1.0 + WALK_MARGIN);
        QuietPace {
            references: references.into_iter().map(|(ran, values)| (ran, limit(values))).collect(),
            walks: walks.into_iter().map(|(ran, values)| (ran, walk(values))).collect(),
        }
    }

    /// Share of quiet samples or pairs; `None` of a block that failed or has neither.
    pub(crate) fn quiet_share(&self, record: &'a BlockRecord) -> Option<f64> {
        let share = |quiet: usize, all: usize| quiet as f64 / all.max(1) as f64;
        if let Some(block) = solo_block(record) {
            let all = block.bursts.iter().map(|b| b.samples_ns.len()).sum();
            let quiet = self.quiet_bursts(record).iter().map(|b| b.samples_ns.len()).sum();
            return Some(share(quiet, all));
        }
        let block = paired_block(record)?;
        let quiet = self.pairs(record).into_iter().filter(|(_, quiet)| *quiet).count();
        Some(share(quiet, block.pairs.len()))
    }

    /// Bursts of a solo block whose loops on both sides were quiet.
    pub(crate) fn quiet_bursts(&self, record: &'a BlockRecord) -> Vec<&'a SampleBurst> {
        let Some(block) = solo_block(record) else { return Vec::new() };
        let quiet: Vec<bool> = readings(record).map(|r| self.quiet(&r)).collect();
        let bursts = block.bursts.iter().zip(quiet.windows(2)).filter(|(_, q)| q[0] && q[1]);
        bursts.map(|(burst, _)| burst).collect()
    }

    /// Pairs, and whether the loops before, between and after their bursts were quiet.
    pub(crate) fn pairs(&self, record: &'a BlockRecord) -> Vec<(&'a BurstPair, bool)> {
        let Some(block) = paired_block(record) else { return Vec::new() };
        let quiet: Vec<bool> = readings(record).map(|r| self.quiet(&r)).collect();
        let around = quiet.windows(3).step_by(2).map(|q| q.iter().all(|quiet| *quiet));
        block.pairs.iter().zip(around).collect()
    }

    fn quiet(&self, reading: &LoopReading) -> bool {
        let below = |limits: &HashMap<PrecedingModel, f64>, time: LatencyNs| {
            limits.get(&reading.ran).is_some_and(|limit| time.as_f64() <= *limit)
        };
        below(&self.references, reading.reference)
            && reading.walk.is_none_or(|walk| below(&self.walks, walk))
    }
}

/// All readings of a block in the order they were taken, each with what ran before it.
fn readings(record: &BlockRecord) -> impl Iterator<Item = LoopReading<'_>> {
    let key = &record.attempt.key;
    let setting = key.setting;
    let variant = PrecedingModel { variant: Some(&key.variant_id), setting };
    let baseline = PrecedingModel { variant: None, setting };
    let before = |ran, burst: &SampleBurst| LoopReading {
        ran,
        reference: burst.reference_ns,
        walk: burst.walk_ns,
    };
    let mut found = Vec::new();
    if let Some(block) = solo_block(record) {
        found.extend(block.bursts.iter().map(|burst| before(variant, burst)));
        let (reference, walk) = (block.reference_after_ns, block.walk_after_ns);
        found.push(LoopReading { ran: variant, reference, walk });
    } else if let Some(block) = paired_block(record) {
        // The variant warms up last.
        let mut ran = variant;
        for pair in &block.pairs {
            let both = [(baseline, &pair.baseline), (variant, &pair.variant)];
            let order = if pair.baseline_first { [0, 1] } else { [1, 0] };
            for (model, burst) in order.map(|i| both[i]) {
                found.push(before(ran, burst));
                ran = model;
            }
        }
        let (reference, walk) = (block.reference_after_ns, block.walk_after_ns);
        found.push(LoopReading { ran, reference, walk });
    }
    found.into_iter()
}

/// The data of a solo block that was measured.
pub(crate) fn solo_block(record: &BlockRecord) -> Option<&SoloBlock> {
    match &record.outcome {
        BlockOutcome::Done { data: BlockData::Solo(solo_block) } => Some(solo_block),
        _ => None,
    }
}

/// The data of a paired block that was measured.
pub(crate) fn paired_block(record: &BlockRecord) -> Option<&PairedBlock> {
    match &record.outcome {
        BlockOutcome::Done { data: BlockData::Paired(paired_block) } => Some(paired_block),
        _ => None,
    }
}
