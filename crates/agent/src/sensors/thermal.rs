//! Temperature.

use super::first_line;
use paring_core::schema::CoolDown;
use paring_core::units::MilliCelsius;
use std::path::Path;
use std::time::Duration;

/// A machine that cools down is looked at this often.
const GLANCE: Duration = Duration::from_millis(500);
/// One that has not become cooler by this much ...
const STEP: i64 = 500;
/// ... for so many glances will not.
const STEADY: u32 = 20;

/// The hottest thermal zone now; `None` on a machine without any.
///
/// Source: the kernel's `Documentation/ABI/testing/sysfs-class-thermal` (thousandths of a degree).
pub fn hottest(root: &Path) -> Option<MilliCelsius> {
    let zones = std::fs::read_dir(root.join("sys/class/thermal")).ok()?;
    zones
        .flatten()
        .filter(|zone| zone.file_name().to_string_lossy().starts_with("thermal_zone"))
        .filter_map(|zone| first_line(&zone.path().join("temp"))?.parse().ok())
        .max()
        .map(MilliCelsius)
}

/// Waits until the hottest zone is cool enough, no longer becomes cooler, or the limit is reached.
/// Gives the time that `pause` was asked to wait; nothing on a machine without thermal zones.
pub fn cool_down(root: &Path, rule: CoolDown, pause: &mut dyn FnMut(Duration)) -> Duration {
    let (limit, mut waited) = (Duration::from_secs(rule.limit_s.into()), Duration::ZERO);
    let (mut coolest, mut glances) = (i64::MAX, 0);
    while let Some(MilliCelsius(now)) = hottest(root) {
        if now <= rule.below_mc.0 || waited >= limit || glances == STEADY {
            break;
        }
        (coolest, glances) =
            if now.saturating_add(STEP) <= coolest { (now, 0) } else { (coolest, glances + 1) };
        pause(GLANCE);
        waited += GLANCE;
    }
    waited
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A zone whose temperatures follow one another, the last for ever.
    #[track_caller]
    fn cools(temperatures: &[i64], limit_s: u32, expected_ms: u64) {
        let root = tempfile::tempdir().unwrap();
        let zone = root.path().join("sys/class/thermal/thermal_zone0");
        std::fs::create_dir_all(&zone).unwrap();
        let mut all = temperatures.iter();
        let mut next = || all.next().map(|now| std::fs::write(zone.join("temp"), now.to_string()));
        next();
        let rule = CoolDown { below_mc: MilliCelsius(60_000), limit_s };
        let waited = cool_down(root.path(), rule, &mut |_| drop(next()));
        assert_eq!(waited, Duration::from_millis(expected_ms));
    }

    #[test]
    fn a_pause_ends_when_it_is_cool_hopeless_or_too_long() {
        cools(&[59_000], 60, 0);
        cools(&[70_000, 66_000, 62_000, 60_000, 58_000], 60, 1_500);
        cools(&[70_000], 60, 500 * u64::from(STEADY + 1));
        cools(&[70_000, 69_000, 68_000, 67_000], 1, 1_000);
        let bare = tempfile::tempdir().unwrap();
        let rule = CoolDown { below_mc: MilliCelsius(0), limit_s: 60 };
        assert_eq!(cool_down(bare.path(), rule, &mut |_| panic!("no zone")), Duration::ZERO);
    }

    #[test]
    fn takes_the_hottest_zone_and_ignores_fans() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(hottest(root.path()), None);
        for (folder, value) in
            [("thermal_zone0", "48312"), ("thermal_zone1", "51000"), ("cooling_device0", "99999")]
        {
            let zone = root.path().join("sys/class/thermal").join(folder);
            std::fs::create_dir_all(&zone).unwrap();
            std::fs::write(zone.join("temp"), format!("{value}\n")).unwrap();
        }
        assert_eq!(hottest(root.path()), Some(MilliCelsius(51_000)));
    }
}
