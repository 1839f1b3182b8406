//! Signs that a machine holds back the processors that a block may run on.

use super::processor_set::{ProcessorSet, ranges};
use super::{first_line, program_output};
use std::collections::BTreeMap;
use std::path::Path;

/// The firmware's answer in the Raspberry Pi kernel's tree.
const FIRMWARE: &str = "sys/devices/platform/soc/soc:firmware/get_throttled";
/// Meanings of bits 0 to 3, which are so now; 16 to 19 say that it was so since boot.
const BITS: [(u32, &str); 4] = [
    (0, "under-voltage"),
    (1, "frequency capped"),
    (2, "throttled"),
    (3, "soft temperature limit"),
];
const SINCE_BOOT: u32 = 16;

/// The x86 kernel's counters of a processor that was held back by heat.
///
/// Source: the kernel's `Documentation/ABI/testing/sysfs-devices-system-cpu`.
const COUNTERS: [&str; 2] = ["core_throttle_count", "package_throttle_count"];

/// Throttling of a machine as it reports it, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ThrottleState {
    /// The Raspberry Pi firmware's bits.
    bits: Option<u32>,
    /// Devices that slow some of the processors down: name and state.
    cooling: Vec<(String, i64)>,
    /// The highest frequency that processors may have, by the processors of a policy.
    caps_khz: BTreeMap<String, u64>,
}

impl ThrottleState {
    /// Reads everything; `thorough` also runs `vcgencmd` where the kernel has no file, which takes
    /// milliseconds and so has no place beside a measurement.
    pub(super) fn read(processors: &ProcessorSet, thorough: bool) -> ThrottleState {
        let root = processors.root();
        let mut bits = first_line(&root.join(FIRMWARE)).and_then(|text| hexadecimal(&text));
        if bits.is_none() && thorough {
            let said = program_output::answer(root, "vcgencmd", &["get_throttled"]);
            bits = said
                .as_deref()
                .and_then(|said| hexadecimal(said.trim().strip_prefix("throttled=")?));
        }
        let caps = processors
            .policies()
            .iter()
            .filter_map(|policy| Some((ranges(&policy.numbers), policy.khz("scaling_max_freq")?)));
        ThrottleState { bits, cooling: cooling(processors), caps_khz: caps.collect() }
    }

    /// Signs of throttling now, or between `before` and now.
    pub(super) fn signs(&self, before: &ThrottleState) -> Vec<String> {
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
        for (on, now) in &self.caps_khz {
            // What rises again was held back until then.
            if let Some(then) = before.caps_khz.get(on).filter(|then| *then != now) {
                let how = if now < then { "fell" } else { "rose" };
                signs.push(format!(
                    "scaling_max_freq of processor {on} {how} from {then} to {now} kHz"
                ));
            }
        }
        signs
    }

    /// Takes over what a later moment says of since boot.
    pub(super) fn acknowledge(&mut self, later: &ThrottleState) {
        self.bits = later.bits.or(self.bits);
    }
}

/// Counters of throttling, by name and processor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ThrottleCounts(BTreeMap<(&'static str, usize), u64>);

impl ThrottleCounts {
    /// Reads the counters of the processors that have any.
    pub(super) fn read(processors: &ProcessorSet) -> ThrottleCounts {
        let mut counts = BTreeMap::new();
        for number in processors.numbers() {
            for name in COUNTERS {
                let line =
                    first_line(&processors.file(*number, &format!("thermal_throttle/{name}")));
                if let Some(count) = line.and_then(|text| text.parse().ok()) {
                    counts.insert((name, *number), count);
                }
            }
        }
        ThrottleCounts(counts)
    }

    /// Signs of throttling between `before` and now.
    pub(super) fn signs(&self, before: &ThrottleCounts) -> Vec<String> {
        let risen = |name: &str| {
            let later = self.0.iter().filter(|(key, now)| {
                key.0 == name && before.0.get(key).is_some_and(|then| *then < **now)
            });
            later.map(|((_, number), _)| *number).collect::<Vec<usize>>()
        };
        let signs = COUNTERS.iter().map(|name| (name, risen(name)));
        signs
            .filter(|(_, on)| !on.is_empty())
            .map(|(name, on)| format!("{name} of processor {} rose", ranges(&on)))
            .collect()
    }
}

/// `0x50005` or `50005`, as vcgencmd and the kernel write it.
fn hexadecimal(text: &str) -> Option<u32> {
    let text = text.trim();
    u32::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok()
}

/// Cooling devices that slow processors down and reach those of the block. A fan cools too, and is
/// none of them.
///
/// Source: the kernel's `Documentation/ABI/testing/sysfs-class-thermal`; names from the drivers
/// `cpufreq_cooling` (`cpufreq-cpu0`, formerly `thermal-cpufreq-0`), `cpuidle_cooling` (`idle-cpu0`,
/// formerly `thermal-idle-0`), ACPI (`Processor`) and `intel_powerclamp`, whose state is -1 while it
/// is off.
fn cooling(processors: &ProcessorSet) -> Vec<(String, i64)> {
    let folder = processors.root().join("sys/class/thermal");
    let Ok(entries) = std::fs::read_dir(folder) else { return vec![] };
    let mut found: Vec<(String, i64)> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("cooling_device"))
        .filter_map(|entry| {
            let name = first_line(&entry.path().join("type"))?;
            let state = first_line(&entry.path().join("cur_state"))?.parse().ok()?;
            reaches(&entry.path(), &name, processors).then_some((name, state))
        })
        .collect();
    found.sort();
    found
}

/// True if a cooling device slows one of the processors down. One that does not say which it slows
/// counts for all, except for a frequency cap where none of theirs is capped.
fn reaches(device: &Path, name: &str, processors: &ProcessorSet) -> bool {
    let numbered = |prefix: &str| name.strip_prefix(prefix)?.parse::<usize>().ok();
    if let Some(number) = numbered("cpufreq-cpu").or_else(|| numbered("idle-cpu")) {
        return processors.share_policy(number);
    }
    if name.contains("cpufreq") {
        let policies = processors.policies();
        return policies.is_empty() || policies.iter().any(|policy| policy.is_capped());
    }
    if name == "Processor" {
        // ACPI slows a package down as a whole.
        let node = device.join("device/physical_node").canonicalize().ok();
        let number = node.and_then(|node| {
            node.file_name()?.to_str()?.strip_prefix("cpu")?.parse::<usize>().ok()
        });
        return number.is_none_or(|number| processors.share_package(number));
    }
    ["Processor", "powerclamp", "thermal-idle"].iter().any(|known| name.contains(known))
}

#[cfg(test)]
mod tests {
    use super::super::processor_set::tests::{big_little, set, write};
    use super::*;

    fn read(root: &Path, thorough: bool) -> ThrottleState {
        ThrottleState::read(&ProcessorSet::of(root, &[0]), thorough)
    }

    #[test]
    fn bits_since_boot_count_only_where_they_are_new() {
        let of = |bits| ThrottleState { bits: Some(bits), ..ThrottleState::default() };
        #[track_caller]
        fn signs(before: ThrottleState, now: ThrottleState, expected: &[&str]) {
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
        assert_eq!(read(root.path(), false), ThrottleState::default());
        write(root.path(), FIRMWARE, "50005\n");
        write(root.path(), "sys/class/thermal/cooling_device0/type", "pwm-fan\n");
        write(root.path(), "sys/class/thermal/cooling_device0/cur_state", "3\n");
        write(root.path(), "sys/class/thermal/cooling_device1/type", "cpufreq-cpu0\n");
        write(root.path(), "sys/class/thermal/cooling_device1/cur_state", "0\n");
        let cap = "sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq";
        write(root.path(), cap, "2400000\n");
        let before = read(root.path(), false);
        assert_eq!(before.bits, Some(0x50005));
        write(root.path(), FIRMWARE, "50000\n");
        assert_eq!(read(root.path(), false).signs(&before), [""; 0]);
        write(root.path(), "sys/class/thermal/cooling_device1/cur_state", "2\n");
        write(root.path(), cap, "1500000\n");
        let expected = [
            "cooling device cpufreq-cpu0 at 2",
            "scaling_max_freq of processor 0 fell from 2400000 to 1500000 kHz",
        ];
        assert_eq!(read(root.path(), false).signs(&before), expected);
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
        assert_eq!(read(root.path(), true).bits, Some(2));
        assert_eq!(read(root.path(), false).bits, None);
    }

    /// A cooling device with its state.
    fn device(root: &Path, number: usize, name: &str, state: &str) -> String {
        let folder = format!("sys/class/thermal/cooling_device{number}");
        write(root, &format!("{folder}/type"), &format!("{name}\n"));
        write(root, &format!("{folder}/cur_state"), &format!("{state}\n"));
        folder
    }

    #[track_caller]
    fn signs(root: &Path, numbers: &[usize], expected: &[&str]) {
        let now = ThrottleState::read(&ProcessorSet::of(root, numbers), false);
        assert_eq!(now.signs(&now), expected, "of {numbers:?}");
    }

    #[test]
    fn a_cooling_device_counts_for_its_own_cluster() {
        let root = big_little();
        device(root.path(), 0, "cpufreq-cpu0", "0");
        device(root.path(), 1, "cpufreq-cpu4", "3");
        signs(root.path(), &[0, 1], &[]);
        signs(root.path(), &[5], &["cooling device cpufreq-cpu4 at 3"]);
        signs(root.path(), &[3, 4], &["cooling device cpufreq-cpu4 at 3"]);
        device(root.path(), 1, "idle-cpu0", "20");
        signs(root.path(), &[2], &["cooling device idle-cpu0 at 20"]);
        signs(root.path(), &[5], &[]);
        device(root.path(), 1, "intel_powerclamp", "10");
        signs(root.path(), &[5], &["cooling device intel_powerclamp at 10"]);
        device(root.path(), 1, "devfreq-17000000.gpu", "2");
        signs(root.path(), &[5], &[]);
    }

    #[test]
    fn a_cooling_device_without_a_processor_counts_where_there_is_a_cap() {
        let root = big_little();
        device(root.path(), 0, "thermal-cpufreq-1", "3");
        set(root.path(), 4, "scaling_max_freq", "1200000\n");
        signs(root.path(), &[0], &[]);
        signs(root.path(), &[4], &["cooling device thermal-cpufreq-1 at 3"]);
        std::fs::remove_file(
            root.path().join("sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq"),
        )
        .unwrap();
        signs(root.path(), &[0], &["cooling device thermal-cpufreq-1 at 3"]);
    }

    #[test]
    fn acpi_slows_a_package_down() {
        let root = big_little();
        for (number, package) in [(0, "0\n"), (4, "1\n"), (5, "1\n")] {
            let file = format!("sys/devices/system/cpu/cpu{number}/topology/physical_package_id");
            write(root.path(), &file, package);
        }
        let folder = device(root.path(), 0, "Processor", "2");
        signs(root.path(), &[0], &["cooling device Processor at 2"]);
        let node = root.path().join(folder).join("device");
        std::fs::create_dir_all(&node).unwrap();
        let cpu = root.path().join("sys/devices/system/cpu/cpu4");
        std::os::unix::fs::symlink(cpu, node.join("physical_node")).unwrap();
        signs(root.path(), &[0], &[]);
        signs(root.path(), &[5], &["cooling device Processor at 2"]);
    }

    #[test]
    fn caps_and_counters_are_those_of_the_block_s_processors() {
        let root = big_little();
        let file = |number, name| {
            format!("sys/devices/system/cpu/cpu{number}/thermal_throttle/{name}_throttle_count")
        };
        for number in 0..6 {
            write(root.path(), &file(number, "core"), "7\n");
            write(root.path(), &file(number, "package"), "9\n");
        }
        let of = |numbers: &[usize]| {
            let processors = ProcessorSet::of(root.path(), numbers);
            (ThrottleState::read(&processors, false), ThrottleCounts::read(&processors))
        };
        let (slow, fast) = (of(&[0, 1]), of(&[4, 5]));
        assert_eq!(fast.1.signs(&fast.1), [""; 0]);
        set(root.path(), 4, "scaling_max_freq", "600000\n");
        write(root.path(), &file(4, "core"), "8\n");
        write(root.path(), &file(5, "core"), "8\n");
        write(root.path(), &file(5, "package"), "10\n");
        let (slow_now, fast_now) = (of(&[0, 1]), of(&[4, 5]));
        assert_eq!(slow_now.0.signs(&slow.0), [""; 0]);
        assert_eq!(slow_now.1.signs(&slow.1), [""; 0]);
        let fell = ["scaling_max_freq of processor 4-5 fell from 2400000 to 600000 kHz"];
        assert_eq!(fast_now.0.signs(&fast.0), fell);
        let rose = ["scaling_max_freq of processor 4-5 rose from 600000 to 2400000 kHz"];
        assert_eq!(fast.0.signs(&fast_now.0), rose);
        let counted = [
            "core_throttle_count of processor 4-5 rose",
            "package_throttle_count of processor 5 rose",
        ];
        assert_eq!(fast_now.1.signs(&fast.1), counted);
        assert_eq!(fast.1.signs(&fast_now.1), [""; 0], "a counter that begins anew");
        // A processor that goes offline takes its counters along.
        std::fs::remove_dir_all(root.path().join("sys/devices/system/cpu/cpu5")).unwrap();
        let counted = ["core_throttle_count of processor 4 rose"];
        assert_eq!(of(&[4, 5]).1.signs(&fast.1), counted);
    }
}
