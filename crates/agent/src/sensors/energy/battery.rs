//! The battery, while it discharges: then all that the machine takes comes out of it.
//!
//! Source: the kernel's `Documentation/ABI/testing/sysfs-class-power` (microvolts, microamperes,
//! microwatts). The sign of a discharging current differs between drivers.

use super::super::first_line;
use super::sensor_file::{entries, file_name, number};
use paring_core::schema::MissingReason;
use std::path::{Path, PathBuf};

/// One battery.
#[derive(Debug)]
pub(super) struct BatterySensor {
    folder: PathBuf,
}

impl BatterySensor {
    /// Finds the machine's battery and reads it once.
    ///
    /// # Errors
    /// Why there is no power, and whether there is a battery at all.
    pub(super) fn open(root: &Path) -> Result<Self, (bool, MissingReason)> {
        let folder = root.join("sys/class/power_supply");
        let own = |path: &PathBuf| {
            let says = |file: &str| first_line(&path.join(file)).unwrap_or_default();
            says("type") == "Battery" && says("scope") != "Device"
        };
        let mut found: Vec<PathBuf> = entries(&folder, "").into_iter().filter(own).collect();
        match (found.len(), found.pop()) {
            (1, Some(folder)) => {
                let battery = BatterySensor { folder };
                battery.read().map_err(|why| (true, why))?;
                Ok(battery)
            }
            (0, _) => Err((false, MissingReason(format!("no battery under {}", folder.display())))),
            (n, _) => {
                Err((true, MissingReason(format!("{n} batteries under {}", folder.display()))))
            }
        }
    }

    /// Its name.
    pub(super) fn name(&self) -> String {
        file_name(&self.folder)
    }

    /// Power now, in milliwatts.
    ///
    /// # Errors
    /// Also while it charges or rests: then it says nothing of what the machine takes.
    pub(super) fn read(&self) -> Result<f64, MissingReason> {
        let at = |file: &str| self.folder.join(file);
        let status = first_line(&at("status")).unwrap_or_else(|| "Unknown".into());
        let milliwatts = match number(&at("current_now")) {
            Ok(microamperes) => {
                let sign_says = status == "Unknown" && microamperes < 0;
                if status != "Discharging" && !sign_says {
                    return Err(self.resting(&status));
                }
                number(&at("voltage_now"))? as f64 * microamperes.unsigned_abs() as f64 / 1e9
            }
            Err(_) if at("power_now").exists() => {
                if status != "Discharging" {
                    return Err(self.resting(&status));
                }
                number(&at("power_now"))?.unsigned_abs() as f64 / 1e3
            }
            Err(missing) => return Err(missing),
        };
        match milliwatts > 0.0 {
            true => Ok(milliwatts),
            false => Err(MissingReason(format!("battery {} says it gives no power", self.name()))),
        }
    }

    fn resting(&self, status: &str) -> MissingReason {
        let name = self.name();
        MissingReason(format!(
            "battery {name} is not discharging ({status}); pull the plug to measure"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::super::sensor_file::tests::write;
    use super::*;

    #[test]
    fn only_a_discharging_battery_says_something_whatever_its_sign() {
        let root = tempfile::tempdir().unwrap();
        let set = |file: &str, text: &str| {
            write(root.path(), &[(&format!("sys/class/power_supply/{file}"), text)]);
        };
        let read =
            || BatterySensor::open(root.path()).and_then(|b| b.read().map_err(|why| (true, why)));
        set("AC/type", "Mains\n");
        set("hid-mouse/type", "Battery\n");
        set("hid-mouse/scope", "Device\n");
        assert!(
            matches!(read(), Err((false, MissingReason(why))) if why.starts_with("no battery"))
        );
        set("BAT0/type", "Battery\n");
        set("BAT0/status", "Discharging\n");
        assert!(matches!(read(), Err((true, MissingReason(why))) if why.contains("no file")));
        set("BAT0/voltage_now", "11800000\n");
        for current in ["-850000\n", "850000\n"] {
            set("BAT0/current_now", current);
            assert_eq!(read(), Ok(10_030.0));
        }
        set("BAT0/current_now", "0\n");
        assert!(
            matches!(read(), Err((true, MissingReason(why))) if why.contains("gives no power"))
        );
        set("BAT0/status", "Charging\n");
        set("BAT0/current_now", "850000\n");
        assert!(
            matches!(read(), Err((true, MissingReason(why))) if why.contains("(Charging); pull"))
        );
        // A driver without a status: the sign decides.
        set("BAT0/status", "Unknown\n");
        assert!(read().is_err());
        set("BAT0/current_now", "-850000\n");
        assert_eq!(read(), Ok(10_030.0));
        std::fs::remove_file(root.path().join("sys/class/power_supply/BAT0/current_now")).unwrap();
        set("BAT0/power_now", "9500000\n");
        set("BAT0/status", "Discharging\n");
        assert_eq!(read(), Ok(9_500.0));
    }
}
