//! Blocks of a run's targets over time, from their journals.

use crate::pipeline::TargetJournal;
use crate::report::ResultRow;
use crate::report::html::{MemoryUse, ReportBlock, SustainedPoint, TargetBlocks};
use paring_core::schema::{
    BlockData, BlockOutcome, BlockRecord, ExecutionSetting, MemoryPoint, MemoryPoints, Sha256Hex,
    SoloBlock, SustainedBlock,
};
use paring_core::stats;
use paring_core::units::Bytes;
use std::collections::BTreeMap;
use std::time::SystemTime;

/// Names of variants in their settings; several where variants are the same bytes.
type Labels<'a> = BTreeMap<(&'a Sha256Hex, ExecutionSetting), Vec<(&'a str, String)>>;

/// Blocks, memory and sustained loads of every target.
pub(super) fn target_blocks(
    rows: &[ResultRow],
    journals: &BTreeMap<String, TargetJournal>,
) -> Vec<TargetBlocks> {
    let of = |(target, journal): (&String, &TargetJournal)| {
        let labels = labels_on(rows, target);
        let order: Vec<String> = rows.iter().map(ResultRow::label).collect();
        let mut found = blocks_of(target, journal.blocks(), &labels);
        found.memory.sort_by_key(|own| order.iter().position(|label| *label == own.label));
        found
    };
    journals.iter().map(of).collect()
}

/// Names of the variants that a target measured.
fn labels_on<'a>(rows: &'a [ResultRow], target: &str) -> Labels<'a> {
    let mut labels = Labels::new();
    for row in rows.iter().filter(|row| row.target == target) {
        let key = (&row.variant.variant_id, row.measurement.setting);
        labels.entry(key).or_default().push((row.variant.name.as_str(), row.label()));
    }
    labels
}

fn blocks_of<'r>(target: &str, records: &'r [BlockRecord], labels: &'r Labels) -> TargetBlocks {
    let first = records.iter().filter_map(minutes).fold(f64::INFINITY, f64::min);
    let mut found = TargetBlocks { target: target.to_string(), ..TargetBlocks::default() };
    let mut memory: BTreeMap<&str, (&str, Vec<MemoryPoints>)> = BTreeMap::new();
    let named = |record: &'r BlockRecord| {
        let key = &record.attempt.key;
        let own = labels.get(&(&key.variant_id, key.setting)).into_iter().flatten();
        own.map(move |(variant, label)| (record, *variant, label.as_str()))
    };
    for (record, variant, label) in records.iter().flat_map(named) {
        match &record.outcome {
            BlockOutcome::Done { data: BlockData::Solo(block) } => {
                if record.invalid.is_empty() {
                    memory.entry(label).or_insert((variant, vec![])).1.push(block.memory);
                }
                let time = minutes(record).map_or(0.0, |time| time - first);
                found.blocks.extend(solo(record, block, (variant, label), time));
            }
            BlockOutcome::Done { data: BlockData::Sustained(block) } => {
                found.sustained.extend(windows(block, (variant, label)));
            }
            _ => {}
        }
    }
    found.blocks.sort_by(|a, b| a.minutes.total_cmp(&b.minutes));
    let memory = memory.into_iter();
    found.memory = memory.map(|(label, (variant, all))| memory_use(variant, label, &all)).collect();
    found
}

/// Start of a block, in minutes since 1970.
fn minutes(record: &BlockRecord) -> Option<f64> {
    let time = humantime::parse_rfc3339(&record.started_at).ok()?;
    Some(time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs_f64() / 60.0)
}

fn solo(
    record: &BlockRecord,
    block: &SoloBlock,
    (variant, label): (&str, &str),
    minutes: f64,
) -> Option<ReportBlock> {
    let samples = block.bursts.iter().flat_map(|burst| &burst.samples_ns);
    let samples: Vec<f64> = samples.map(|sample| sample.as_f64()).collect();
    let conditions = &record.conditions;
    Some(ReportBlock {
        variant: variant.to_string(),
        label: label.to_string(),
        minutes,
        median_ns: stats::median(&samples)?,
        celsius: conditions.highest_mc.map(|t| t.0 as f64 / 1e3),
        megahertz: conditions.frequency_khz.map(|(low, _)| low as f64 / 1e3),
        invalid: record.invalid.clone(),
    })
}

fn windows<'a>(
    block: &'a SustainedBlock,
    (variant, label): (&'a str, &'a str),
) -> impl Iterator<Item = SustainedPoint> + 'a {
    block.windows.iter().map(move |window| SustainedPoint {
        variant: variant.to_string(),
        label: label.to_string(),
        minutes: window.start_ns.as_f64() / 60e9,
        median_ns: window.p50_ns.as_f64(),
        celsius: window.temperature_mc.map(|t| t.0 as f64 / 1e3),
        megahertz: window.frequency_khz.map(|khz| khz as f64 / 1e3),
        throttled: window.throttled.clone(),
    })
}

/// Medians over blocks at each of the four points.
fn memory_use(variant: &str, label: &str, all: &[MemoryPoints]) -> MemoryUse {
    type PointOf = fn(&MemoryPoints) -> &MemoryPoint;
    let points: [PointOf; 4] =
        [|all| &all.start, |all| &all.loaded, |all| &all.optimised, |all| &all.after_runs];
    let median = |of: &dyn Fn(&MemoryPoints) -> Option<Bytes>| {
        let known: Vec<f64> = all.iter().filter_map(of).map(|bytes| bytes.0 as f64).collect();
        stats::median(&known)
    };
    MemoryUse {
        variant: variant.to_string(),
        label: label.to_string(),
        resident: points.map(|point| median(&|all| point(all).pss_bytes)),
        heap: points.map(|point| median(&|all| point(all).heap_bytes)),
        peak: median(&|all| all.after_runs.vm_hwm_bytes),
    }
}
