//! The sample loop, as short as it can be: nothing is allocated, printed or checked between two
//! readings of the clock but the inference itself.

use super::ContentionProbe;
use crate::engine::{EngineError, InferencePlan, PlanInputs};
use paring_core::schema::{SampleBurst, SampleRules, WarmUpRecord};
use paring_core::stats;
use paring_core::units::LatencyNs;
use std::time::{Duration, Instant};

/// Prepared inputs, used in turn.
#[derive(Clone, Debug)]
pub struct InputCycle {
    inputs: Vec<PlanInputs>,
    next: usize,
}

impl InputCycle {
    /// A cycle over `inputs`; `None` of nothing.
    pub fn new(inputs: Vec<PlanInputs>) -> Option<Self> {
        (!inputs.is_empty()).then_some(InputCycle { inputs, next: 0 })
    }

    /// All inputs, once, in order.
    pub fn all(&self) -> &[PlanInputs] {
        &self.inputs
    }

    /// The same inputs, beginning with another: so that streams do not run in step.
    pub(super) fn from(&self, next: usize) -> InputCycle {
        InputCycle { inputs: self.inputs.clone(), next: next % self.inputs.len().max(1) }
    }

    pub(super) fn advance(&mut self) -> &PlanInputs {
        self.next = (self.next + 1) % self.inputs.len();
        &self.inputs[self.next]
    }
}

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

/// How many inferences of `each` a burst has: as many as fill the rules' span, from 3 to 64.
pub(super) fn burst_length(each: LatencyNs, rules: &SampleRules) -> usize {
    (rules.burst_ns.0 / each.0.max(1)).clamp(3, 64) as usize
}

pub(super) fn nanos(span: LatencyNs) -> Duration {
    Duration::from_nanos(span.0)
}
