//! INA3221 monitors of Jetson boards: three rails a chip, in the layouts of JetPack 4 and of 5 and 6.
//!
//! Source: NVIDIA Jetson Linux developer guide, "Software-Based Power Consumption Modeling".

use super::sensor_file::{entries, file_name, number, update_interval};
use paring_core::schema::MissingReason;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Rails that hold all others of their module.
const TOTALS: [&str; 2] = ["VDD_IN", "POM_5V_IN"];

/// The rails that are read.
#[derive(Debug)]
pub(super) struct Ina3221Sensor {
    rails: Vec<PowerRail>,
    /// True if it is the module's input, which holds the other rails.
    total: bool,
    /// Conversions of the slowest chip in a second.
    pub(super) period: Duration,
}

#[derive(Debug)]
struct PowerRail {
    label: String,
    value: RailReading,
}

#[derive(Debug)]
enum RailReading {
    /// JetPack 4: milliwatts.
    Power(PathBuf),
    /// JetPack 5 and 6: millivolts and milliamperes.
    Product(PathBuf, PathBuf),
}

impl Ina3221Sensor {
    /// Finds the module's input, or all rails, and reads them once.
    ///
    /// # Errors
    /// Why there is no power, and whether there is a chip at all.
    pub(super) fn open(root: &Path) -> Result<Self, (bool, MissingReason)> {
        let bus = root.join("sys/bus/i2c");
        let monitors = monitors(root, &bus);
        let period = monitors.iter().map(|folder| update_interval(folder, None)).max();
        let mut rails: Vec<PowerRail> = monitors.iter().flat_map(|folder| rails(folder)).collect();
        if rails.is_empty() {
            let shown = bus.join("devices").display().to_string();
            let why = match monitors.first() {
                Some(chip) => format!(
                    "no rail with a label at {}; only a label tells what a rail feeds",
                    chip.display()
                ),
                None => format!("no ina3221 under {shown}: not a Jetson"),
            };
            return Err((!monitors.is_empty(), MissingReason(why)));
        }
        let total = rails.iter().position(|rail| TOTALS.contains(&rail.label.as_str()));
        if let Some(index) = total {
            rails = vec![rails.swap_remove(index)];
        }
        let period = period.unwrap_or(Duration::from_millis(100));
        let found = Ina3221Sensor { rails, total: total.is_some(), period };
        found.read().map_err(|why| (true, why))?;
        Ok(found)
    }

    /// Index of the rail.
    pub(super) fn name(&self) -> String {
        let labels: Vec<&str> = self.rails.iter().map(|rail| rail.label.as_str()).collect();
        match self.total {
            true => labels.concat(),
            false => format!("sum of {}", labels.join(" + ")),
        }
    }

    /// Coverage of the rails.
    pub(super) fn coverage(&self) -> &'static str {
        if self.total { "module" } else { "the module's monitored rails" }
    }

    /// Power now, in milliwatts.
    pub(super) fn read(&self) -> Result<f64, MissingReason> {
        self.rails.iter().map(PowerRail::read).sum()
    }
}

impl PowerRail {
    fn read(&self) -> Result<f64, MissingReason> {
        Ok(match &self.value {
            RailReading::Power(milliwatts) => number(milliwatts)? as f64,
            RailReading::Product(millivolts, milliamperes) => {
                number(millivolts)? as f64 * number(milliamperes)? as f64 / 1e3
            }
        })
    }
}

/// Folders with the files of a chip. The drivers' folder and that of all hardware monitors link to the
/// same chips as the devices' and are looked at only where that has none.
fn monitors(root: &Path, bus: &Path) -> Vec<PathBuf> {
    let ours = |chip: &PathBuf| {
        std::fs::read_to_string(chip.join("name")).is_ok_and(|name| name.contains("ina3221"))
    };
    let of_chip = |chip: PathBuf| {
        let mut found = entries(&chip.join("hwmon"), "hwmon");
        found.extend(entries(&chip, "iio"));
        found
    };
    let devices = entries(&bus.join("devices"), "").into_iter().filter(ours);
    let found: Vec<PathBuf> = devices.flat_map(of_chip).collect();
    if !found.is_empty() {
        return found;
    }
    let drivers = entries(&bus.join("drivers"), "ina3221");
    let chips = drivers.iter().flat_map(|driver| entries(driver, ""));
    let found: Vec<PathBuf> =
        chips.filter(|chip| file_name(chip).contains("-00")).flat_map(of_chip).collect();
    if !found.is_empty() {
        return found;
    }
    entries(&root.join("sys/class/hwmon"), "hwmon").into_iter().filter(ours).collect()
}

/// The connected rails of a chip. Channel 7 is a sum of shunt voltages, 4 to 6 are the shunts.
fn rails(folder: &Path) -> Vec<PowerRail> {
    let text = |file: String| {
        let text = std::fs::read_to_string(folder.join(file)).ok()?;
        Some(text.trim().to_string()).filter(|text| !text.is_empty())
    };
    let connected =
        |label: &String| !label.split(|c: char| !c.is_alphanumeric()).any(|w| w == "NC");
    let mut found = Vec::new();
    for channel in 0..=3 {
        if let Some(label) = text(format!("rail_name_{channel}")).filter(connected) {
            let value = RailReading::Power(folder.join(format!("in_power{channel}_input")));
            found.push(PowerRail { label, value });
        }
        let off = text(format!("in{channel}_enable")).is_some_and(|enabled| enabled == "0");
        let label = text(format!("in{channel}_label")).filter(connected);
        if let Some(label) = label.filter(|_| channel > 0 && !off) {
            let file = |kind: &str| folder.join(format!("{kind}{channel}_input"));
            found.push(PowerRail { label, value: RailReading::Product(file("in"), file("curr")) });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::sensor_file::tests::write;
    use super::*;

    #[track_caller]
    fn reads(files: &[(&str, &str)], name: &str, coverage: &str, milliwatts: f64) {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), files);
        let found = Ina3221Sensor::open(root.path()).unwrap();
        assert_eq!((found.name().as_str(), found.coverage()), (name, coverage));
        assert!((found.read().unwrap() - milliwatts).abs() < 1e-9);
    }

    #[test]
    fn jetpack_6_orin_nano_reads_the_module_s_input() {
        let chip = "sys/bus/i2c/devices/1-0040";
        let at = |file: &str| format!("{chip}/hwmon/hwmon1/{file}");
        let files = [
            (format!("{chip}/name"), "ina3221\n"),
            (at("in1_label"), "VDD_IN\n"),
            (at("in1_input"), "4968\n"),
            (at("curr1_input"), "1136\n"),
            (at("in2_label"), "VDD_CPU_GPU_CV\n"),
            (at("in2_input"), "4960\n"),
            (at("curr2_input"), "136\n"),
            (at("in3_label"), "VDD_SOC\n"),
            (at("in3_input"), "4960\n"),
            (at("curr3_input"), "304\n"),
            (at("in7_label"), "sum of shunt voltages\n"),
            (at("in7_input"), "8\n"),
            (at("update_interval"), "25\n"),
        ];
        let files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (a.as_str(), *b)).collect();
        reads(&files, "VDD_IN", "module", 4.968 * 1136.0);
        let root = tempfile::tempdir().unwrap();
        write(root.path(), &files);
        assert_eq!(Ina3221Sensor::open(root.path()).unwrap().period, Duration::from_millis(25));
    }

    #[test]
    fn jetpack_5_agx_orin_sums_the_rails_of_two_chips_without_nc() {
        let mut files = Vec::new();
        let rails = [
            ("1-0040", 1, "VDD_GPU_SOC", "19000", "200"),
            ("1-0040", 2, "VDD_CPU_CV", "19000", "50"),
            ("1-0040", 3, "VIN_SYS_5V0", "5000", "600"),
            ("1-0041", 1, "NC", "0", "0"),
            ("1-0041", 2, "VDDQ_VDD2_1V8AO", "5000", "100"),
            ("1-0041", 3, "NC", "0", "0"),
        ];
        for (chip, channel, label, volts, amperes) in rails {
            // Both folders lead to the same chip: it counts once.
            for folder in ["devices", "drivers/ina3221"] {
                let base = format!("sys/bus/i2c/{folder}/{chip}");
                let at = |file: String| format!("{base}/hwmon/hwmon4/{file}");
                files.push((format!("{base}/name"), "ina3221"));
                files.push((at(format!("in{channel}_label")), label));
                files.push((at(format!("in{channel}_input")), volts));
                files.push((at(format!("curr{channel}_input")), amperes));
            }
        }
        let files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (a.as_str(), *b)).collect();
        let name = "sum of VDD_GPU_SOC + VDD_CPU_CV + VIN_SYS_5V0 + VDDQ_VDD2_1V8AO";
        reads(&files, name, "the module's monitored rails", 3_800.0 + 950.0 + 3_000.0 + 500.0);
    }

    #[test]
    fn jetpack_4_nano_reads_milliwatts() {
        let chip = "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0";
        let at = |file: &str| format!("{chip}/{file}");
        let files = [
            (at("rail_name_0"), "POM_5V_IN\n"),
            (at("in_power0_input"), "2875\n"),
            (at("rail_name_1"), "POM_5V_GPU\n"),
            (at("in_power1_input"), "79\n"),
            (at("rail_name_2"), "POM_5V_CPU\n"),
            (at("in_power2_input"), "716\n"),
        ];
        let files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (a.as_str(), *b)).collect();
        reads(&files, "POM_5V_IN", "module", 2_875.0);
    }

    #[test]
    fn without_a_chip_or_with_a_broken_one_the_reason_says_so() {
        let root = tempfile::tempdir().unwrap();
        let (there, MissingReason(why)) = Ina3221Sensor::open(root.path()).unwrap_err();
        assert!(!there && why.ends_with("not a Jetson"), "{why}");
        let chip = "sys/bus/i2c/devices/1-0040";
        write(
            root.path(),
            &[
                (&format!("{chip}/name"), "ina3221"),
                (&format!("{chip}/hwmon/hwmon1/in1_label"), "VDD_IN"),
            ],
        );
        let (there, MissingReason(why)) = Ina3221Sensor::open(root.path()).unwrap_err();
        assert!(there && why.contains("no file") && why.contains("in1_input"), "{why}");
    }

    #[test]
    fn a_chip_that_only_the_list_of_monitors_has_is_found_and_one_without_labels_says_so() {
        let monitor = "sys/class/hwmon/hwmon4";
        let at = |file: &str| format!("{monitor}/{file}");
        let files =
            [(at("name"), "ina3221\n"), (at("in1_input"), "5000\n"), (at("curr1_input"), "900\n")];
        let mut files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (a.as_str(), *b)).collect();
        let root = tempfile::tempdir().unwrap();
        write(root.path(), &files);
        let (there, MissingReason(why)) = Ina3221Sensor::open(root.path()).unwrap_err();
        assert!(there && why.starts_with("no rail with a label at"), "{why}");
        let label = at("in1_label");
        files.push((&label, "VDD_IN\n"));
        reads(&files, "VDD_IN", "module", 4_500.0);
    }
}
