//! What a study's folder may have run, and which of its keys could run something.

use std::path::PathBuf;

/// Whether the owner of a study's folder may have programs run here and on boards.
///
/// Everything in a study's folder is the owner's: a `targets.toml` beside the study, and the study. What
/// the configuration folder holds or `PARING_INVENTORY` names is the user's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// No: keys that can run programs are refused by name.
    #[default]
    Withheld,
    /// Yes, as the user says by `--trust`.
    Given,
}

/// An entry of an inventory in a study's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UntrustedEntry {
    pub(super) path: PathBuf,
    pub(super) name: String,
    /// The first of its keys that can run programs.
    pub(super) key: Option<&'static str>,
}

/// Whether a word names an environment variable, and nothing that `env` takes for an option.
///
/// Source: POSIX.1-2017, section 8.1.
pub fn is_variable_name(word: &str) -> bool {
    let begins = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{INVENTORY, Inventory, choose};

    #[test]
    fn what_runs_programs_in_a_study_s_folder_needs_trust() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(INVENTORY);
        let entry = |name: &str, key: &str| {
            format!(
                "[[target]]\nname = {name:?}\nextends = \"raspberry-pi-4\"\naddress = \"pi@a\"\n{key}\n"
            )
        };
        let text = entry("config", "ssh_config = \"lab.ssh\"")
            + &entry("variables", "env = { LD_PRELOAD = \"/tmp/x.so\" }")
            + &entry("meter", "energy = { source = \"command\", command = \"id\" }")
            + &entry("plain", "threads = 2");
        std::fs::write(&path, text).unwrap();
        let (mut withheld, mut given) = (Inventory::default(), Inventory::default());
        withheld.add(&path, Trust::Withheld).unwrap();
        given.add(&path, Trust::Given).unwrap();
        let chosen = |name: &str, from: &Inventory| {
            choose(&[name.to_string()], from).map_err(|error| error.to_string())
        };
        for (name, key) in [("config", "ssh_config"), ("variables", "env"), ("meter", "energy")] {
            let message = chosen(name, &withheld).unwrap_err();
            let begins = format!("{}: target `{name}`: `{key}` can run programs", path.display());
            assert!(message.starts_with(&begins) && message.contains("`--trust`"), "{message}");
            assert_eq!(chosen(name, &given).unwrap().len(), 1);
        }
        assert_eq!(chosen("plain", &withheld).unwrap().len(), 1);
        // A label means all of them.
        assert!(chosen("board=rpi4", &withheld).unwrap_err().contains("`config`"));
    }

    #[test]
    fn a_stranger_s_name_does_not_lead_the_user_s_keys_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let written = |file: &str, address: &str| {
            let path = folder.path().join(file);
            let text = format!(
                "[[target]]\nname = \"desk\"\nextends = \"raspberry-pi-4\"\naddress = {address:?}\n"
            );
            std::fs::write(&path, text).unwrap();
            path
        };
        let own = written("own.toml", "pi@desk");
        let chosen = |beside: &std::path::Path, trust: Trust| {
            let mut inventory = Inventory::default();
            inventory.add(beside, trust).unwrap();
            inventory.add(&own, Trust::Given).unwrap();
            choose(&["desk".to_string()], &inventory).map_err(|error| error.to_string())
        };
        let strange = written("strange.toml", "pi@elsewhere");
        let message = chosen(&strange, Trust::Withheld).unwrap_err();
        assert!(message.contains("strange.toml") && message.contains("own.toml"), "{message}");
        assert_eq!(chosen(&strange, Trust::Given).unwrap().len(), 1);
        assert_eq!(chosen(&written("same.toml", "pi@desk"), Trust::Withheld).unwrap().len(), 1);
    }
}
