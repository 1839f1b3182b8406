//! The `[energy]` section: rules of measuring energy.

use paring_core::schema::{EnergyRules, EnergySource, MOST_ROUNDS};
use paring_core::units::LatencyNs;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Rules of measuring energy.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::study) struct EnergySection {
    /// `auto`, `none`, `rapl`, `ina3221`, `pmic`, `hwmon`, `battery`, `command` or `meter`; default: the target's.
    #[serde(default)]
    source: Option<String>,
    /// Of `hwmon`: its key, `DRIVER@DEVICE/powerN`.
    #[serde(default)]
    sensor: Option<String>,
    /// Of `command`: what prints watts; needs `--trust`.
    #[serde(default)]
    command: Option<String>,
    /// Of `meter`: path of its log.
    #[serde(default)]
    log: Option<PathBuf>,
    /// Of `command` and `meter`: what is measured, `"board"` say.
    #[serde(default)]
    coverage: Option<String>,
    /// Energy windows per variant, each in a fresh process; default 5.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10_000))]
    windows: Option<u32>,
    /// Length of a window with the model running, in seconds; default 10.
    #[serde(default)]
    #[schemars(range(min = 0.5, max = 3600.0))]
    run_s: Option<f64>,
    /// Length of the idle windows before and after it, in seconds; default 5.
    #[serde(default)]
    #[schemars(range(min = 0.5, max = 3600.0))]
    idle_s: Option<f64>,
}

/// Rules of measuring energy on every target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnergyPlan {
    /// The source; `None` for each target's own.
    pub source: Option<EnergySource>,
    /// Windows with the model running, each in a fresh process.
    pub windows: u32,
    /// Length of such a window.
    pub run_ns: LatencyNs,
    /// Length of the idle windows before and after.
    pub idle_ns: LatencyNs,
}

impl EnergyPlan {
    /// The rules for a target with a source of its own.
    pub fn rules(&self, of_target: &EnergySource) -> EnergyRules {
        EnergyRules {
            source: self.source.clone().unwrap_or_else(|| of_target.clone()),
            windows: self.windows,
            run_ns: self.run_ns,
            idle_ns: self.idle_ns,
        }
    }
}

/// Checks the section. Paths in it are relative to `folder`.
pub(in crate::study) fn energy_plan(
    section: EnergySection,
    folder: &Path,
) -> Result<EnergyPlan, String> {
    let windows = section.windows.unwrap_or(5);
    if windows == 0 {
        return Err(
            "`windows` under [energy] must be 1 or more; `source = \"none\"` switches it off"
                .into(),
        );
    }
    if windows > MOST_ROUNDS {
        return Err(format!(
            "`windows` under [energy] must be {MOST_ROUNDS} at most, it is {windows}"
        ));
    }
    let span = |key: &str, given: Option<f64>, default: f64| match given.unwrap_or(default) {
        seconds if (0.5..=3_600.0).contains(&seconds) => Ok(LatencyNs::from_f64(seconds * 1e9)),
        _ => Err(format!("`{key}` under [energy] must be from 0.5 to 3600 seconds")),
    };
    let (run_ns, idle_ns) =
        (span("run_s", section.run_s, 10.0)?, span("idle_s", section.idle_s, 5.0)?);
    Ok(EnergyPlan { source: source(section, folder)?, windows, run_ns, idle_ns })
}

/// The source, and only keys that belong to it.
fn source(section: EnergySection, folder: &Path) -> Result<Option<EnergySource>, String> {
    let EnergySection { source, sensor, command, log, coverage, .. } = section;
    let Some(name) = source else {
        let alone = [("sensor", sensor.is_some()), ("command", command.is_some())];
        let alone =
            alone.into_iter().chain([("log", log.is_some()), ("coverage", coverage.is_some())]);
        return match alone.into_iter().find(|(_, given)| *given) {
            Some((key, _)) => Err(format!("`{key}` under [energy] needs its `source` beside it")),
            None => Ok(None),
        };
    };
    let keys = [
        ("sensor", "hwmon", sensor.is_some()),
        ("command", "command", command.is_some()),
        ("log", "meter", log.is_some()),
    ];
    for (key, owner, given) in keys {
        if given && owner != name {
            return Err(format!("`{key}` under [energy] belongs to `source = \"{owner}\"`"));
        }
    }
    let outside = matches!(name.as_str(), "command" | "meter");
    if coverage.is_some() && !outside {
        return Err(
            "`coverage` under [energy] belongs to `command` and `meter`; others know theirs".into(),
        );
    }
    let needs = |key: &str| format!("`source = \"{name}\"` under [energy] needs `{key}`");
    Ok(Some(match name.as_str() {
        "none" => EnergySource::None { reason: "the study asks for no energy".into() },
        "hwmon" => EnergySource::Hwmon { sensor: sensor.map(|typed| hwmon_key(&typed)) },
        "command" => EnergySource::Command { command: command.ok_or_else(|| needs("command"))?, coverage },
        "meter" => {
            let log: PathBuf = folder.join(log.ok_or_else(|| needs("log"))?);
            EnergySource::Meter { path: std::path::absolute(&log).unwrap_or(log), coverage }
        }
        other => EnergySource::named(other).ok_or_else(|| {
            let sensors = EnergySource::SENSORS.join("`, `");
            format!("no energy source `{other}`; known are `auto`, `none`, `{sensors}`, `command`, `meter`")
        })?,
    }))
}

/// The key of a hwmon input, also where it was typed with its source.
fn hwmon_key(typed: &str) -> String {
    typed.strip_prefix("hwmon ").unwrap_or(typed).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<EnergyPlan, String> {
        energy_plan(toml::from_str(text).unwrap(), Path::new("/study"))
    }

    #[test]
    fn without_keys_each_target_has_its_own_source() {
        let plan = read("").unwrap();
        let rules = plan.rules(&EnergySource::Rapl);
        assert_eq!((rules.source, rules.windows), (EnergySource::Rapl, 5));
        assert_eq!((rules.run_ns.0, rules.idle_ns.0), (10_000_000_000, 5_000_000_000));
        let rules = read("source = \"pmic\"\nrun_s = 0.5").unwrap().rules(&EnergySource::Rapl);
        assert_eq!((rules.source, rules.run_ns.0), (EnergySource::Pmic, 500_000_000));
        let keyed = Some(EnergySource::Hwmon { sensor: Some("ina238@1-0040/power1".into()) });
        for text in [
            "source = \"hwmon ina238@1-0040/power1\"",
            "source = \"hwmon\"\nsensor = \"ina238@1-0040/power1\"",
            "source = \"hwmon\"\nsensor = \"hwmon ina238@1-0040/power1\"",
        ] {
            assert_eq!(read(text).unwrap().source, keyed, "{text}");
        }
        let log = read("source = \"meter\"\nlog = \"usb.csv\"").unwrap().source.unwrap();
        let EnergySource::Meter { path, .. } = log else { panic!("{log:?}") };
        assert_eq!(path, Path::new("/study/usb.csv"));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (text, expected) in [
            ("windows = 0", "must be 1 or more"),
            ("run_s = 0", "`run_s` under [energy] must be from"),
            ("idle_s = 1e9", "`idle_s` under [energy] must be from"),
            (
                "source = \"wattmeter\"",
                "no energy source `wattmeter`; known are `auto`, `none`, `rapl`",
            ),
            ("source = \"command\"", "needs `command`"),
            (
                "source = \"hwmon a/power1\"\nsensor = \"b/power1\"",
                "`sensor` under [energy] belongs to `source = \"hwmon\"`",
            ),
            (
                "source = \"rapl\"\nlog = \"a\"",
                "`log` under [energy] belongs to `source = \"meter\"`",
            ),
            ("source = \"rapl\"\ncoverage = \"a\"", "others know theirs"),
            ("command = \"cat\"", "needs its `source` beside it"),
        ] {
            let problem = read(text).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
        }
    }
}
