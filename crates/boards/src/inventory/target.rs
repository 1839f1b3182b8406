//! One machine that runs variants: its profile, and the way to it.

use crate::profiles::TargetProfile;
use crate::transport::{LabgridRequest, SshAddress};
use paring_core::schema::EnergySource;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// A machine that runs variants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name: of its rows and its folder.
    pub name: String,
    /// Its kind.
    pub profile: TargetProfile,
    /// The way to it.
    pub transport: TargetTransport,
    /// True where it is known to be emulated.
    pub emulated: bool,
    /// Environment variables of the agent there.
    pub env: BTreeMap<String, String>,
}

/// The way to a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetTransport {
    /// It is this machine.
    Local,
    /// Over ssh.
    Ssh(SshAddress),
    /// Over ssh, at the address that a farm gives, with an ssh configuration instead of the user's.
    Labgrid(LabgridRequest, Option<PathBuf>),
}

impl fmt::Display for TargetTransport {
    /// The address, for a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            TargetTransport::Local => "this machine".to_string(),
            TargetTransport::Ssh(SshAddress { destination, port: Some(port), .. }) => {
                format!("{destination}:{port}")
            }
            TargetTransport::Ssh(address) => address.destination.clone(),
            TargetTransport::Labgrid(farm, _) => farm.to_string(),
        };
        f.pad(&text)
    }
}

impl Target {
    /// This machine, of a profile's kind.
    pub fn local(profile: TargetProfile) -> Target {
        let (emulated, env) = (false, BTreeMap::new());
        Target {
            name: profile.name.clone(),
            profile,
            transport: TargetTransport::Local,
            emulated,
            env,
        }
    }

    /// The first key of the entry that can run programs: a command of ssh's configuration here, of
    /// the environment or the energy source on the board.
    pub(super) fn key_that_runs_programs(&self) -> Option<&'static str> {
        let config = match &self.transport {
            TargetTransport::Local => false,
            TargetTransport::Ssh(address) => address.config.is_some(),
            TargetTransport::Labgrid(_, config) => config.is_some(),
        };
        let command = matches!(self.profile.energy, EnergySource::Command { .. });
        let keys = [("ssh_config", config), ("env", !self.env.is_empty()), ("energy", command)];
        keys.into_iter().find(|(_, present)| *present).map(|(key, _)| key)
    }

    pub(super) fn has_labels(&self, labels: &[(&str, &str)]) -> bool {
        labels.iter().all(|(key, value)| self.profile.labels.get(*key).is_some_and(|v| v == value))
    }
}
