//! Trust in the owner of a study's folder, whose inventory and study could have programs run.

use std::path::PathBuf;

/// Trust in the owner of a study's folder to have programs run here and on boards.
///
/// Everything in a study's folder is the owner's: a `targets.toml` beside the study, and the study. What
/// the configuration folder holds or `PARING_INVENTORY` names is the user's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FolderTrust {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{INVENTORY_FILE_NAME, Inventory, select_targets};

    #[test]
    fn what_runs_programs_in_a_study_s_folder_needs_trust() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(INVENTORY_FILE_NAME);
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
        withheld.add(&path, FolderTrust::Withheld).unwrap();
        given.add(&path, FolderTrust::Given).unwrap();
        let chosen = |name: &str, from: &Inventory| {
            select_targets(&[name.to_string()], from).map_err(|error| error.to_string())
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
        let chosen = |beside: &std::path::Path, trust: FolderTrust| {
            let mut inventory = Inventory::default();
            inventory.add(beside, trust).unwrap();
            inventory.add(&own, FolderTrust::Given).unwrap();
            select_targets(&["desk".to_string()], &inventory).map_err(|error| error.to_string())
        };
        let strange = written("strange.toml", "pi@elsewhere");
        let message = chosen(&strange, FolderTrust::Withheld).unwrap_err();
        assert!(message.contains("strange.toml") && message.contains("own.toml"), "{message}");
        assert_eq!(chosen(&strange, FolderTrust::Given).unwrap().len(), 1);
        assert_eq!(
            chosen(&written("same.toml", "pi@desk"), FolderTrust::Withheld).unwrap().len(),
            1
        );
    }
}
