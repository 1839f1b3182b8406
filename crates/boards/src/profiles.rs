//! Profiles of kinds of machines, as data in `targets/*.toml`.

use crate::key_schemas::{cool_down_schema, energy_source_schema};
use paring_core::schema::{ConditionRules, CoolDown, EnergySource};
use paring_core::toml_input::{TomlInputError, parse_toml};
use paring_core::units::MilliCelsius;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../targets/", $name, ".toml")))),*]
    };
}

/// Profiles that come with the tool: name and content.
const SHIPPED: [(&str, &str); 12] = shipped![
    "host",
    "x86-64",
    "aarch64",
    "raspberry-pi-5",
    "raspberry-pi-4",
    "raspberry-pi-3",
    "raspberry-pi-3-32bit",
    "raspberry-pi-zero-2-w",
    "jetson-orin-nano",
    "jetson-orin-nx",
    "jetson-xavier-nx",
    "jetson-nano",
];

/// A kind of machine: a Raspberry Pi 5, say.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetProfile {
    /// The name inventories extend.
    pub name: String,
    /// For a person.
    pub description: String,
    /// Beginnings of the names that such machines give themselves.
    #[serde(default)]
    pub models: Vec<String>,
    /// The target triple of its agent; `None` for the machine that paring runs on.
    #[serde(default)]
    pub triple: Option<String>,
    /// Folder on the machine for everything that paring puts there; relative to the home folder.
    #[serde(default = "default_work_folder")]
    pub work: String,
    /// Threads of the engine.
    pub threads: usize,
    /// Processors it has.
    #[serde(default)]
    pub cores: Option<usize>,
    /// The frequency governor it should measure under.
    #[serde(default)]
    pub governor: Option<String>,
    /// The power mode it should measure in (`nvpmodel`).
    #[serde(default)]
    pub power_mode: Option<String>,
    /// Its source of energy readings.
    #[schemars(schema_with = "energy_source_schema")]
    pub energy: EnergySource,
    /// The source of its word that it throttles.
    pub throttling: ThrottlingSource,
    /// The temperature from which it throttles, in thousandths of a degree.
    #[serde(default)]
    #[schemars(with = "Option<i64>")]
    pub limit_mc: Option<MilliCelsius>,
    /// The cooling down before every block.
    #[serde(default)]
    #[schemars(schema_with = "cool_down_schema")]
    pub cool_down: Option<CoolDown>,
    /// A GPU, which no variant uses.
    #[serde(default)]
    pub gpu: Option<String>,
    /// Labels to select it by.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

fn default_work_folder() -> String {
    ".paring".into()
}

/// The source of a machine's word that it throttles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ThrottlingSource {
    /// The firmware of a Raspberry Pi.
    Vcgencmd,
    /// The kernel's cooling devices.
    CoolingDevices,
}

/// A profile that is not there, or cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// No profile has this name.
    #[error("no profile `{name}`; known are {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// A profile is not well formed.
    #[error("profile `{name}`, line {problem}")]
    Format {
        /// The profile.
        name: String,
        /// The error and its line.
        problem: Box<TomlInputError>,
    },
    /// A profile contradicts itself.
    #[error("profile `{name}`: {problem}")]
    Invalid {
        /// The profile.
        name: String,
        /// The keys and their contradiction.
        problem: String,
    },
}

impl TargetProfile {
    /// True of a machine that calls itself `model` and runs programs for `arch`, where it is of this kind.
    pub fn matches_machine(&self, model: &str, arch: &str) -> bool {
        let same_arch = self.labels.get("arch").is_some_and(|label| label == arch);
        same_arch && self.models.iter().any(|beginning| model.starts_with(beginning.as_str()))
    }

    /// A study's conditions for measuring here, where it says nothing itself as this machine needs it.
    pub fn conditions(&self, study: &ConditionRules) -> ConditionRules {
        ConditionRules {
            most_mc: study.most_mc.or(self.limit_mc),
            cool_down: study.cool_down.or(self.cool_down),
            ..study.clone()
        }
    }

    /// The first contradiction between its keys.
    pub(crate) fn inconsistency(&self) -> Option<String> {
        let zero = |key: &str| Some(format!("`{key}` must be 1 or more"));
        if self.threads == 0 {
            return zero("threads");
        }
        if self.cores == Some(0) {
            return zero("cores");
        }
        if let Some(cores) = self.cores.filter(|cores| self.threads > *cores) {
            return Some(format!("`threads` is {}, `cores` only {cores}", self.threads));
        }
        if let (Some(limit), Some(cool)) = (self.limit_mc, self.cool_down)
            && cool.below_mc >= limit
        {
            let (below, limit) = (cool.below_mc.0, limit.0);
            return Some(format!("`cool_down.below_mc` is {below}, it throttles from {limit} on"));
        }
        if self.work.is_empty() || self.work.contains(['\0', '\n']) {
            return Some("`work` must be the path of a folder".into());
        }
        if self.work.split('/').any(|part| part == "..") {
            return Some("`work` must not lead upwards (`..`)".into());
        }
        None
    }
}

/// The profile of this name.
///
/// # Errors
/// [`ProfileError`] lists the known names.
pub fn shipped_profile(name: &str) -> Result<TargetProfile, ProfileError> {
    let (_, text) = SHIPPED.iter().find(|(known, _)| *known == name).ok_or_else(|| {
        let known: Vec<&str> = SHIPPED.iter().map(|(known, _)| *known).collect();
        ProfileError::Unknown { name: name.to_string(), known: known.join(", ") }
    })?;
    let profile: TargetProfile = parse_toml(text).map_err(|problem| ProfileError::Format {
        name: name.to_string(),
        problem: Box::new(problem),
    })?;
    match profile.inconsistency() {
        Some(problem) => Err(ProfileError::Invalid { name: name.to_string(), problem }),
        None => Ok(profile),
    }
}

/// All profiles that come with the tool.
///
/// # Errors
/// [`ProfileError`] where one is not well formed.
pub fn shipped_profiles() -> Result<Vec<TargetProfile>, ProfileError> {
    SHIPPED.iter().map(|(name, _)| shipped_profile(name)).collect()
}

/// The profile for a machine that calls itself `model` and runs programs for `arch`; the general
/// one of its architecture where none knows it.
pub fn profile_of_machine(model: Option<&str>, arch: &str) -> Option<TargetProfile> {
    let all = shipped_profiles().ok()?;
    let known = all.iter().find(|p| model.is_some_and(|model| p.matches_machine(model, arch)));
    let general = all
        .iter()
        .find(|p| p.models.is_empty() && p.labels.get("arch").is_some_and(|label| label == arch));
    known.or(general).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_profile_loads_under_its_own_name() {
        for (name, _) in SHIPPED {
            let profile = shipped_profile(name).unwrap();
            assert_eq!(profile.name, name);
            assert!(name == "host" || profile.triple.is_some(), "{name}");
        }
        let message = shipped_profile("raspberry-pi-9").unwrap_err().to_string();
        assert!(message.starts_with("no profile `raspberry-pi-9`; known are host, "), "{message}");
    }

    #[test]
    fn every_profile_in_the_folder_is_shipped() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../targets");
        let files = std::fs::read_dir(folder).unwrap().flatten();
        let mut names: Vec<String> = files
            .filter_map(|f| Some(f.file_name().to_str()?.strip_suffix(".toml")?.to_string()))
            .collect();
        names.sort_unstable();
        let mut shipped = SHIPPED.map(|(name, _)| name);
        shipped.sort_unstable();
        assert_eq!(names, shipped);
    }

    #[test]
    fn boards_are_recognised_by_what_they_call_themselves() {
        let of = |model, arch| profile_of_machine(model, arch).map(|p| p.name);
        let pi3 = Some("Raspberry Pi 3 Model B Plus Rev 1.3");
        assert_eq!(
            of(Some("Raspberry Pi 5 Model B Rev 1.0"), "aarch64").unwrap(),
            "raspberry-pi-5"
        );
        assert_eq!(of(pi3, "aarch64").unwrap(), "raspberry-pi-3");
        assert_eq!(of(pi3, "arm").unwrap(), "raspberry-pi-3-32bit");
        let orin = "NVIDIA Jetson Orin Nano Developer Kit";
        assert_eq!(of(Some(orin), "aarch64").unwrap(), "jetson-orin-nano");
        assert_eq!(of(Some("NVIDIA Jetson Nano Developer Kit"), "aarch64").unwrap(), "jetson-nano");
        assert_eq!(of(Some("Rock 5B"), "aarch64").unwrap(), "aarch64");
        assert_eq!(of(None, "x86_64").unwrap(), "x86-64");
        assert_eq!(of(None, "riscv64"), None);
    }
}
