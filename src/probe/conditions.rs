//! The conditions that a block runs under: temperature, frequency, throttling, and what others do.

use super::load::CpuTime;
use super::throttle::Throttle;
use super::{first_line, hottest};
use crate::record::Conditions;
use crate::units::MilliCelsius;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Looks at a machine before, during and after something.
#[derive(Debug)]
pub struct Observer {
    root: PathBuf,
    begun: Instant,
    cpu: Option<CpuTime>,
    throttle: Throttle,
    seen: Conditions,
}

impl Observer {
    /// Looks for the first time.
    pub fn start(root: &Path) -> Observer {
        let throttle = Throttle::read(root, true);
        let mut observer = Observer {
            root: root.to_path_buf(),
            begun: Instant::now(),
            cpu: CpuTime::read(root),
            throttle,
            seen: Conditions { before_mc: hottest(root), ..Conditions::default() },
        };
        observer.look();
        observer
    }

    /// Whether looking in between can tell anything: a machine without sensors need not be disturbed.
    pub fn sees(&self) -> bool {
        self.throttle != Throttle::default()
            || self.seen.before_mc.is_some()
            || self.seen.frequency_khz.is_some()
    }

    /// Looks in between: a few small files, some tens of microseconds.
    pub fn look(&mut self) {
        let now = Throttle::read(&self.root, false);
        self.note(&now);
    }

    /// Looks for the last time.
    pub fn finish(mut self) -> Conditions {
        let now = Throttle::read(&self.root, true);
        self.note(&now);
        self.seen.after_mc = hottest(&self.root);
        let since = |now: CpuTime| now.since(&self.cpu?, self.begun.elapsed().as_secs_f64());
        let used = CpuTime::read(&self.root).and_then(since);
        (self.seen.others, self.seen.stolen) = used.unzip();
        self.seen
    }

    fn note(&mut self, throttle: &Throttle) {
        for sign in throttle.signs(&self.throttle) {
            if !self.seen.throttled.contains(&sign) {
                self.seen.throttled.push(sign);
            }
        }
        self.seen.highest_mc = self.seen.highest_mc.max(hottest(&self.root));
        if let Some(now) = frequency(&self.root) {
            let (low, high) = self.seen.frequency_khz.unwrap_or((now, now));
            self.seen.frequency_khz = Some((low.min(now), high.max(now)));
        }
    }
}

/// Signs of throttling, temperature and frequency at this moment.
pub fn glance(root: &Path) -> (Vec<String>, Option<MilliCelsius>, Option<u64>) {
    let now = Throttle::read(root, false);
    // Against nothing: what is so now, not what was so since boot.
    let signs = now.signs(&now);
    (signs, hottest(root), frequency(root))
}

/// The first processor's frequency in kilohertz.
fn frequency(root: &Path) -> Option<u64> {
    first_line(&root.join("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq"))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn a_bare_machine_has_no_conditions() {
        let root = tempfile::tempdir().unwrap();
        let observer = Observer::start(root.path());
        assert!(!observer.sees());
        assert_eq!(observer.finish(), Conditions::default());
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
        let mut observer = Observer::start(root.path());
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
}
