//! Targets: which machines a study or a command means.

use super::InventoryError;
use super::profile::{profile, profiles};
use super::{Address, Farm, Inventory, Profile};
use paring_core::schema::EnergySource;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A machine that runs variants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name: of its rows and its folder.
    pub name: String,
    /// What it is.
    pub profile: Profile,
    /// How it is reached.
    pub reach: Reach,
    /// Whether it is known to be emulated.
    pub emulated: bool,
    /// Environment variables of the agent there.
    pub env: BTreeMap<String, String>,
}

/// How a machine is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It is this machine.
    Local,
    /// Over ssh.
    Ssh(Address),
    /// Over ssh, at the address that a farm gives, with an ssh configuration instead of the user's.
    Farm(Farm, Option<PathBuf>),
}

impl Target {
    /// This machine, as a profile says it is.
    pub fn local(profile: Profile) -> Target {
        let (emulated, env) = (false, BTreeMap::new());
        Target { name: profile.name.clone(), profile, reach: Reach::Local, emulated, env }
    }

    /// The first key of the entry that can run programs: a command of ssh's configuration here, of
    /// the environment or the energy source on the board.
    pub(super) fn key_that_runs_programs(&self) -> Option<&'static str> {
        let config = match &self.reach {
            Reach::Local => false,
            Reach::Ssh(address) => address.config.is_some(),
            Reach::Farm(_, config) => config.is_some(),
        };
        let command = matches!(self.profile.energy, EnergySource::Command { .. });
        let keys = [("ssh_config", config), ("env", !self.env.is_empty()), ("energy", command)];
        keys.into_iter().find(|(_, there)| *there).map(|(key, _)| key)
    }

    fn labelled(&self, wanted: &[(&str, &str)]) -> bool {
        wanted.iter().all(|(key, value)| self.profile.labels.get(*key).is_some_and(|v| v == value))
    }
}

/// The machines that `words` mean, each once: names of the inventory, profiles for this machine,
/// places of a farm, or labels such as `arch=aarch64,room=kitchen`, which mean every board of the
/// inventory that has them.
///
/// # Errors
/// [`InventoryError`] names what nothing is called, and what would run programs for a stranger.
pub fn choose(words: &[String], inventory: &Inventory) -> Result<Vec<Target>, InventoryError> {
    let mut chosen: Vec<Target> = Vec::new();
    for word in words {
        for target in meant(word, inventory)? {
            if chosen.iter().all(|other| other.name != target.name) {
                chosen.push(target);
            }
        }
    }
    inventory.refuse_untrusted(&chosen)?;
    Ok(chosen)
}

fn meant(word: &str, inventory: &Inventory) -> Result<Vec<Target>, InventoryError> {
    if let Some(target) = inventory.targets.iter().find(|target| target.name == word) {
        return Ok(vec![target.clone()]);
    }
    if let Some(farm) = Farm::parse(word) {
        let farm = farm.map_err(InventoryError::Word)?;
        // What it is turns out when the place is ours.
        let general = profile("aarch64").map_err(|e| InventoryError::Word(e.to_string()))?;
        let name = farm.name();
        let reach = Reach::Farm(farm, None);
        return Ok(vec![Target { name, reach, ..Target::local(general) }]);
    }
    if word.contains('=') {
        let pairs: Option<Vec<(&str, &str)>> =
            word.split(',').map(|pair| pair.trim().split_once('=')).collect();
        let pairs = pairs.ok_or_else(|| InventoryError::NoMatch(word.to_string()))?;
        let all = inventory.targets.iter().filter(|target| target.labelled(&pairs));
        let all: Vec<Target> = all.cloned().collect();
        return match all.is_empty() {
            true => Err(InventoryError::NoMatch(word.to_string())),
            false => Ok(all),
        };
    }
    if let Ok(profile) = profile(word) {
        return Ok(vec![Target::local(profile)]);
    }
    let shipped = profiles().unwrap_or_default();
    let boards = inventory.targets.iter().map(|target| target.name.as_str());
    let known: Vec<&str> = boards.chain(shipped.iter().map(|p| p.name.as_str())).collect();
    Err(InventoryError::unknown(word, &known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Trust;

    fn desk() -> Inventory {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("targets.toml");
        let entry = |name: &str, kind: &str, room: &str| {
            format!(
                "[[target]]\nname = {name:?}\nextends = {kind:?}\naddress = \"pi@{name}\"\nlabels = {{ room = {room:?} }}\n"
            )
        };
        let text = entry("a", "raspberry-pi-5", "kitchen")
            + &entry("b", "raspberry-pi-4", "kitchen")
            + &entry("c", "x86-64", "lab");
        std::fs::write(&path, text).unwrap();
        let mut inventory = Inventory::default();
        inventory.add(&path, Trust::Withheld).unwrap();
        inventory
    }

    #[track_caller]
    fn means(words: &[&str], expected: &[&str]) {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        let found = choose(&words, &desk()).map_err(|e| e.to_string()).unwrap();
        assert_eq!(found.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn names_profiles_and_labels_mean_machines() {
        means(&["b", "host"], &["b", "host"]);
        means(&["arch=aarch64"], &["a", "b"]);
        means(&["room=kitchen, board=rpi4", "room=lab", "b"], &["b", "c"]);
        let refused = |word: &str| choose(&[word.to_string()], &desk()).unwrap_err().to_string();
        assert_eq!(refused("room=attic"), "no target of the inventory has the labels `room=attic`");
        assert_eq!(refused("hots"), "no target `hots`; did you mean `host`?");
    }
}
