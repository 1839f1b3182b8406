//! Power inputs of the kernel's hardware monitors, an INA238 on a carrier board say.
//!
//! Source: the kernel's `Documentation/hwmon/sysfs-interface` (`power*_input` in microwatts).

use super::super::first_line;
use super::sensor_file::{entries, file_name, number, update_interval};
use paring_core::schema::MissingReason;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Drivers whose readings cover the processor or more. Of others, a graphics card's say, only the
/// user can know that they cover what is measured.
const KNOWN: [(&str, &str); 4] = [
    ("ina", "what the shunt feeds"),
    ("power_meter", "whole machine"),
    ("fam15h_power", "SoC"),
    ("ltc", "what the shunt feeds"),
];

/// One power input.
#[derive(Debug)]
pub(super) struct HwmonSensor {
    /// Its possible names, the shortest first. Other inputs may be called so too.
    keys: Vec<String>,
    /// The one of them that is no other input's.
    key: usize,
    driver: String,
    /// Its name by the board's maker.
    label: Option<String>,
    path: PathBuf,
    /// Conversions of the monitor in a second.
    pub(super) period: Duration,
}

impl HwmonSensor {
    /// Finds the input with this key, or the only one of a known driver, and reads it once. The key is
    /// `DRIVER/powerN`, or `DRIVER@DEVICE/powerN` with the name of the device that the kernel has for
    /// it (`1-0040`), its label, or else `hwmonN`.
    ///
    /// # Errors
    /// Why there is no power, and whether there are inputs at all.
    pub(super) fn open(root: &Path, wanted: Option<&str>) -> Result<Self, (bool, MissingReason)> {
        let folder = root.join("sys/class/hwmon");
        let mut inputs = inputs(&folder);
        let list = inputs.iter().map(HwmonSensor::listed).collect::<Vec<_>>().join(", ");
        let there = !inputs.is_empty();
        if !there {
            let why = format!("no power*_input under {}", folder.display());
            return Err((false, MissingReason(why)));
        }
        match wanted {
            Some(wanted) => inputs.retain(|input| input.keys.iter().any(|key| key == wanted)),
            None => inputs.retain(|input| input.known().is_some()),
        }
        const HOW: &str = "name one as `source` under [energy]";
        let why = match (inputs.len(), wanted) {
            (1, _) => String::new(),
            (0, Some(wanted)) => format!("no input `{wanted}`; there are {list}"),
            (0, None) => format!("only you know what {list} covers; {HOW}"),
            (_, Some(wanted)) => format!("several inputs `{wanted}` among {list}; {HOW}"),
            (_, None) => format!("several inputs: {list}; {HOW}"),
        };
        match inputs.pop().filter(|_| why.is_empty()) {
            None => Err((there, MissingReason(why))),
            Some(found) => {
                found.read().map_err(|why| (true, why))?;
                Ok(found)
            }
        }
    }

    /// The shortest key that no other input has.
    pub(super) fn name(&self) -> &str {
        self.keys.get(self.key).map_or("", String::as_str)
    }

    /// Coverage of the input, as far as its driver and its label tell.
    pub(super) fn coverage(&self) -> String {
        let covers = self.known().unwrap_or("unknown");
        match &self.label {
            Some(label) => format!("{covers} ({label})"),
            None => covers.to_string(),
        }
    }

    /// Power now, in milliwatts.
    pub(super) fn read(&self) -> Result<f64, MissingReason> {
        Ok(number(&self.path)? as f64 / 1e3)
    }

    fn known(&self) -> Option<&'static str> {
        let matches = |(prefix, _): &&(&str, &str)| self.driver.starts_with(prefix);
        KNOWN.iter().find(matches).map(|(_, coverage)| *coverage)
    }

    /// As a person types it, and what it is.
    fn listed(&self) -> String {
        let label = self.label.as_ref().map(|label| format!(" ({label})")).unwrap_or_default();
        format!("`hwmon {}`{label}", self.name())
    }
}

/// The power inputs of all monitors, each with a key of its own.
fn inputs(folder: &Path) -> Vec<HwmonSensor> {
    let mut found: Vec<HwmonSensor> = entries(folder, "hwmon").iter().flat_map(|m| of(m)).collect();
    let all: Vec<Vec<String>> = found.iter().map(|input| input.keys.clone()).collect();
    for (index, input) in found.iter_mut().enumerate() {
        let own = |key: &String| {
            let others = all.iter().enumerate().filter(|(other, _)| *other != index);
            others.flat_map(|(_, keys)| keys).all(|other| other != key)
        };
        // The last has the monitor's number, which no other has.
        input.key = input.keys.iter().position(own).unwrap_or(input.keys.len() - 1);
    }
    found
}

/// The power inputs of one monitor. Where an input has a mean beside its present value, that counts,
/// unless it cannot be read.
fn of(monitor: &Path) -> Vec<HwmonSensor> {
    let line = |file: &str| first_line(&monitor.join(file));
    let number_name = file_name(monitor);
    let driver = line("name").unwrap_or_else(|| number_name.clone());
    let device = std::fs::read_link(monitor.join("device")).ok().map(|path| file_name(&path));
    let label = line("label").or_else(|| line("of_node/label"));
    let mut found: Vec<(String, HwmonSensor)> = Vec::new();
    for kind in ["average", "input"] {
        for path in entries(monitor, "power") {
            let file = file_name(&path);
            let Some((input, _)) = file.split_once('_').filter(|(_, k)| *k == kind) else {
                continue;
            };
            let present = monitor.join(format!("{input}_input"));
            let dead = kind == "average" && present.exists() && number(&path).is_err();
            if dead || found.iter().any(|(other, _)| other == input) {
                continue;
            }
            let places = [device.as_ref(), label.as_ref(), Some(&number_name)];
            let long = places.into_iter().flatten().map(|at| format!("{driver}@{at}/{input}"));
            let interval = (kind == "average").then(|| format!("{file}_interval"));
            let hwmon = HwmonSensor {
                keys: std::iter::once(format!("{driver}/{input}")).chain(long).collect(),
                key: 0,
                driver: driver.clone(),
                label: line(&format!("{input}_label")).or_else(|| label.clone()),
                period: update_interval(monitor, interval.as_deref()),
                path,
            };
            found.push((input.to_string(), hwmon));
        }
    }
    found.into_iter().map(|(_, hwmon)| hwmon).collect()
}

#[cfg(test)]
mod tests {
    use super::super::sensor_file::tests::write;
    use super::*;

    #[test]
    fn takes_the_only_known_input_or_the_named_one() {
        let root = tempfile::tempdir().unwrap();
        let open = |wanted: Option<&str>| HwmonSensor::open(root.path(), wanted);
        let refused = |wanted: Option<&str>| open(wanted).unwrap_err().1.0;
        assert!(refused(None).starts_with("no power*_input under"));
        write(
            root.path(),
            &[
                ("sys/class/hwmon/hwmon0/name", "amdgpu\n"),
                ("sys/class/hwmon/hwmon0/power1_average", "9000000\n"),
                ("sys/class/hwmon/hwmon0/power1_cap", "15000000\n"),
            ],
        );
        assert!(refused(None).contains("only you know what `hwmon amdgpu/power1` covers"));
        assert_eq!(open(Some("amdgpu/power1")).unwrap().read(), Ok(9_000.0));
        write(
            root.path(),
            &[
                ("sys/class/hwmon/hwmon1/name", "ina238\n"),
                ("sys/class/hwmon/hwmon1/power1_input", "4212500\n"),
                ("sys/class/hwmon/hwmon1/update_interval", "4\n"),
            ],
        );
        let found = open(None).unwrap();
        assert_eq!(found.name(), "ina238/power1");
        assert_eq!(found.coverage(), "what the shunt feeds");
        assert_eq!((found.read(), found.period), (Ok(4_212.5), Duration::from_millis(10)));
        assert!(
            refused(Some("ina238/power2"))
                .contains("there are `hwmon amdgpu/power1`, `hwmon ina238/power1`")
        );
        write(
            root.path(),
            &[
                ("sys/class/hwmon/hwmon2/name", "ina226\n"),
                ("sys/class/hwmon/hwmon2/power1_input", "1\n"),
            ],
        );
        assert!(refused(None).starts_with("several inputs"));
        // ACPI's meter says over how long it averages.
        write(
            root.path(),
            &[
                ("sys/class/hwmon/hwmon3/name", "power_meter\n"),
                ("sys/class/hwmon/hwmon3/power1_average", "150000000\n"),
                ("sys/class/hwmon/hwmon3/power1_average_interval", "1000\n"),
            ],
        );
        let found = open(Some("power_meter/power1")).unwrap();
        assert_eq!(found.coverage(), "whole machine");
        assert_eq!(found.period, Duration::from_secs(1));
    }

    /// A monitor with one input.
    fn monitor(root: &Path, number: usize, driver: &str, microwatts: &str) -> PathBuf {
        let folder = format!("sys/class/hwmon/hwmon{number}");
        write(root, &[(&format!("{folder}/name"), driver)]);
        write(root, &[(&format!("{folder}/power1_input"), microwatts)]);
        root.join(folder)
    }

    /// The error of opening, or the power in milliwatts.
    fn said(root: &Path, wanted: Option<&str>) -> Result<f64, String> {
        let found = HwmonSensor::open(root, wanted).map_err(|(_, MissingReason(why))| why)?;
        Ok(found.read().unwrap())
    }

    /// Every key that a message lists.
    fn listed(message: &str) -> Vec<String> {
        let keys = message.split('`').filter_map(|part| part.strip_prefix("hwmon "));
        keys.map(str::to_string).collect()
    }

    #[test]
    fn monitors_of_one_driver_are_told_apart_by_their_devices() {
        let root = tempfile::tempdir().unwrap();
        for (number, address, microwatts) in
            [(2, "1-0040", "1000000\n"), (5, "1-0041", "2000000\n")]
        {
            let folder = monitor(root.path(), number, "ina238\n", microwatts);
            std::os::unix::fs::symlink(format!("../../../{address}"), folder.join("device"))
                .unwrap();
        }
        write(root.path(), &[("sys/class/hwmon/hwmon5/power1_label", "VIN_SYS\n")]);
        let why = said(root.path(), None).unwrap_err();
        assert_eq!(
            why,
            "several inputs: `hwmon ina238@1-0040/power1`, `hwmon ina238@1-0041/power1` (VIN_SYS); \
             name one as `source` under [energy]"
        );
        let powers: Vec<f64> =
            listed(&why).iter().map(|key| said(root.path(), Some(key)).unwrap()).collect();
        assert_eq!(powers, [1_000.0, 2_000.0]);
        let found = HwmonSensor::open(root.path(), Some("ina238@1-0041/power1")).unwrap();
        assert_eq!(found.name(), "ina238@1-0041/power1");
        assert_eq!(found.coverage(), "what the shunt feeds (VIN_SYS)");
        let why = said(root.path(), Some("ina238/power1")).unwrap_err();
        assert!(why.starts_with("several inputs `ina238/power1` among `hwmon ina238@1-"), "{why}");
        // A key that was typed stays right when the other monitor goes.
        std::fs::remove_dir_all(root.path().join("sys/class/hwmon/hwmon2")).unwrap();
        assert_eq!(said(root.path(), Some("ina238@1-0041/power1")), Ok(2_000.0));
        assert_eq!(said(root.path(), Some("ina238/power1")), Ok(2_000.0));
        assert_eq!(HwmonSensor::open(root.path(), None).unwrap().name(), "ina238/power1");
    }

    #[test]
    fn every_input_has_a_key_of_its_own_also_without_device_or_name() {
        let root = tempfile::tempdir().unwrap();
        monitor(root.path(), 0, "ina238\n", "1000000\n");
        monitor(root.path(), 1, "ina238\n", "2000000\n");
        // Of one device, by label; and one that does not say what it is.
        for (number, label) in [(2, "left\n"), (3, "right\n")] {
            let folder = monitor(root.path(), number, "ina260\n", &format!("{}\n", number + 1));
            std::os::unix::fs::symlink("../../3-0041", folder.join("device")).unwrap();
            write(root.path(), &[(&format!("sys/class/hwmon/hwmon{number}/label"), label)]);
        }
        write(root.path(), &[("sys/class/hwmon/hwmon4/power1_input", "7000\n")]);
        let why = said(root.path(), None).unwrap_err();
        let keys = listed(&why);
        let expected = [
            "ina238@hwmon0/power1",
            "ina238@hwmon1/power1",
            "ina260@left/power1",
            "ina260@right/power1",
            "hwmon4/power1",
        ];
        assert_eq!(keys, expected, "{why}");
        for (key, milliwatts) in keys.iter().zip([1_000.0, 2_000.0, 0.003, 0.004, 7.0]) {
            assert_eq!(said(root.path(), Some(key)), Ok(milliwatts), "{key}");
        }
    }

    #[test]
    fn a_mean_that_cannot_be_read_gives_way_to_the_present_value() {
        let root = tempfile::tempdir().unwrap();
        monitor(root.path(), 0, "ina226\n", "5000000\n");
        let average = "sys/class/hwmon/hwmon0/power1_average";
        write(root.path(), &[(average, "4000000\n")]);
        assert_eq!(said(root.path(), None), Ok(4_000.0));
        write(root.path(), &[(average, "\n")]);
        assert_eq!(said(root.path(), None), Ok(5_000.0));
        std::fs::remove_file(root.path().join("sys/class/hwmon/hwmon0/power1_input")).unwrap();
        assert!(said(root.path(), None).unwrap_err().contains("which is no number"));
    }
}
