//! Settings of the machine that a job asks for: written, verified, and put back at the end. What was
//! there before is kept in a file beside the journal first, so that an agent that was killed is made
//! good for by the next one.

use super::saved_settings::{MachineError, SavedMachineSettings, clocks_file, restore_settings};
use crate::sensors::{self, ControlError};
use paring_core::files::ConfinedPath;
use paring_core::schema::{ConditionRules, SCHEMA};
use std::path::{Path, PathBuf};

/// A machine that was set; it is put back when this is dropped.
#[derive(Debug)]
pub(crate) struct MachineSettings {
    root: PathBuf,
    kept: ConfinedPath,
    set: bool,
}

impl MachineSettings {
    /// Puts back what a killed agent left, then sets what `rules` ask for. `journal` says where the
    /// former settings are kept.
    ///
    /// # Errors
    /// [`MachineError`]; what had been set is put back then.
    pub(crate) fn set(
        root: &Path,
        journal: &Path,
        rules: &ConditionRules,
    ) -> Result<MachineSettings, MachineError> {
        let kept = ConfinedPath::file(journal).with_extension("machine.json");
        restore_settings(root, &kept)?;
        let changes_settings =
            rules.governor.is_some() || rules.power_mode.is_some() || rules.jetson_clocks;
        let mut machine = MachineSettings { root: root.to_path_buf(), kept, set: changes_settings };
        if changes_settings {
            machine.change(rules)?;
        }
        Ok(machine)
    }

    fn change(&mut self, rules: &ConditionRules) -> Result<(), MachineError> {
        let root = self.root.clone();
        let boot_id = sensors::boot_id(&root);
        let mut before =
            SavedMachineSettings { schema: SCHEMA, boot_id, ..SavedMachineSettings::default() };
        if rules.governor.is_some() {
            before.governors = sensors::governors(&root);
            if before.governors.is_empty() {
                return Err(MachineError::Set(ControlError::Absent("frequency governor")));
            }
        }
        if rules.power_mode.is_some() {
            let absent = || MachineError::Set(ControlError::Absent("nvpmodel power mode"));
            before.power_mode = Some(sensors::power_mode(&root).ok_or_else(absent)?);
        }
        if rules.jetson_clocks {
            before.clocks = Some(clocks_file(&self.kept).to_path_buf());
        }
        self.keep(&before)?;
        // A power mode resets governors and clocks: it goes first.
        if let Some(mode) = &rules.power_mode {
            sensors::set_power_mode(&root, mode).map_err(MachineError::Set)?;
        }
        for (path, _) in &before.governors {
            let governor = rules.governor.as_deref().unwrap_or_default();
            sensors::set_governor(path, governor).map_err(MachineError::Set)?;
        }
        match &before.clocks {
            Some(kept) => sensors::fix_clocks(&root, kept).map_err(MachineError::Set),
            None => Ok(()),
        }
    }

    /// Before anything is changed, it is on the disk how it was.
    fn keep(&self, before: &SavedMachineSettings) -> Result<(), MachineError> {
        let failed =
            |source| MachineError::Kept { doing: "write", path: self.kept.to_path_buf(), source };
        let text = serde_json::to_vec(before).map_err(|e| failed(e.into()))?;
        self.kept.replace(&text).map_err(failed)
    }
}

impl Drop for MachineSettings {
    fn drop(&mut self) {
        if self.set
            && let Err(error) = restore_settings(&self.root, &self.kept)
        {
            // The file stays: the next start tries again.
            paring_core::text::note(format_args!("paring: {:#}", anyhow::Error::from(error)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::saved_settings::tests::{board, read, write};
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn rules() -> ConditionRules {
        ConditionRules { governor: Some("performance".into()), ..ConditionRules::default() }
    }

    #[test]
    fn a_governor_is_set_and_put_back() {
        let (root, governors, journal) = board();
        let machine = MachineSettings::set(root.path(), &journal, &rules()).unwrap();
        assert!(governors.iter().all(|path| read(path) == "performance"));
        drop(machine);
        assert!(governors.iter().all(|path| read(path) == "ondemand"));
        assert!(!journal.with_extension("machine.json").exists());
    }

    #[test]
    fn what_a_killed_agent_left_is_put_back_on_the_next_start() {
        let (root, governors, journal) = board();
        let machine = MachineSettings::set(root.path(), &journal, &rules()).unwrap();
        // Killed: nothing is dropped.
        std::mem::forget(machine);
        assert_eq!(read(&governors[1]), "performance");
        let none = ConditionRules::default();
        drop(MachineSettings::set(root.path(), &journal, &none).unwrap());
        assert!(governors.iter().all(|path| read(path) == "ondemand"));
    }

    #[test]
    fn what_cannot_be_set_is_named_and_nothing_stays_changed() {
        let (root, governors, journal) = board();
        let unknown = ConditionRules { governor: Some("fast".into()), ..rules() };
        let error = MachineSettings::set(root.path(), &journal, &unknown).unwrap_err();
        assert_eq!(
            format!("{:#}", anyhow::Error::from(error)),
            "set this machine as the study asks: governor `fast` is not available; this machine has ondemand, performance, powersave"
        );
        assert_eq!(read(&governors[0]), "ondemand");
        let jetson = ConditionRules { power_mode: Some("0".into()), ..ConditionRules::default() };
        let error = MachineSettings::set(root.path(), &journal, &jetson).unwrap_err();
        let said = format!("{:#}", anyhow::Error::from(error));
        assert!(said.ends_with("this machine has no nvpmodel power mode"), "{said}");
    }

    #[test]
    fn a_link_in_the_file_s_place_is_not_written_through() {
        let (root, governors, journal) = board();
        let target = write(root.path(), "elsewhere", "theirs");
        std::os::unix::fs::symlink(&target, journal.with_extension("machine.json")).unwrap();
        assert!(MachineSettings::set(root.path(), &journal, &rules()).is_err());
        assert_eq!(read(&target), "theirs");
        assert!(governors.iter().all(|path| read(path) == "ondemand"));
    }
    #[test]
    fn a_jetson_s_mode_and_clocks_are_set_and_put_back() {
        let (root, _, journal) = board();
        write(root.path(), "proc/sys/kernel/random/boot_id", "8f1c2f0e\n");
        let mode = write(root.path(), "mode", "2");
        let clocks = write(root.path(), "clocks", "free");
        let script = |name: &str, text: String| {
            let path = write(root.path(), &format!("usr/bin/{name}"), &text);
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        script(
            "nvpmodel",
            format!(
                "#!/bin/sh\nif [ $1 = -m ]; then echo $2 >{0}; else echo 'NV Power Mode: 15W'; cat {0}; fi\n",
                mode.display()
            ),
        );
        script(
            "jetson_clocks",
            format!(
                "#!/bin/sh\ncase $1 in --store) cp {0} $2;; --restore) cp $2 {0};; *) echo fixed >{0};; esac\n",
                clocks.display()
            ),
        );
        let jetson = ConditionRules {
            power_mode: Some("0".into()),
            jetson_clocks: true,
            ..ConditionRules::default()
        };
        let machine = MachineSettings::set(root.path(), &journal, &jetson).unwrap();
        assert_eq!((read(&mode).as_str(), read(&clocks).as_str()), ("0", "fixed"));
        drop(machine);
        assert_eq!((read(&mode).as_str(), read(&clocks).as_str()), ("2", "free"));
    }
}
