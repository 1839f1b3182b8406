//! Signs that a machine holds its processors back.

use super::{command, first_line};
use std::path::Path;

/// The firmware's answer in the Raspberry Pi kernel's tree.
const FIRMWARE: &str = "sys/devices/platform/soc/soc:firmware/get_throttled";
/// What bits 0 to 3 say is so now; 16 to 19 say that it was so since boot.
const BITS: [(u32, &str); 4] = [
    (0, "under-voltage"),
    (1, "frequency capped"),
    (2, "throttled"),
    (3, "soft temperature limit"),
];
const SINCE_BOOT: u32 = 16;

/// What a machine says of its own holding back, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Throttle {
    /// The Raspberry Pi firmware's bits.
    bits: Option<u32>,
    /// Processors that a thermal policy has slowed down: name and state.
    cooling: Vec<(String, i64)>,
    /// The highest frequency that the first processor may have.
    cap_khz: Option<u64>,
}

impl Throttle {
    /// Reads everything; `thorough` also runs `vcgencmd` where the kernel has no file, which takes
    /// milliseconds and so has no place beside a measurement.
    pub(super) fn read(root: &Path, thorough: bool) -> Throttle {
        let mut bits = first_line(&root.join(FIRMWARE)).and_then(|text| hexadecimal(&text));
        if bits.is_none() && thorough {
            let said = command::answer(root, "vcgencmd", &["get_throttled"]);
            bits = said
                .as_deref()
                .and_then(|said| hexadecimal(said.trim().strip_prefix("throttled=")?));
        }
        let cap = root.join("sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq");
        let cap_khz = first_line(&cap).and_then(|text| text.parse().ok());
        Throttle { bits, cooling: cooling(root), cap_khz }
    }

    /// Signs of throttling now, or between `before` and now.
    pub(super) fn signs(&self, before: &Throttle) -> Vec<String> {
        let mut signs = Vec::new();
        if let Some(bits) = self.bits {
            // A bit that was set since boot already proves nothing; only that it is set now does.
            let earlier = before.bits.unwrap_or(0);
            let meanwhile = |bit: u32| {
                let sticky = 1 << (bit + SINCE_BOOT);
                bits & sticky != 0 && earlier & sticky == 0
            };
            let seen = BITS.iter().filter(|(bit, _)| bits & (1 << bit) != 0 || meanwhile(*bit));
            signs.extend(seen.map(|(_, what)| format!("{what} (get_throttled)")));
        }
        let active = self.cooling.iter().filter(|(_, state)| *state > 0);
        signs.extend(active.map(|(name, state)| format!("cooling device {name} at {state}")));
        if let (Some(then), Some(now)) = (before.cap_khz, self.cap_khz)
            && now < then
        {
            signs.push(format!("scaling_max_freq fell from {then} to {now} kHz"));
        }
        signs
    }
}

/// `0x50005` or `50005`, as vcgencmd and the kernel write it.
fn hexadecimal(text: &str) -> Option<u32> {
    let text = text.trim();
    u32::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok()
}

/// Cooling devices that slow processors down. A fan cools too, and is none of them.
///
/// Source: the kernel's `Documentation/ABI/testing/sysfs-class-thermal`; names from the drivers
/// `cpufreq_cooling` (`cpufreq-cpu0`, formerly `thermal-cpufreq-0`), ACPI (`Processor`) and
/// `intel_powerclamp`, whose state is -1 while it is off.
fn cooling(root: &Path) -> Vec<(String, i64)> {
    let Ok(entries) = std::fs::read_dir(root.join("sys/class/thermal")) else { return vec![] };
    let mut found: Vec<(String, i64)> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("cooling_device"))
        .filter_map(|entry| {
            let name = first_line(&entry.path().join("type"))?;
            let slows = ["cpufreq", "Processor", "powerclamp"].iter().any(|k| name.contains(k));
            let state = first_line(&entry.path().join("cur_state"))?.parse().ok()?;
            slows.then_some((name, state))
        })
        .collect();
    found.sort();
    found
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
    fn bits_since_boot_count_only_where_they_are_new() {
        let of = |bits| Throttle { bits: Some(bits), ..Throttle::default() };
        #[track_caller]
        fn signs(before: Throttle, now: Throttle, expected: &[&str]) {
            assert_eq!(now.signs(&before), expected);
        }
        signs(of(0), of(0), &[]);
        signs(of(0x50000), of(0x50000), &[]);
        signs(
            of(0x50000),
            of(0x50005),
            &["under-voltage (get_throttled)", "throttled (get_throttled)"],
        );
        signs(of(0), of(0x80000), &["soft temperature limit (get_throttled)"]);
    }

    #[test]
    fn reads_what_kernels_and_firmware_write() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(Throttle::read(root.path(), false), Throttle::default());
        write(root.path(), FIRMWARE, "50005\n");
        write(root.path(), "sys/class/thermal/cooling_device0/type", "pwm-fan\n");
        write(root.path(), "sys/class/thermal/cooling_device0/cur_state", "3\n");
        write(root.path(), "sys/class/thermal/cooling_device1/type", "cpufreq-cpu0\n");
        write(root.path(), "sys/class/thermal/cooling_device1/cur_state", "0\n");
        let cap = "sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq";
        write(root.path(), cap, "2400000\n");
        let before = Throttle::read(root.path(), false);
        assert_eq!(before.bits, Some(0x50005));
        write(root.path(), FIRMWARE, "50000\n");
        assert_eq!(Throttle::read(root.path(), false).signs(&before), [""; 0]);
        write(root.path(), "sys/class/thermal/cooling_device1/cur_state", "2\n");
        write(root.path(), cap, "1500000\n");
        let expected = [
            "cooling device cpufreq-cpu0 at 2",
            "scaling_max_freq fell from 2400000 to 1500000 kHz",
        ];
        assert_eq!(Throttle::read(root.path(), false).signs(&before), expected);
    }

    #[test]
    fn vcgencmd_is_asked_where_the_kernel_has_no_file() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        write(
            root.path(),
            "usr/bin/vcgencmd",
            "#!/bin/sh\n[ $1 = get_throttled ] && echo throttled=0x2\n",
        );
        let program = root.path().join("usr/bin/vcgencmd");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(Throttle::read(root.path(), true).bits, Some(2));
        assert_eq!(Throttle::read(root.path(), false).bits, None);
    }
}
