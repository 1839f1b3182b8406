//! Figures of what a target measured, and of sizes.

use super::gate_row::GateRow;
use super::observation::{Doubt, Observation};
use paring_agent::measure::MIN_BLOCKS;
use paring_core::number_format::counted;
use paring_core::schema::{
    ConfidenceInterval, CountedUnit, LatencySummary, MissingReason, RequiredFigure, VariantRecord,
};

/// A figure that a target measured in one setting.
pub(super) fn target_observation(figure: RequiredFigure, row: &GateRow) -> Observation {
    let found = match figure {
        RequiredFigure::Energy => energy(row),
        RequiredFigure::Speedup => speedup(row),
        _ => latency(figure, row),
    };
    let doubt = found.interval.is_ok().then(|| doubt(figure, &found, row)).flatten();
    Observation { doubt, ..found }
}

/// The reason for which what was measured decides nothing, if there is one.
fn doubt(figure: RequiredFigure, found: &Observation, row: &GateRow) -> Option<Doubt> {
    if row.emulated {
        let reason = format!("`{}` is emulated: its figures are no board's", row.target);
        return Some(Doubt { reason, more_would_do: false });
    }
    if figure == RequiredFigure::Energy {
        return None;
    }
    let blocks = found.counted.map_or(0, |(_, count)| count);
    if blocks < MIN_BLOCKS as u64 {
        let reason = format!("{}, a verdict needs {MIN_BLOCKS}", counted(blocks, "block"));
        return Some(Doubt { reason, more_would_do: true });
    }
    let reasons = &row.measurement.invalid_reasons;
    let reason = (!reasons.is_empty()).then(|| reasons.join("; "))?;
    Some(Doubt { reason, more_would_do: false })
}

fn missing(MissingReason(reason): &MissingReason) -> Observation {
    Observation::missing(reason.clone())
}

fn energy(row: &GateRow) -> Observation {
    match &row.measurement.energy {
        Ok(found) => {
            let interval = found.per_inference_uj;
            Observation::of_target(interval, CountedUnit::Windows, found.windows)
        }
        Err(reason) => missing(reason),
    }
}

fn speedup(row: &GateRow) -> Observation {
    match &row.measurement.speed {
        Ok(found) => Observation::of_target(found.speedup, CountedUnit::Blocks, found.blocks),
        Err(reason) => missing(reason),
    }
}

fn latency(figure: RequiredFigure, row: &GateRow) -> Observation {
    let found = match &row.measurement.latency {
        Ok(found) => found,
        Err(reason) => return missing(reason),
    };
    let interval = match figure {
        RequiredFigure::LatencyP50 => Some(milliseconds(found.p50_ns)),
        RequiredFigure::LatencyP99 => found.p99.map(milliseconds),
        RequiredFigure::PeakRss => found.peak_rss,
        RequiredFigure::PeakHeap => found.peak_heap,
        _ => throughput(found, row.measurement.setting.batch),
    };
    match interval {
        Some(interval) => Observation::of_target(interval, CountedUnit::Blocks, found.blocks),
        None if figure == RequiredFigure::LatencyP99 => Observation::missing(format!(
            "{} samples are too few for a 99th percentile",
            found.samples
        )),
        None => Observation::missing("the target does not tell"),
    }
}

fn milliseconds(ns: ConfidenceInterval) -> ConfidenceInterval {
    ConfidenceInterval { value: ns.value / 1e6, low: ns.low / 1e6, high: ns.high / 1e6 }
}

/// Samples a second: of all streams together, or a batch over the median.
fn throughput(found: &LatencySummary, batch: usize) -> Option<ConfidenceInterval> {
    let per_second = |ns: f64| (ns > 0.0).then(|| batch as f64 * 1e9 / ns);
    found.throughput.or_else(|| {
        Some(ConfidenceInterval {
            value: per_second(found.p50_ns.value)?,
            low: per_second(found.p50_ns.high)?,
            high: per_second(found.p50_ns.low)?,
        })
    })
}

/// A size of a variant, or its share of the baseline's.
pub(super) fn size_observation(
    figure: RequiredFigure,
    variant: &VariantRecord,
    baseline: Option<&VariantRecord>,
) -> Observation {
    let size = |of: &VariantRecord| match figure {
        RequiredFigure::FileBytes | RequiredFigure::FileBytesRatio => Some(of.file_bytes),
        RequiredFigure::Params | RequiredFigure::ParamsRatio => Some(of.params),
        _ => of.macs,
    };
    let own = size(variant).map(|own| own as f64);
    let value = match figure {
        RequiredFigure::FileBytes | RequiredFigure::Params | RequiredFigure::Macs => own,
        _ => {
            let before = baseline.and_then(size).filter(|before| *before > 0);
            own.zip(before).map(|(own, before)| own / before as f64)
        }
    };
    match value {
        Some(value) => Observation::exact(value),
        None => Observation::missing("it cannot be counted for this model"),
    }
}
