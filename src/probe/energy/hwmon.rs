//! Power inputs of the kernel's hardware monitors, an INA238 on a carrier board say.
//!
//! Source: the kernel's `Documentation/hwmon/sysfs-interface` (`power*_input` in microwatts).

use super::file::{entries, file_name, number, update_interval};
use crate::record::Missing;
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
pub(super) struct Hwmon {
    name: String,
    driver: String,
    path: PathBuf,
    /// How often the monitor converts.
    pub(super) period: Duration,
}

impl Hwmon {
    /// Finds the input of this name (`DRIVER/powerN`), or the only one of a known driver, and reads
    /// it once.
    ///
    /// # Errors
    /// Why there is no power, and whether there are inputs at all.
    pub(super) fn open(root: &Path, wanted: Option<&str>) -> Result<Self, (bool, Missing)> {
        let folder = root.join("sys/class/hwmon");
        let mut inputs: Vec<Hwmon> = entries(&folder, "hwmon").iter().flat_map(|m| of(m)).collect();
        let names: Vec<String> = inputs.iter().map(|input| format!("`{}`", input.name)).collect();
        let there = !inputs.is_empty();
        if !there {
            let why = format!("no power*_input under {}", folder.display());
            return Err((false, Missing(why)));
        }
        match wanted {
            Some(wanted) => inputs.retain(|input| input.name == wanted),
            None => inputs.retain(|input| input.known().is_some()),
        }
        let why = match (inputs.len(), wanted) {
            (1, _) => String::new(),
            (0, Some(wanted)) => format!("no input `{wanted}`; there are {}", names.join(", ")),
            (0, None) => format!(
                "only you know what {} covers; name it under [energy]: `sensor`",
                names.join(", ")
            ),
            _ => format!("several inputs: {}; name one under [energy]: `sensor`", names.join(", ")),
        };
        match inputs.pop().filter(|_| why.is_empty()) {
            None => Err((there, Missing(why))),
            Some(found) => {
                found.read().map_err(|why| (true, why))?;
                Ok(found)
            }
        }
    }

    /// Driver and input.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What the input covers, as far as its driver tells.
    pub(super) fn coverage(&self) -> &'static str {
        self.known().unwrap_or("unknown")
    }

    /// Power now, in milliwatts.
    pub(super) fn read(&self) -> Result<f64, Missing> {
        Ok(number(&self.path)? as f64 / 1e3)
    }

    fn known(&self) -> Option<&'static str> {
        let matches = |(prefix, _): &&(&str, &str)| self.driver.starts_with(prefix);
        KNOWN.iter().find(matches).map(|(_, coverage)| *coverage)
    }
}

/// The power inputs of one monitor. Where an input has a mean beside its present value, that counts.
fn of(monitor: &Path) -> Vec<Hwmon> {
    let driver = std::fs::read_to_string(monitor.join("name")).unwrap_or_default();
    let driver = driver.trim().to_string();
    let mut found: Vec<Hwmon> = Vec::new();
    for kind in ["average", "input"] {
        for path in entries(monitor, "power") {
            let file = file_name(&path);
            let Some((input, _)) = file.split_once('_').filter(|(_, k)| *k == kind) else {
                continue;
            };
            let name = format!("{driver}/{input}");
            let interval = (kind == "average").then(|| format!("{file}_interval"));
            let period = update_interval(monitor, interval.as_deref());
            if found.iter().all(|other| other.name != name) {
                found.push(Hwmon { name, driver: driver.clone(), path, period });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::file::tests::write;
    use super::*;

    #[test]
    fn takes_the_only_known_input_or_the_named_one() {
        let root = tempfile::tempdir().unwrap();
        let open = |wanted: Option<&str>| Hwmon::open(root.path(), wanted);
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
        assert!(refused(None).contains("only you know what `amdgpu/power1` covers"));
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
        assert_eq!((found.name(), found.coverage()), ("ina238/power1", "what the shunt feeds"));
        assert_eq!((found.read(), found.period), (Ok(4_212.5), Duration::from_millis(10)));
        assert!(
            refused(Some("ina238/power2")).contains("there are `amdgpu/power1`, `ina238/power1`")
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
        assert_eq!((found.coverage(), found.period), ("whole machine", Duration::from_secs(1)));
    }
}
