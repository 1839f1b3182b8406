//! The long load: one model without a pause for minutes, in windows of a second, and what the last
//! minute says against the first.

use crate::engine::EngineError;
use crate::measure::ContentionProbe;
use crate::measure::sampling::{SampledModel, nanos};
use crate::sensors::{self, ProcessorSet, ThermalMonitor, ThermalState};
use paring_core::schema::{
    SampleBurst, SampleRules, SustainedBlock, SustainedSummary, SustainedWindow,
};
use paring_core::stats;
use paring_core::units::LatencyNs;
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(1);
/// Bursts are this many times longer than elsewhere: the loops beside them must not let the processor
/// cool down.
const LONGER: usize = 25;
const MINUTE: LatencyNs = LatencyNs(60_000_000_000);
/// A window this much slower than the first minute counts as slower.
const SLOWER: f64 = 1.05;

/// Runs a model for `span`.
///
/// # Errors
/// The engine's.
pub(crate) fn measure_sustained_block(
    stand: &mut SampledModel,
    rules: &SampleRules,
    span: LatencyNs,
) -> Result<SustainedBlock, EngineError> {
    let (mut watch, mut windows) = (ContentionProbe::new(), Vec::new());
    let mut glances = ThermalMonitor::new(ProcessorSet::of_process(sensors::root()));
    // Enough to know how many inferences a burst has, and no more: warming up is part of the story.
    let begun = Instant::now();
    stand.plan.execute(&stand.cycle.all()[0])?;
    let length = LONGER * stand.length(begun.elapsed().into(), rules);
    let begun = Instant::now();
    while begun.elapsed() < nanos(span) {
        let start = begun.elapsed();
        let mut bursts = Vec::new();
        while bursts.is_empty() || begun.elapsed() < start + WINDOW {
            bursts.push(stand.burst(length, &mut watch)?);
        }
        windows.push(window(start.into(), &bursts, glances.take()));
    }
    Ok(SustainedBlock { windows })
}

fn window(start_ns: LatencyNs, bursts: &[SampleBurst], glance: ThermalState) -> SustainedWindow {
    let samples: Vec<f64> = bursts.iter().flat_map(|b| &b.samples_ns).map(|s| s.as_f64()).collect();
    let references: Vec<f64> = bursts.iter().map(|b| b.reference_ns.as_f64()).collect();
    let at =
        |values: &[f64], q: f64| LatencyNs::from_f64(stats::quantile(values, q).unwrap_or(0.0));
    SustainedWindow {
        start_ns,
        inferences: samples.len() as u32,
        p50_ns: at(&samples, 0.5),
        p99_ns: (samples.len() >= stats::samples_for_percentile(0.99)).then(|| at(&samples, 0.99)),
        most_ns: at(&samples, 1.0),
        reference_ns: at(&references, 0.5),
        temperature_mc: glance.temperature_mc,
        frequency_khz: glance.frequency_khz,
        throttled: glance.throttled,
    }
}

/// The last minute against the first; `None` of a block without two windows.
pub(crate) fn sustained_summary(block: &SustainedBlock) -> Option<SustainedSummary> {
    let (first, last) = (block.windows.first()?, block.windows.last()?);
    // A window is as long as the way to the next; the last one as the one before it.
    let before = block.windows.iter().rev().nth(1)?;
    let span = LatencyNs(2 * last.start_ns.0 - before.start_ns.0 - first.start_ns.0);
    let minute = LatencyNs(MINUTE.0.min(span.0 / 2));
    let median = |late: bool, of: fn(&SustainedWindow) -> LatencyNs| {
        let from = LatencyNs(span.0 - minute.0);
        let inside =
            |w: &&SustainedWindow| if late { w.start_ns >= from } else { w.start_ns < minute };
        let values: Vec<f64> =
            block.windows.iter().filter(inside).map(|w| of(w).as_f64()).collect();
        stats::median(&values)
    };
    let (first_ns, last_ns) = (median(false, |w| w.p50_ns)?, median(true, |w| w.p50_ns)?);
    let (early, late) = (median(false, |w| w.reference_ns)?, median(true, |w| w.reference_ns)?);
    let sign = |w: &SustainedWindow| Some((w.start_ns, w.throttled.first()?.clone()));
    let slow = |w: &&SustainedWindow| w.p50_ns.as_f64() > SLOWER * first_ns;
    Some(SustainedSummary {
        span_ns: span,
        minute_ns: minute,
        first_ns: LatencyNs::from_f64(first_ns),
        last_ns: LatencyNs::from_f64(last_ns),
        reference_change: late / early.max(1.0) - 1.0,
        throttled_at: block.windows.iter().find_map(sign),
        slower_from_ns: block.windows.iter().rev().take_while(slow).last().map(|w| w.start_ns),
        temperature_max_mc: block.windows.iter().filter_map(|w| w.temperature_mc).max(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(latencies_us: &[u64]) -> SustainedBlock {
        let windows = latencies_us.iter().enumerate().map(|(second, us)| SustainedWindow {
            start_ns: LatencyNs(second as u64 * 1_000_000_000),
            inferences: 5,
            p50_ns: LatencyNs(us * 1000),
            p99_ns: None,
            most_ns: LatencyNs(us * 2000),
            reference_ns: LatencyNs(us * 100),
            temperature_mc: None,
            frequency_khz: None,
            throttled: if *us > 150 { vec!["throttled (get_throttled)".into()] } else { vec![] },
        });
        SustainedBlock { windows: windows.collect() }
    }

    #[test]
    fn a_load_that_heats_up_is_told_by_its_last_minute() {
        let latencies: Vec<u64> =
            (0..150).map(|second| if second < 80 { 100 } else { 100 + second }).collect();
        let found = sustained_summary(&block(&latencies)).unwrap();
        assert_eq!((found.span_ns.0, found.minute_ns), (150_000_000_000, MINUTE));
        assert_eq!(found.first_ns, LatencyNs(100_000));
        // The last sixty seconds are 90 to 149; their median is 219.5 µs.
        assert_eq!(found.last_ns, LatencyNs(219_500));
        assert!(
            (found.change() - 1.195).abs() < 1e-9 && (found.reference_change - 1.195).abs() < 1e-9
        );
        assert_eq!(found.throttled_at.unwrap().0, LatencyNs(80_000_000_000));
        assert_eq!(found.slower_from_ns, Some(LatencyNs(80_000_000_000)));
    }

    #[test]
    fn a_short_or_steady_load_has_no_story() {
        let found = sustained_summary(&block(&[100; 10])).unwrap();
        assert_eq!(found.minute_ns, LatencyNs(5_000_000_000));
        assert_eq!((found.change(), found.throttled_at, found.slower_from_ns), (0.0, None, None));
        assert_eq!(sustained_summary(&block(&[100])), None);
    }
}
