//! The conditions that a block runs under: temperature, what its processors' frequency and throttling
//! are, and what others do.

use super::cpu_time::CpuTime;
use super::hottest;
use super::processor_set::ProcessorSet;
use super::throttling::{ThrottleCounts, ThrottleState};
use paring_core::schema::BlockConditions;
use paring_core::units::MilliCelsius;
use std::time::Instant;

/// Looks at a machine before, during and after something that runs on some of its processors.
#[derive(Debug)]
pub struct ConditionObserver {
    processors: ProcessorSet,
    begun: Instant,
    cpu: Option<CpuTime>,
    throttle: ThrottleState,
    counts: ThrottleCounts,
    seen: BlockConditions,
}

impl ConditionObserver {
    /// Looks for the first time.
    pub fn start(processors: ProcessorSet) -> ConditionObserver {
        let seen = BlockConditions {
            before_mc: hottest(processors.root()),
            governor: processors.governor(),
            ..BlockConditions::default()
        };
        let mut observer = ConditionObserver {
            begun: Instant::now(),
            cpu: CpuTime::read(processors.root()),
            throttle: ThrottleState::read(&processors, true),
            counts: ThrottleCounts::read(&processors),
            processors,
            seen,
        };
        observer.look();
        observer
    }

    /// True if looking in between can tell anything: a machine without sensors need not be disturbed.
    pub fn sees(&self) -> bool {
        self.throttle != ThrottleState::default()
            || self.seen.before_mc.is_some()
            || self.seen.frequency_khz.is_some()
    }

    /// Looks in between: a few small files, some tens of microseconds. Counters wait for the end.
    pub fn look(&mut self) {
        let now = ThrottleState::read(&self.processors, false);
        self.note(&now);
    }

    /// Looks for the last time.
    pub fn finish(mut self) -> BlockConditions {
        let now = ThrottleState::read(&self.processors, true);
        self.note(&now);
        let counts = ThrottleCounts::read(&self.processors);
        self.seen.throttled.extend(counts.signs(&self.counts));
        let root = self.processors.root();
        self.seen.after_mc = hottest(root);
        let since = |now: CpuTime| now.since(&self.cpu?, self.begun.elapsed().as_secs_f64());
        let used = CpuTime::read(root).and_then(since);
        (self.seen.others, self.seen.stolen) = used.unzip();
        self.seen
    }

    fn note(&mut self, throttle: &ThrottleState) {
        for sign in throttle.signs(&self.throttle) {
            if !self.seen.throttled.contains(&sign) {
                self.seen.throttled.push(sign);
            }
        }
        self.seen.highest_mc = self.seen.highest_mc.max(hottest(self.processors.root()));
        if let Some((least, most)) = self.processors.frequency_khz() {
            let (low, high) = self.seen.frequency_khz.unwrap_or((least, most));
            self.seen.frequency_khz = Some((low.min(least), high.max(most)));
        }
    }
}

/// Temperature, frequency and throttling at one moment of a long load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThermalState {
    /// Signs of throttling since the glance before.
    pub throttled: Vec<String>,
    /// The hottest thermal zone.
    pub temperature_mc: Option<MilliCelsius>,
    /// The lowest frequency of the processors, in kilohertz.
    pub frequency_khz: Option<u64>,
}

/// Glances at a machine one after the other.
#[derive(Debug)]
pub struct ThermalMonitor {
    processors: ProcessorSet,
    throttle: ThrottleState,
    counts: ThrottleCounts,
}

impl ThermalMonitor {
    /// Of these processors.
    pub fn new(processors: ProcessorSet) -> ThermalMonitor {
        let throttle = ThrottleState::read(&processors, false);
        let counts = ThrottleCounts::read(&processors);
        ThermalMonitor { processors, throttle, counts }
    }

    /// The next one.
    pub fn take(&mut self) -> ThermalState {
        let throttle = ThrottleState::read(&self.processors, false);
        let counts = ThrottleCounts::read(&self.processors);
        let mut throttled = throttle.signs(&self.throttle);
        throttled.extend(counts.signs(&self.counts));
        // A cap is held against the first glance for as long as it lasts; counters go on counting.
        self.throttle.acknowledge(&throttle);
        self.counts = counts;
        ThermalState {
            throttled,
            temperature_mc: hottest(self.processors.root()),
            frequency_khz: self.processors.frequency_khz().map(|(least, _)| least),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::processor_set::tests::{big_little, set, write};
    use super::*;
    use std::path::Path;

    fn observer(root: &Path, numbers: &[usize]) -> ConditionObserver {
        ConditionObserver::start(ProcessorSet::of(root, numbers))
    }

    #[test]
    fn a_bare_machine_has_no_conditions() {
        let root = tempfile::tempdir().unwrap();
        let observer = observer(root.path(), &[0]);
        assert!(!observer.sees());
        assert_eq!(observer.finish(), BlockConditions::default());
    }

    #[test]
    fn the_hottest_slowest_and_worst_in_between_are_kept() {
        let root = tempfile::tempdir().unwrap();
        let zone = "sys/class/thermal/thermal_zone0/temp";
        let speed = "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq";
        let bits = "sys/devices/platform/soc/soc:firmware/get_throttled";
        let at = |temperature: &str, frequency: &str, throttled: &str| {
            write(root.path(), zone, temperature);
            write(root.path(), speed, frequency);
            write(root.path(), bits, throttled);
        };
        at("50000\n", "2400000\n", "0\n");
        let mut observer = observer(root.path(), &[0]);
        assert!(observer.sees());
        at("86000\n", "1500000\n", "80008\n");
        observer.look();
        at("70000\n", "2400000\n", "80000\n");
        let seen = observer.finish();
        assert_eq!(seen.before_mc, Some(MilliCelsius(50_000)));
        assert_eq!(seen.highest_mc, Some(MilliCelsius(86_000)));
        assert_eq!(seen.after_mc, Some(MilliCelsius(70_000)));
        assert_eq!(seen.frequency_khz, Some((1_500_000, 2_400_000)));
        assert_eq!(seen.throttled, ["soft temperature limit (get_throttled)"]);
    }

    fn counter(number: usize) -> String {
        format!("sys/devices/system/cpu/cpu{number}/thermal_throttle/core_throttle_count")
    }

    #[test]
    fn a_block_sees_its_own_processors_and_no_others() {
        let root = big_little();
        for number in 0..6 {
            write(root.path(), &counter(number), "0\n");
        }
        let blocks: [&[usize]; 3] = [&[4], &[1], &[1, 4]];
        let mut observers = blocks.map(|numbers| observer(root.path(), numbers));
        // The fast cluster is held at 600 of 2400 MHz for a while.
        let held = |khz: &str| {
            set(root.path(), 4, "scaling_cur_freq", khz);
            set(root.path(), 4, "scaling_max_freq", khz);
        };
        held("600000\n");
        write(root.path(), &counter(4), "3\n");
        observers.iter_mut().for_each(ConditionObserver::look);
        held("2400000\n");
        let [fast, slow, both] = observers.map(ConditionObserver::finish);
        let expected = [
            "scaling_max_freq of processor 4 fell from 2400000 to 600000 kHz",
            "core_throttle_count of processor 4 rose",
        ];
        assert_eq!(fast.throttled, expected);
        assert_eq!(fast.frequency_khz, Some((600_000, 2_400_000)));
        assert_eq!(slow.throttled, [""; 0]);
        assert_eq!(slow.frequency_khz, Some((1_800_000, 1_800_000)));
        assert_eq!(both.throttled, expected);
        assert_eq!(both.frequency_khz, Some((600_000, 2_400_000)));
        assert_eq!(fast.governor.as_deref(), Some("schedutil"));
    }

    #[test]
    fn a_counter_that_rises_between_two_looks_is_seen() {
        let root = big_little();
        write(root.path(), &counter(5), "41\n");
        let observers = [observer(root.path(), &[5]), observer(root.path(), &[4])];
        write(root.path(), &counter(5), "42\n");
        let [own, other] = observers.map(ConditionObserver::finish);
        assert_eq!(own.throttled, ["core_throttle_count of processor 5 rose"]);
        assert_eq!(other.throttled, [""; 0]);
    }

    #[test]
    fn glances_tell_when_it_happened() {
        let root = big_little();
        write(root.path(), &counter(5), "0\n");
        let mut glances = ThermalMonitor::new(ProcessorSet::of(root.path(), &[5]));
        let calm = ThermalState {
            throttled: vec![],
            temperature_mc: None,
            frequency_khz: Some(2_400_000),
        };
        assert_eq!(glances.take(), calm);
        write(root.path(), &counter(5), "1\n");
        set(root.path(), 4, "scaling_max_freq", "600000\n");
        set(root.path(), 4, "scaling_cur_freq", "600000\n");
        set(root.path(), 0, "scaling_max_freq", "408000\n");
        let fell = "scaling_max_freq of processor 5 fell from 2400000 to 600000 kHz";
        let seen = glances.take();
        assert_eq!(seen.throttled, [fell, "core_throttle_count of processor 5 rose"]);
        assert_eq!(seen.frequency_khz, Some(600_000));
        assert_eq!(glances.take().throttled, [fell], "it lasts");
        set(root.path(), 4, "scaling_max_freq", "2400000\n");
        set(root.path(), 4, "scaling_cur_freq", "2400000\n");
        assert_eq!(glances.take(), calm);
    }
}
