//! A thread that reads a sensor at its own rate until it is told to end.

use super::{EnergySensor, ReadingKind, ReadingSeries};
use paring_core::schema::SensorFacts;
use paring_core::units::LatencyNs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

/// A sensor that is being read. It exists in energy blocks only: reading costs time on the cores that
/// other blocks time.
#[derive(Debug)]
pub struct EnergySampler {
    shared: Arc<SamplerState>,
    thread: JoinHandle<(SensorFacts, ReadingSeries)>,
}

#[derive(Debug, Default)]
struct SamplerState {
    stop: AtomicBool,
    failed: AtomicBool,
}

impl EnergySampler {
    /// Starts to read. Times of readings count from `start`.
    pub fn start(sensor: EnergySensor, start: Instant) -> Self {
        let shared = Arc::new(SamplerState::default());
        let theirs = shared.clone();
        let thread = std::thread::spawn(move || sample(sensor, start, &theirs));
        EnergySampler { shared, thread }
    }

    /// True if the sensor cannot be read any more.
    pub fn failed(&self) -> bool {
        self.shared.failed.load(Ordering::Relaxed)
    }

    /// Ends the thread and gives what it read, and the sensor with the rate and the steps that were
    /// seen. `None` where the thread died.
    pub fn stop(self) -> Option<(SensorFacts, ReadingSeries)> {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        self.thread.join().ok()
    }
}

fn sample(
    mut sensor: EnergySensor,
    start: Instant,
    shared: &SamplerState,
) -> (SensorFacts, ReadingSeries) {
    let mut series = ReadingSeries::new(sensor.kind());
    let mut due = Instant::now();
    while !shared.stop.load(Ordering::Relaxed) {
        match sensor.read() {
            Ok(Some((at, value))) => {
                if let Some(time) = at.checked_duration_since(start) {
                    series.push(time.into(), value);
                }
            }
            Ok(None) => {}
            Err(why) => {
                series.break_off(LatencyNs::from(start.elapsed()), why);
                shared.failed.store(true, Ordering::Relaxed);
                break;
            }
        }
        let Some(period) = sensor.period() else { continue };
        due += period;
        let now = Instant::now();
        match due.checked_duration_since(now) {
            Some(wait) => std::thread::park_timeout(wait),
            // A sensor slower than its period sets the pace itself.
            None => due = now,
        }
    }
    let mut facts = sensor.facts().clone();
    facts.rate_hz = series.rate_hz().unwrap_or(facts.rate_hz);
    if sensor.kind() == ReadingKind::Power
        && let Some(step) = series.least_step()
    {
        facts.resolution = format!("{step:.3} mW (smallest step seen)");
    }
    (facts, series)
}
