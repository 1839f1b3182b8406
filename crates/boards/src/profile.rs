//! Profiles: what a kind of machine is, as data in `targets/*.toml`.

use super::typed::{Mistyped, typed};
use paring_core::schema::{ConditionRules, CoolDown, EnergySource};
use paring_core::units::MilliCelsius;
use serde::Deserialize;
use std::collections::BTreeMap;

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../targets/", $name, ".toml")))),*]
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

/// What a kind of machine is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The name inventories extend.
    pub name: String,
    /// For a person.
    pub description: String,
    /// How the machine's own name begins where it is one of these.
    #[serde(default)]
    pub models: Vec<String>,
    /// What its agent is compiled for; `None` for the machine that paring runs on.
    #[serde(default)]
    pub triple: Option<String>,
    /// Folder on the machine for everything that paring puts there; relative to the home folder.
    #[serde(default = "work")]
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
    pub energy: EnergySource,
    /// Where it says that it throttles.
    pub throttling: Throttling,
    /// Where it begins to throttle, in thousandths of a degree.
    #[serde(default)]
    pub limit_mc: Option<MilliCelsius>,
    /// How it is left to cool down before every block.
    #[serde(default)]
    pub cool_down: Option<CoolDown>,
    /// A GPU, which no variant uses.
    #[serde(default)]
    pub gpu: Option<String>,
    /// What it can be found by.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

fn work() -> String {
    ".paring".into()
}

/// Where a machine says that it throttles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Throttling {
    /// The firmware of a Raspberry Pi.
    Vcgencmd,
    /// The kernel's cooling devices.
    CoolingDevices,
}

/// Why there is no such profile.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// No profile has this name.
    #[error("no profile `{name}`; known are {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A profile is not well formed.
    #[error("profile `{name}`, line {problem}")]
    Format {
        /// The profile.
        name: String,
        /// What is wrong.
        problem: Box<Mistyped>,
    },
    /// A profile contradicts itself.
    #[error("profile `{name}`: {problem}")]
    Invalid {
        /// The profile.
        name: String,
        /// What is wrong.
        problem: String,
    },
}

impl Profile {
    /// Whether a machine that calls itself `model` and runs programs for `arch` is of this kind.
    pub fn recognises(&self, model: &str, arch: &str) -> bool {
        let ours = self.labels.get("arch").is_some_and(|own| own == arch);
        ours && self.models.iter().any(|beginning| model.starts_with(beginning.as_str()))
    }

    /// A study's conditions for measuring here, where it says nothing itself as this machine needs it.
    pub fn conditions(&self, study: &ConditionRules) -> ConditionRules {
        ConditionRules {
            most_mc: study.most_mc.or(self.limit_mc),
            cool_down: study.cool_down.or(self.cool_down),
            ..study.clone()
        }
    }

    /// What cannot be meant.
    pub(super) fn problem(&self) -> Option<String> {
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
pub fn profile(name: &str) -> Result<Profile, ProfileError> {
    let (_, text) = SHIPPED.iter().find(|(known, _)| *known == name).ok_or_else(|| {
        let known: Vec<&str> = SHIPPED.iter().map(|(known, _)| *known).collect();
        ProfileError::Unknown { name: name.to_string(), known: known.join(", ") }
    })?;
    let profile: Profile = typed(text).map_err(|problem| ProfileError::Format {
        name: name.to_string(),
        problem: Box::new(problem),
    })?;
    match profile.problem() {
        Some(problem) => Err(ProfileError::Invalid { name: name.to_string(), problem }),
        None => Ok(profile),
    }
}

/// All profiles that come with the tool.
///
/// # Errors
/// [`ProfileError`] where one is not well formed.
pub fn profiles() -> Result<Vec<Profile>, ProfileError> {
    SHIPPED.iter().map(|(name, _)| profile(name)).collect()
}

/// The profile for a machine that calls itself `model` and runs programs for `arch`; the general
/// one of its architecture where none knows it.
pub fn recognise(model: Option<&str>, arch: &str) -> Option<Profile> {
    let all = profiles().ok()?;
    let known = all.iter().find(|p| model.is_some_and(|model| p.recognises(model, arch)));
    let general = all
        .iter()
        .find(|p| p.models.is_empty() && p.labels.get("arch").is_some_and(|own| own == arch));
    known.or(general).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_profile_loads_under_its_own_name() {
        for (name, _) in SHIPPED {
            let profile = profile(name).unwrap();
            assert_eq!(profile.name, name);
            assert!(name == "host" || profile.triple.is_some(), "{name}");
        }
        let message = profile("raspberry-pi-9").unwrap_err().to_string();
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
        let of = |model, arch| recognise(model, arch).map(|p| p.name);
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
