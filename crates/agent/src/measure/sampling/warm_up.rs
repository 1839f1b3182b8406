//! The sample loop, as short as it can be: nothing is allocated, printed or checked between two
//! readings of the clock but the inference itself.

use super::sample_burst::nanos;
use crate::engine::{EngineError, InferencePlan};
use crate::measure::InputCycle;
use paring_core::schema::{SampleRules, WarmUpRecord};
use paring_core::stats;
use paring_core::units::LatencyNs;
use std::time::Instant;

/// Runs until two consecutive windows have medians within 3 % of each other, between the rules'
/// limits; gives the warm-up and the median of its last window.
///
/// # Errors
/// The engine's.
pub fn warm_up(
    plan: &InferencePlan,
    cycle: &mut InputCycle,
    rules: &SampleRules,
) -> Result<(WarmUpRecord, LatencyNs), EngineError> {
    let (least, most) = (nanos(rules.warmup_min_ns), nanos(rules.warmup_max_ns));
    let window = least / 3;
    let start = Instant::now();
    let (mut before, mut inferences) = (f64::INFINITY, 0);
    loop {
        let (opened, mut samples) = (Instant::now(), Vec::new());
        while samples.len() < 3 || opened.elapsed() < window {
            let inputs = cycle.advance();
            let begun = Instant::now();
            plan.execute(inputs)?;
            samples.push(begun.elapsed().as_nanos() as f64);
        }
        inferences += samples.len() as u32;
        let now = stats::median(&samples).unwrap_or(before);
        let stable = (now / before - 1.0).abs() < 0.03;
        let took = start.elapsed();
        if (stable && took >= least) || took >= most {
            let warmup = WarmUpRecord { inferences, took_ns: took.into(), stable };
            return Ok((warmup, LatencyNs::from_f64(now)));
        }
        before = now;
    }
}
