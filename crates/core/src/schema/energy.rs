//! Energy: where readings come from, what a window measured, and what windows add up to.

use super::{MissingReason, Sha256Hex};
use crate::units::{LatencyNs, PowerMw};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Where energy readings come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "kebab-case", deny_unknown_fields)]
pub enum EnergySource {
    /// The first of the machine's own sensors that works.
    #[default]
    Auto,
    /// None is wanted, or there is none.
    None {
        /// Why, as it stands in the results.
        reason: String,
    },
    /// Running average power limit counters of x86 processors.
    Rapl,
    /// INA3221 monitors of Jetson boards.
    Ina3221,
    /// A `power*_input` or `power*_average` of the kernel's hardware monitors.
    Hwmon {
        /// Which, as `DRIVER/powerN` or `DRIVER@DEVICE/powerN`; needed where there are several.
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
        /// What its meter covers: `board`, say.
        #[serde(default)]
        coverage: Option<String>,
    },
    /// A bench or USB meter that logs `time_s,power_w` on the host; aligned by a pulse of load.
    Meter {
        /// The log, on the host.
        path: PathBuf,
        /// What the meter covers: `board`, say.
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

/// Why no sensor works: those that are there but refuse, else the board's own reason.
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

/// What a sensor is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SensorFacts {
    /// Its source and name.
    pub name: String,
    /// What its readings include: `SoC`, `module`, `board`, …
    pub coverage: String,
    /// How often it is read in a second.
    pub rate_hz: f64,
    /// The least step of a reading, in its own unit.
    pub resolution: String,
}

/// A source that was looked for on a machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SensorReport {
    /// The source.
    pub source: String,
    /// Whether the machine has it, or is known to have none: then the reason says more than that
    /// nothing was found.
    pub there: bool,
    /// What it is, or why it cannot be used.
    pub found: Result<SensorFacts, MissingReason>,
}

/// How energy is measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnergyRules {
    /// The source.
    pub source: EnergySource,
    /// Windows with the model running, each in a fresh process.
    pub windows: u32,
    /// Length of such a window.
    pub run_ns: LatencyNs,
    /// Length of the idle windows before and after.
    pub idle_ns: LatencyNs,
}

impl EnergyRules {
    /// The same without where a meter's log lies: that may change after the fact.
    pub fn wherever(&self) -> EnergyRules {
        let mut rules = self.clone();
        if let EnergySource::Meter { path, .. } = &mut rules.source {
            path.clear();
        }
        rules
    }
}

/// What a job says of energy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnergyJob {
    /// The rules; the source is one that the target has.
    pub rules: EnergyRules,
    /// Hash of the rules as they were asked for: energy measured under others is not mixed in.
    pub rules_sha256: Sha256Hex,
    /// The folder that stands for `/` where sensors are read: a simulated machine.
    #[serde(default)]
    pub root: Option<PathBuf>,
}

impl EnergyJob {
    /// The rules as asked for, with a source that the target has.
    pub fn new(asked: EnergyRules, source: EnergySource, sysfs_root: Option<&Path>) -> EnergyJob {
        let simulated = sysfs_root.is_some();
        let json = serde_json::json!({ "rules": asked.wherever(), "simulated": simulated });
        EnergyJob {
            rules: EnergyRules { source, ..asked },
            rules_sha256: Sha256Hex::of(json.to_string().as_bytes()),
            root: sysfs_root.map(Path::to_path_buf),
        }
    }
}

/// A span of time and what it took. Times count from the block's start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnergyWindow {
    /// Its start.
    pub start_ns: LatencyNs,
    /// Its end.
    pub end_ns: LatencyNs,
    /// Energy in microjoules, or why there is none.
    pub energy_uj: Result<f64, MissingReason>,
    /// Readings it stands on.
    pub readings: u32,
}

impl EnergyWindow {
    /// Its length.
    pub fn span(&self) -> LatencyNs {
        LatencyNs(self.end_ns.0.saturating_sub(self.start_ns.0))
    }

    /// Its mean power; `None` without energy or length.
    pub fn power(&self) -> Option<PowerMw> {
        let energy = *self.energy_uj.as_ref().ok()?;
        let span = self.span();
        (span.0 > 0).then(|| PowerMw(energy * 1e6 / span.as_f64()))
    }
}

/// The raw data of an energy block: idle, the model in a loop, idle. Windows begin and end well
/// inside their phase, so that a slow sensor does not see the neighbouring one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnergyBlock {
    /// The sensor.
    pub sensor: SensorFacts,
    /// All spans of full load, the run's last, by which a meter's log is aligned; empty without one.
    pub pulse_ns: Vec<(LatencyNs, LatencyNs)>,
    /// The block's start by the target's clock, nanoseconds since 1970.
    pub started_unix_ns: u64,
    /// Before.
    pub idle_before: EnergyWindow,
    /// With the model running.
    pub run: EnergyWindow,
    /// After.
    pub idle_after: EnergyWindow,
    /// Inferences inside the window.
    pub inferences: u64,
}

impl EnergyBlock {
    /// Whether its sensor gave no energy. A meter's log has it to give yet.
    pub fn unread(&self) -> bool {
        self.pulse_ns.is_empty() && self.missing().is_some()
    }

    /// Why the block gives no energy; `None` where it does.
    pub fn missing(&self) -> Option<&MissingReason> {
        let windows = [&self.run, &self.idle_before, &self.idle_after];
        windows.into_iter().find_map(|window| window.energy_uj.as_ref().err())
    }
}

/// Energy of one variant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnergySummary {
    /// Windows it stands on.
    pub windows: usize,
    /// Energy of one inference above idle, in microjoules: median over windows, and the range that
    /// windows and the uncertainty of idle span.
    pub per_inference_uj: super::ConfidenceInterval,
    /// The same with the idle power inside.
    pub gross_uj: f64,
    /// Mean power with the model running.
    pub power: PowerMw,
    /// Mean power of the idle windows.
    pub idle: PowerMw,
    /// The sensor.
    pub sensor: SensorFacts,
}
