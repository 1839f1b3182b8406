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

/// A key of an entry in a study's folder that can run programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UntrustedKey {
    pub(super) path: PathBuf,
    pub(super) name: String,
    pub(super) key: &'static str,
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
    use crate::target::{INVENTORY, Inventory, choose};

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
}
