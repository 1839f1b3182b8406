//! The timed loop of one burst.

use crate::engine::{EngineError, InferencePlan};
use crate::measure::{ContentionProbe, InputCycle};
use paring_core::schema::{SampleBurst, SampleRules};
use paring_core::units::LatencyNs;
use std::time::{Duration, Instant};

/// Times the loops that watch and then `count` inferences.
///
/// # Errors
/// The engine's.
pub fn sample_burst(
    plan: &InferencePlan,
    cycle: &mut InputCycle,
    count: usize,
    watch: &mut ContentionProbe,
) -> Result<SampleBurst, EngineError> {
    let mut samples_ns = Vec::with_capacity(count);
    let (reference_ns, walk_ns) = watch.read();
    for _ in 0..count {
        let inputs = cycle.advance();
        let start = Instant::now();
        plan.execute(inputs)?;
        samples_ns.push(start.elapsed().into());
    }
    Ok(SampleBurst { reference_ns, walk_ns, wall_ns: None, samples_ns })
}

/// Number of inferences of `each` in a burst: as many as fill the rules' span, from 3 to 64.
pub(crate) fn burst_length(each: LatencyNs, rules: &SampleRules) -> usize {
    (rules.burst_ns.0 / each.0.max(1)).clamp(3, 64) as usize
}

pub(crate) fn nanos(span: LatencyNs) -> Duration {
    Duration::from_nanos(span.0)
}
