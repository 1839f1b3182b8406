//! Blocks of a target over time with heat and frequency, memory at its four points, and sustained load.

use crate::report::html::drawing::{
    AxisScale, Chart, ChartAxis, ChartMark, ChartValue, MarkShape, MarkTone,
};
use crate::report::html::numbers::{bytes, nanoseconds};
use crate::report::html::page::{PageTable, PageTableCell};
use crate::report::html::records::{MemoryUse, ReportBlock, SustainedPoint, TargetBlocks};
use std::collections::BTreeMap;

/// Blocks that a chart shows; of more, evenly spaced ones.
const MOST_BLOCKS: usize = 120;
/// Windows of sustained loads that a chart shows.
const MOST_WINDOWS: usize = 240;

/// Quantity of a block that a chart shows over time.
type BlockQuantity = fn(&ReportBlock) -> Option<f64>;

/// Medians, temperature and frequency of the blocks of one target over time.
pub(super) fn block_charts(blocks: &TargetBlocks, number: usize) -> Vec<Chart> {
    let medians = own_medians(&blocks.blocks);
    let step = blocks.blocks.len().div_ceil(MOST_BLOCKS).max(1);
    let shown: Vec<&ReportBlock> = blocks.blocks.iter().step_by(step).collect();
    let sampled = match step {
        1 => String::new(),
        _ => format!(" {} of {} blocks are drawn.", shown.len(), blocks.blocks.len()),
    };
    let target = &blocks.target;
    let relative = |block: &ReportBlock| {
        let own = medians.get(block.label.as_str())?;
        Some(100.0 * (block.median_ns / own - 1.0))
    };
    let drift = chart(
        &shown,
        (&format!("blocks-{number}-median"), "median against the variant's own", "%"),
        &format!("Block medians over time on {target}"),
        &format!(
            "Each mark is a fresh process: the median of all its inferences, quiet or not, against the median of all blocks of its variant. A slope is drift.{sampled}"
        ),
        relative,
    );
    let of: [(&str, &str, &str, BlockQuantity); 2] = [
        ("temperature", "highest temperature", "°C", |block| block.celsius),
        ("frequency", "lowest frequency", "MHz", |block| block.megahertz),
    ];
    let others = of.map(|(id, title, unit, of)| {
        chart(
            &shown,
            (&format!("blocks-{number}-{id}"), title, unit),
            &format!("Processor {id} over the same blocks on {target}"),
            &format!("Read before, during and after each block.{sampled}"),
            of,
        )
    });
    [drift].into_iter().chain(others).collect()
}

/// Sentence about what the machine does not say, if there is such.
pub(super) fn without_sensors(blocks: &TargetBlocks) -> Option<String> {
    let none = |of: BlockQuantity| blocks.blocks.iter().all(|block| of(block).is_none());
    let missing = match (none(|block| block.celsius), none(|block| block.megahertz)) {
        (true, true) => "neither temperature nor frequency",
        (true, false) => "no temperature",
        (false, true) => "no frequency",
        (false, false) => return None,
    };
    (!blocks.blocks.is_empty()).then(|| format!("{} says {missing}.", blocks.target))
}

/// Median over blocks of each variant's medians.
fn own_medians(blocks: &[ReportBlock]) -> BTreeMap<&str, f64> {
    let mut all: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for block in blocks {
        all.entry(&block.label).or_default().push(block.median_ns);
    }
    let each = all.into_iter().filter_map(|(variant, medians)| {
        Some((variant, paring_core::stats::median(&medians).filter(|median| *median > 0.0)?))
    });
    each.collect()
}

fn chart(
    blocks: &[&ReportBlock],
    (id, quantity, unit): (&str, &str, &str),
    title: &str,
    summary: &str,
    of: impl Fn(&ReportBlock) -> Option<f64>,
) -> Chart {
    let marks = blocks.iter().filter_map(|block| {
        let value = of(block)?;
        let invalid = match block.invalid.is_empty() {
            true => String::new(),
            false => format!("; does not count: {}", block.invalid.join("; ")),
        };
        Some(ChartMark {
            shape: MarkShape::Point,
            x: ChartValue::exact(block.minutes),
            y: ChartValue::exact(value),
            from: 0.0,
            label: String::new(),
            note: format!(
                "{}: {value:.1} {unit} after {:.1} min, median {}{invalid}",
                block.label,
                block.minutes,
                nanoseconds(block.median_ns)
            ),
            tone: if block.invalid.is_empty() { MarkTone::Plain } else { MarkTone::Unclear },
            selects: Some(block.variant.clone()),
        })
    });
    over_time(id, title, summary, (quantity, unit), marks.collect())
}

fn over_time(
    id: &str,
    title: &str,
    summary: &str,
    (quantity, unit): (&str, &str),
    marks: Vec<ChartMark>,
) -> Chart {
    Chart {
        id: id.into(),
        title: title.into(),
        summary: summary.into(),
        x: ChartAxis {
            title: "time".into(),
            unit: "min".into(),
            scale: AxisScale::Linear { zero: true },
        },
        y: ChartAxis {
            title: quantity.into(),
            unit: unit.into(),
            scale: AxisScale::Linear { zero: false },
        },
        marks,
    }
}

/// Sustained loads of one target: latency, temperature and frequency, second by second.
pub(super) fn sustained_charts(blocks: &TargetBlocks, number: usize) -> Vec<Chart> {
    let step = blocks.sustained.len().div_ceil(MOST_WINDOWS).max(1);
    let shown: Vec<&SustainedPoint> = blocks.sustained.iter().step_by(step).collect();
    let sampled = match step {
        1 => String::new(),
        _ => format!(" {} of {} windows are drawn.", shown.len(), blocks.sustained.len()),
    };
    type WindowQuantity = fn(&SustainedPoint) -> Option<f64>;
    let of: [(&str, &str, &str, WindowQuantity); 3] = [
        ("latency", "median of a second", "µs", |point| Some(point.median_ns / 1e3)),
        ("temperature", "temperature", "°C", |point| point.celsius),
        ("frequency", "lowest frequency", "MHz", |point| point.megahertz),
    ];
    let charts = of.map(|(id, quantity, unit, of)| {
        let marks = shown.iter().filter_map(|point| {
            let value = of(point)?;
            let throttled = match point.throttled.is_empty() {
                true => String::new(),
                false => format!("; throttled: {}", point.throttled.join("; ")),
            };
            Some(ChartMark {
                shape: MarkShape::Point,
                x: ChartValue::exact(point.minutes),
                y: ChartValue::exact(value),
                from: 0.0,
                label: String::new(),
                note: format!(
                    "{}: {value:.1} {unit} after {:.1} min{throttled}",
                    point.label, point.minutes
                ),
                tone: if throttled.is_empty() { MarkTone::Plain } else { MarkTone::Worse },
                selects: Some(point.variant.clone()),
            })
        });
        over_time(
            &format!("sustained-{number}-{id}"),
            &format!("Sustained load on {}: {id}", blocks.target),
            &format!("Without a pause; red marks saw throttling.{sampled}"),
            (quantity, unit),
            marks.collect(),
        )
    });
    charts.into()
}

/// Memory of each variant's process before the model, with it loaded, optimised, and after the runs.
pub(super) fn memory_table(blocks: &TargetBlocks) -> PageTable {
    let header = [
        "variant",
        "process before the model",
        "model analysed",
        "plan optimised",
        "after the inferences",
        "peak resident",
        "allocated: before",
        "analysed",
        "optimised",
        "after the inferences",
    ];
    let caption = format!(
        "Memory at four points on {}: proportional set size, and what the program allocated; medians over blocks",
        blocks.target
    );
    let mut table = PageTable::new(&caption, &header);
    let known = |amount: Option<f64>| match amount {
        Some(amount) => PageTableCell::number(bytes(amount.max(0.0) as u64)),
        None => PageTableCell::text("not known"),
    };
    for MemoryUse { variant, label, resident, heap, peak } in &blocks.memory {
        let amounts = resident.iter().copied().chain([*peak]).chain(heap.iter().copied());
        let cells = [PageTableCell::text(label)].into_iter().chain(amounts.map(known));
        table.row(variant, cells.collect());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(variant: &str, minutes: f64, median_ns: f64) -> ReportBlock {
        let name = variant.to_string();
        let label = name.clone();
        ReportBlock { variant: name, label, minutes, median_ns, ..ReportBlock::default() }
    }

    #[test]
    fn medians_are_drawn_against_the_variant_s_own_and_missing_sensors_are_said() {
        let blocks = vec![block("a", 0.0, 90.0), block("b", 0.5, 500.0), block("a", 1.0, 110.0)];
        let mut target = TargetBlocks { target: "pi".into(), blocks, ..TargetBlocks::default() };
        let charts = block_charts(&target, 0);
        let drawn: Vec<f64> = charts[0].marks.iter().map(|mark| mark.y.value.round()).collect();
        assert_eq!(drawn, [-10.0, 0.0, 10.0]);
        assert!(charts[1].marks.is_empty() && charts[2].marks.is_empty());
        let said = without_sensors(&target);
        assert_eq!(said.as_deref(), Some("pi says neither temperature nor frequency."));
        target.blocks.iter_mut().for_each(|block| block.celsius = Some(48.5));
        assert_eq!(block_charts(&target, 0)[1].marks.len(), 3);
        assert_eq!(without_sensors(&target).as_deref(), Some("pi says no frequency."));
    }

    #[test]
    fn many_blocks_are_sampled_and_that_is_said() {
        let blocks = (0..1_000).map(|i| block("a", f64::from(i), 100.0)).collect();
        let target = TargetBlocks { target: "pi".into(), blocks, ..TargetBlocks::default() };
        let drift = &block_charts(&target, 0)[0];
        // Every ninth: of every eighth there would be more than 120.
        assert_eq!(drift.marks.len(), 112);
        assert!(drift.summary.ends_with("112 of 1000 blocks are drawn."), "{}", drift.summary);
    }
}
