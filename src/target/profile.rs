//! Profiles: what a machine is, as data in `targets/*.toml`.

use crate::record::EnergySource;
use serde::Deserialize;

/// Profiles that come with the tool: name and content.
const SHIPPED: [(&str, &str); 1] = [("host", include_str!("../../targets/host.toml"))];

/// What a machine is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The name studies use.
    pub name: String,
    /// For a person.
    pub description: String,
    /// How it is reached.
    pub transport: Transport,
    /// Threads of the engine.
    pub threads: usize,
    /// Its source of energy readings.
    pub energy: EnergySource,
}

/// How a machine is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// It is this machine.
    Local,
}

/// Why there is no such profile.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// No profile has this name.
    #[error("no target `{name}`; known are {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A profile is not well formed.
    #[error("profile `{name}`")]
    Format {
        /// The profile.
        name: String,
        /// The cause.
        source: toml::de::Error,
    },
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
    toml::from_str(text).map_err(|source| ProfileError::Format { name: name.to_string(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_profile_loads_under_its_own_name() {
        for (name, _) in SHIPPED {
            assert_eq!(profile(name).unwrap().name, name);
        }
        assert_eq!(profile("pi9").unwrap_err().to_string(), "no target `pi9`; known are host");
    }
}
