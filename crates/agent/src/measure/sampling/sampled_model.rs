//! A model on the stand: its plan, its inputs, and the streams that run it.

use super::sample_burst::burst_length;
use crate::engine::{EngineError, InferencePlan};
use crate::measure::{ContentionProbe, InputCycle, sample_burst, warm_up};
use paring_core::schema::{SampleBurst, SampleRules, WarmUpRecord};
use paring_core::stats;
use paring_core::units::LatencyNs;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

/// A burst of several streams is this many times longer than one of a single one: its ends, where
/// some streams have stopped already, must not weigh.
const LONGER: usize = 5;

/// A model that is ready to be sampled.
#[derive(Debug)]
pub(crate) struct SampledModel {
    pub(crate) plan: Arc<InferencePlan>,
    pub(crate) cycle: InputCycle,
    streams: Vec<InferenceStream>,
    ended: Option<Receiver<StreamBurst>>,
}

/// A thread that runs inferences when it is told how many.
#[derive(Debug)]
struct InferenceStream {
    orders: Sender<usize>,
}

/// Ends the process when a stream panics: the others would wait for it for ever.
struct ExitOnPanic;

impl Drop for ExitOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::exit(101);
        }
    }
}

/// Samples of one stream's burst.
struct StreamBurst {
    started: Instant,
    stopped: Instant,
    samples: Result<Vec<LatencyNs>, EngineError>,
}

impl SampledModel {
    /// Puts a plan on the stand, in so many streams. One runs in the calling thread.
    pub(crate) fn new(plan: InferencePlan, cycle: InputCycle, streams: usize) -> SampledModel {
        let plan = Arc::new(plan);
        if streams <= 1 {
            return SampledModel { plan, cycle, streams: vec![], ended: None };
        }
        let (report, ended) = channel();
        let gate = Arc::new(Barrier::new(streams));
        let started = (0..streams).map(|index| {
            let (orders, received) = channel();
            let (plan, cycle) = (Arc::clone(&plan), cycle.from(index));
            let (gate, report) = (Arc::clone(&gate), report.clone());
            std::thread::spawn(move || stream(&plan, cycle, &gate, &received, &report));
            InferenceStream { orders }
        });
        let streams = started.collect();
        SampledModel { plan, cycle, streams, ended: Some(ended) }
    }

    /// Runs until times are steady; gives the warm-up and the time of one inference under the load
    /// of all streams.
    ///
    /// # Errors
    /// The engine's.
    pub(crate) fn warm_up(
        &mut self,
        rules: &SampleRules,
    ) -> Result<(WarmUpRecord, LatencyNs), EngineError> {
        let (mut warmup, mut each) = warm_up(&self.plan, &mut self.cycle, rules)?;
        if self.streams.is_empty() {
            return Ok((warmup, each));
        }
        let (begun, mut before) = (Instant::now(), f64::INFINITY);
        warmup.stable = false;
        while !warmup.stable && begun.elapsed() < Duration::from_nanos(rules.warmup_max_ns.0) {
            let (samples, _) = self.together(LONGER * burst_length(each, rules))?;
            warmup.inferences += samples.len() as u32;
            let times: Vec<f64> = samples.iter().map(|s| s.as_f64()).collect();
            let now = stats::median(&times).unwrap_or(before);
            warmup.stable = (now / before - 1.0).abs() < 0.03;
            (before, each) = (now, LatencyNs::from_f64(now));
        }
        warmup.took_ns = LatencyNs(warmup.took_ns.0 + LatencyNs::from(begun.elapsed()).0);
        Ok((warmup, each))
    }

    /// Number of inferences of `each` in a burst of one stream.
    pub(crate) fn length(&self, each: LatencyNs, rules: &SampleRules) -> usize {
        match self.streams.is_empty() {
            true => burst_length(each, rules),
            false => LONGER * burst_length(each, rules),
        }
    }

    /// Times the loops that watch and then `count` inferences in every stream.
    ///
    /// # Errors
    /// The engine's.
    pub(crate) fn burst(
        &mut self,
        count: usize,
        watch: &mut ContentionProbe,
    ) -> Result<SampleBurst, EngineError> {
        if self.streams.is_empty() {
            return sample_burst(&self.plan, &mut self.cycle, count, watch);
        }
        let (reference_ns, walk_ns) = watch.read();
        let (samples_ns, wall) = self.together(count)?;
        Ok(SampleBurst { reference_ns, walk_ns, wall_ns: Some(wall), samples_ns })
    }

    /// Runs some inferences without timing them, and says how many.
    ///
    /// # Errors
    /// The engine's.
    pub(crate) fn work(&mut self) -> Result<u64, EngineError> {
        if self.streams.is_empty() {
            return self.plan.execute(self.cycle.advance()).map(|()| 1);
        }
        self.together(LONGER).map(|(samples, _)| samples.len() as u64)
    }

    /// All streams at once: their samples, the first of each before all others, and the span from
    /// the first one's start to the last one's end.
    fn together(&self, count: usize) -> Result<(Vec<LatencyNs>, LatencyNs), EngineError> {
        for stream in &self.streams {
            // A stream ends only with the stand.
            let _ = stream.orders.send(count);
        }
        let all = self.ended.iter().flat_map(|ended| ended.iter().take(self.streams.len()));
        let (mut first, mut rest, mut span) = (Vec::new(), Vec::new(), None);
        for StreamBurst { started, stopped, samples } in all {
            let mut samples = samples?.into_iter();
            first.extend(samples.next());
            rest.extend(samples);
            let (from, to) = span.unwrap_or((started, stopped));
            span = Some((from.min(started), to.max(stopped)));
        }
        first.extend(rest);
        Ok((first, span.map_or(LatencyNs(0), |(from, to)| (to - from).into())))
    }
}

/// The life of one stream. All streams of a burst start together.
fn stream(
    plan: &InferencePlan,
    mut cycle: InputCycle,
    gate: &Barrier,
    orders: &Receiver<usize>,
    report: &Sender<StreamBurst>,
) {
    let _together = ExitOnPanic;
    while let Ok(count) = orders.recv() {
        let mut samples = Vec::with_capacity(count);
        gate.wait();
        let started = Instant::now();
        let failed = (0..count).find_map(|_| {
            let begun = Instant::now();
            let ended = plan.execute(cycle.advance());
            samples.push(begun.elapsed().into());
            ended.err()
        });
        let samples = failed.map_or(Ok(samples), Err);
        if report.send(StreamBurst { started, stopped: Instant::now(), samples }).is_err() {
            return;
        }
    }
}
