//! Energy: where readings come from, what a window measured, and what windows add up to.

use crate::schema::MissingReason;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Source of energy readings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "kebab-case", deny_unknown_fields)]
pub enum EnergySource {
    /// The first of the machine's own sensors that works.
    #[default]
    Auto,
    /// None is wanted, or there is none.
    None {
        /// Reason, as it stands in the results.
        reason: String,
    },
    /// Running average power limit counters of x86 processors.
    Rapl,
    /// INA3221 monitors of Jetson boards.
    Ina3221,
    /// A `power*_input` or `power*_average` of the kernel's hardware monitors.
    Hwmon {
        /// Its key, as `DRIVER/powerN` or `DRIVER@DEVICE/powerN`; needed where there are several.
        #[serde(default)]
        sensor: Option<String>,
    },
    /// The power management chip of a Raspberry Pi 5.
    Pmic,
    /// The battery, while it discharges.
    Battery,
    /// A command that prints watts, one number a line.
    Command {
        /// For the shell of the machine that is measured.
        command: String,
        /// Coverage of its meter: `board`, say.
        #[serde(default)]
        coverage: Option<String>,
    },
    /// A bench or USB meter that logs `time_s,power_w` on the host; aligned by a pulse of load.
    Meter {
        /// The log, on the host.
        path: PathBuf,
        /// Coverage of the meter: `board`, say.
        #[serde(default)]
        coverage: Option<String>,
    },
}

impl EnergySource {
    /// Sources that are looked for on a machine, in the order of preference: what is next to the
    /// processor first.
    pub const SENSORS: [&str; 5] = ["rapl", "ina3221", "pmic", "hwmon", "battery"];

    /// Its name in studies and results.
    pub fn name(&self) -> &'static str {
        match self {
            EnergySource::Auto => "auto",
            EnergySource::None { .. } => "none",
            EnergySource::Rapl => "rapl",
            EnergySource::Ina3221 => "ina3221",
            EnergySource::Hwmon { .. } => "hwmon",
            EnergySource::Pmic => "pmic",
            EnergySource::Battery => "battery",
            EnergySource::Command { .. } => "command",
            EnergySource::Meter { .. } => "meter",
        }
    }

    /// The source of this name, as far as a name tells it. `hwmon KEY` is the input of that key.
    pub fn named(name: &str) -> Option<Self> {
        let key = name.strip_prefix("hwmon ").map(str::trim).filter(|key| !key.is_empty());
        if let Some(key) = key {
            return Some(EnergySource::Hwmon { sensor: Some(key.to_string()) });
        }
        Some(match name {
            "auto" => EnergySource::Auto,
            "rapl" => EnergySource::Rapl,
            "ina3221" => EnergySource::Ina3221,
            "hwmon" => EnergySource::Hwmon { sensor: None },
            "pmic" => EnergySource::Pmic,
            "battery" => EnergySource::Battery,
            _ => return None,
        })
    }

    /// The source that a machine with these sensors reads: for [`EnergySource::Auto`] the first that
    /// works.
    ///
    /// # Errors
    /// Why there is none, as it stands in the results.
    pub fn resolve(&self, sensors: &[SensorReport]) -> Result<EnergySource, MissingReason> {
        let working = |report: &&SensorReport| report.found.is_ok();
        match self {
            EnergySource::None { reason } => Err(MissingReason(reason.clone())),
            EnergySource::Auto => match sensors.iter().find(working) {
                Some(report) => Ok(Self::named(&report.source).unwrap_or_default()),
                None => Err(no_sensor(sensors)),
            },
            EnergySource::Hwmon { sensor: Some(_) }
            | EnergySource::Command { .. }
            | EnergySource::Meter { .. } => Ok(self.clone()),
            one => match sensors.iter().find(|report| report.source == one.name()) {
                Some(SensorReport { found: Err(missing), .. }) => Err(missing.clone()),
                _ => Ok(self.clone()),
            },
        }
    }
}

/// Reason that no sensor works: those that are there but refuse, else the board's own reason.
fn no_sensor(sensors: &[SensorReport]) -> MissingReason {
    let refused: Vec<String> = sensors
        .iter()
        .filter_map(|report| match &report.found {
            Err(MissingReason(why)) if report.there => Some(format!("{}: {why}", report.source)),
            _ => None,
        })
        .collect();
    match refused.is_empty() {
        true => MissingReason("no power sensor on this machine".into()),
        false => MissingReason(refused.join("; ")),
    }
}

/// Facts about a sensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SensorFacts {
    /// Its source and name.
    pub name: String,
    /// Coverage of its readings: `SoC`, `module`, `board`, …
    pub coverage: String,
    /// Readings in a second.
    pub rate_hz: f64,
    /// The least step of a reading, in its own unit.
    pub resolution: String,
}

/// A source that was looked for on a machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SensorReport {
    /// The source.
    pub source: String,
    /// True if the machine has it, or is known to have none: then the reason says more than that
    /// nothing was found.
    pub there: bool,
    /// Its facts, or the reason that it cannot be used.
    pub found: Result<SensorFacts, MissingReason>,
}
