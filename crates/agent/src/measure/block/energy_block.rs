//! One energy block: idle, the model in a loop, idle, with a sensor that is read alongside.

use super::block_bench::{BlockBench, LoadedModel};
use super::block_error::BlockError;
use crate::measure::count_allocations;
use crate::measure::sampling::{SampledModel, nanos};
use crate::sensors::{self, EnergySampler, EnergySensor};
use paring_core::schema::{
    BlockAttempt, EnergyBlock, EnergyJob, EnergyRules, EnergySource, EnergyWindow, JobModel,
    MissingReason, SensorFacts,
};
use paring_core::stats;
use paring_core::units::LatencyNs;
use rand::seq::SliceRandom;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// Windows begin so long after their phase, and end so long before the next: sensors average, and
/// what is read once in a while is drawn as a line between two readings.
const SETTLE: Duration = Duration::from_secs(1);
/// A window has at least so many inferences, however slow the model.
const MIN_INFERENCES: u64 = 10;
/// One element of the pulse by which a meter is aligned, at most and as a share of the run.
const PULSE: Duration = Duration::from_secs(1);
const PULSE_SHARE: u32 = 10;
/// Half of the pulse's elements are load.
const PULSE_ELEMENTS: usize = 8;

/// Span of an energy block's phases in all, without loading and warming up.
pub fn energy_span(rules: &EnergyRules) -> Duration {
    let pulse = match rules.source {
        EnergySource::Meter { .. } => element(rules) * PULSE_ELEMENTS as u32 + SETTLE,
        _ => Duration::ZERO,
    };
    pulse + nanos(rules.run_ns) + 2 * nanos(rules.idle_ns) + 6 * settle(rules)
}

fn settle(rules: &EnergyRules) -> Duration {
    SETTLE.min(nanos(rules.run_ns) / 4)
}

fn element(rules: &EnergyRules) -> Duration {
    PULSE.min(nanos(rules.run_ns) / PULSE_SHARE)
}

/// Measures one energy block of the job in this process.
///
/// # Errors
/// [`BlockError`] where the model fails or there is no sensor; a sensor that fails on the way leaves
/// windows with their reason.
pub(crate) fn measure_energy_block(
    bench: &BlockBench,
    model: &JobModel,
    attempt: &BlockAttempt,
) -> Result<EnergyBlock, BlockError> {
    let job = bench.job.energy.as_ref().ok_or(BlockError::Absent("rules of energy"))?;
    let meter = match &job.rules.source {
        EnergySource::Meter { path, coverage } => Some(meter_facts(path, coverage.as_deref())),
        _ => None,
    };
    // Before the model is loaded: without a sensor there is nothing to do.
    let sensor = match meter {
        Some(_) => None,
        None => Some(open(job).map_err(BlockError::Energy)?),
    };
    let LoadedModel { mut stand, .. } = bench.load(model)?;
    count_allocations(false);
    let engine = |source| BlockError::Engine { model: model.name.clone(), source };
    stand.warm_up(&bench.job.rules).map_err(engine)?;

    let started_unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let start = Instant::now();
    let sampler = sensor.map(|sensor| EnergySampler::start(sensor, start));
    let mut load = SwitchedLoad { stand: &mut stand, start, sampler: sampler.as_ref() };
    let pulse = match meter {
        Some(_) => load.pulse(&job.rules, bench.job.seed, attempt).map_err(engine)?,
        None => Vec::new(),
    };
    let phases = load.phases(&job.rules, pulse).map_err(engine)?;
    let (sensor, [idle_before, run, idle_after]) = match (sampler, meter) {
        (Some(sampler), _) => {
            let read = sampler.stop();
            let (facts, series) =
                read.ok_or_else(|| BlockError::Energy(MissingReason("its reader died".into())))?;
            (facts, phases.windows.map(|(from, to)| series.window(from, to)))
        }
        (None, meter) => {
            let facts = meter.ok_or(BlockError::Absent("sensor"))?;
            (facts, phases.windows.map(|(from, to)| pending(from, to)))
        }
    };
    Ok(EnergyBlock {
        sensor,
        pulse_ns: phases.loads,
        started_unix_ns: u64::try_from(started_unix.as_nanos()).unwrap_or(u64::MAX),
        idle_before,
        run,
        idle_after,
        inferences: phases.inferences,
    })
}

fn open(job: &EnergyJob) -> Result<EnergySensor, MissingReason> {
    EnergySensor::open(job.root.as_deref().unwrap_or(sensors::root()), &job.rules.source)
}

/// Facts about a meter before its log is read.
fn meter_facts(log: &Path, coverage: Option<&str>) -> SensorFacts {
    SensorFacts {
        name: format!("meter {}", log.display()),
        coverage: coverage.unwrap_or("unknown").to_string(),
        rate_hz: 0.0,
        resolution: "as logged".into(),
    }
}

/// A window whose energy is in a meter's log.
fn pending(start_ns: LatencyNs, end_ns: LatencyNs) -> EnergyWindow {
    let energy_uj = Err(MissingReason("the meter's log was not read yet".into()));
    EnergyWindow { start_ns, end_ns, energy_uj, readings: 0 }
}

/// The model as a load that can be switched on and off.
struct SwitchedLoad<'a> {
    stand: &'a mut SampledModel,
    start: Instant,
    sampler: Option<&'a EnergySampler>,
}

/// Times of an energy block's phases.
struct EnergyPhases {
    /// Idle, run, idle.
    windows: [(LatencyNs, LatencyNs); 3],
    loads: Vec<(LatencyNs, LatencyNs)>,
    inferences: u64,
}

type EngineResult<T> = Result<T, crate::engine::EngineError>;

impl SwitchedLoad<'_> {
    fn now(&self) -> LatencyNs {
        self.start.elapsed().into()
    }

    fn sensor_failed(&self) -> bool {
        self.sampler.is_some_and(EnergySampler::failed)
    }

    /// Sleeps; in parts, so that a sensor that failed ends the block.
    fn idle(&self, span: Duration) {
        let until = Instant::now() + span;
        while !self.sensor_failed() {
            let rest = until.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return;
            }
            std::thread::sleep(rest.min(Duration::from_millis(500)));
        }
    }

    fn work(&mut self, span: Duration) -> EngineResult<()> {
        let until = Instant::now() + span;
        while Instant::now() < until && !self.sensor_failed() {
            self.stand.work()?;
        }
        Ok(())
    }

    fn idle_window(&self, rules: &EnergyRules) -> (LatencyNs, LatencyNs) {
        self.idle(settle(rules));
        let from = self.now();
        self.idle(nanos(rules.idle_ns));
        (from, self.now())
    }

    fn phases(
        &mut self,
        rules: &EnergyRules,
        mut loads: Vec<(LatencyNs, LatencyNs)>,
    ) -> EngineResult<EnergyPhases> {
        let before = self.idle_window(rules);
        self.idle(settle(rules));
        let on = self.now();
        self.work(settle(rules))?;
        let (from, mut inferences) = (self.now(), 0);
        let until = Instant::now() + nanos(rules.run_ns);
        while (Instant::now() < until || inferences < MIN_INFERENCES) && !self.sensor_failed() {
            inferences += self.stand.work()?;
        }
        let to = self.now();
        self.work(settle(rules))?;
        if !loads.is_empty() {
            loads.push((on, self.now()));
        }
        let after = self.idle_window(rules);
        // The sensor must have a reading behind the last window, too.
        self.idle(settle(rules));
        Ok(EnergyPhases { windows: [before, (from, to), after], loads, inferences })
    }

    /// Load and idle in an order of its own for every block, half of each.
    fn pulse(
        &mut self,
        rules: &EnergyRules,
        seed: u64,
        attempt: &BlockAttempt,
    ) -> EngineResult<Vec<(LatencyNs, LatencyNs)>> {
        let mut elements: [bool; PULSE_ELEMENTS] = std::array::from_fn(|i| i % 2 == 0);
        let purpose = format!("pulse {} {}", attempt.key, attempt.number);
        elements.shuffle(&mut stats::generator(seed, &purpose));
        let mut loads = Vec::new();
        self.idle(settle(rules));
        for group in elements.chunk_by(|a, b| a == b) {
            let span = element(rules) * group.len() as u32;
            let from = self.now();
            if group[0] {
                self.work(span)?;
                loads.push((from, self.now()));
            } else {
                self.idle(span);
            }
        }
        Ok(loads)
    }
}
