//! Settings of the machine that a job asks for: written, verified, and put back at the end. What was
//! there before is kept in a file beside the journal first, so that an agent that was killed is made
//! good for by the next one.

use crate::probe::{self, ControlError};
use crate::record::{ConditionRules, SCHEMA, check_schema};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Why a machine's settings could not be changed or put back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MachineError {
    /// A setting cannot be made.
    #[error("set this machine as the study asks")]
    Set(#[source] ControlError),
    /// A setting cannot be put back.
    #[error("put back what {} says that this machine had", path.display())]
    Restore {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: ControlError,
    },
    /// The file that keeps the former settings cannot be written or read.
    #[error("{doing} {}", path.display())]
    Kept {
        /// `write`, `read`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

/// What a machine had before.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Before {
    schema: u32,
    /// Governors, by file.
    #[serde(default)]
    governors: Vec<(PathBuf, String)>,
    /// A Jetson's power mode.
    #[serde(default)]
    power_mode: Option<String>,
    /// The file that `jetson_clocks --store` wrote.
    #[serde(default)]
    clocks: Option<PathBuf>,
}

/// A machine that was set; it is put back when this is dropped.
#[derive(Debug)]
pub(super) struct Machine {
    root: PathBuf,
    kept: PathBuf,
    set: bool,
}

impl Machine {
    /// Puts back what a killed agent left, then sets what `rules` ask for. `journal` says where the
    /// former settings are kept.
    ///
    /// # Errors
    /// [`MachineError`]; what had been set is put back then.
    pub(super) fn set(
        root: &Path,
        journal: &Path,
        rules: &ConditionRules,
    ) -> Result<Machine, MachineError> {
        let kept = journal.with_extension("machine.json");
        restore(root, &kept)?;
        let asked = rules.governor.is_some() || rules.power_mode.is_some() || rules.jetson_clocks;
        let mut machine = Machine { root: root.to_path_buf(), kept, set: asked };
        if asked {
            machine.change(rules)?;
        }
        Ok(machine)
    }

    fn change(&mut self, rules: &ConditionRules) -> Result<(), MachineError> {
        let root = self.root.clone();
        let mut before = Before { schema: SCHEMA, ..Before::default() };
        if rules.governor.is_some() {
            before.governors = probe::governors(&root);
            if before.governors.is_empty() {
                return Err(MachineError::Set(ControlError::Absent("frequency governor")));
            }
        }
        if rules.power_mode.is_some() {
            let absent = || MachineError::Set(ControlError::Absent("nvpmodel power mode"));
            before.power_mode = Some(probe::power_mode(&root).ok_or_else(absent)?);
        }
        if rules.jetson_clocks {
            before.clocks = Some(self.kept.with_extension("clocks"));
        }
        self.keep(&before)?;
        // A power mode resets governors and clocks: it goes first.
        if let Some(mode) = &rules.power_mode {
            probe::set_power_mode(&root, mode).map_err(MachineError::Set)?;
        }
        for (path, _) in &before.governors {
            let governor = rules.governor.as_deref().unwrap_or_default();
            probe::set_governor(path, governor).map_err(MachineError::Set)?;
        }
        match &before.clocks {
            Some(kept) => probe::fix_clocks(&root, kept).map_err(MachineError::Set),
            None => Ok(()),
        }
    }

    /// Before anything is changed, it is on the disk how it was.
    fn keep(&self, before: &Before) -> Result<(), MachineError> {
        let failed =
            |source| MachineError::Kept { doing: "write", path: self.kept.clone(), source };
        let mut file = std::fs::File::create(&self.kept).map_err(failed)?;
        let text = serde_json::to_vec(before).map_err(|e| failed(e.into()))?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(failed)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if self.set
            && let Err(error) = restore(&self.root, &self.kept)
        {
            // The file stays: the next start tries again.
            crate::text::note(format_args!("paring: {:#}", anyhow::Error::from(error)));
        }
    }
}

/// Puts back what a file says, and removes it. A file that was not written to its end was written
/// before anything was changed.
fn restore(root: &Path, kept: &Path) -> Result<(), MachineError> {
    let failed = |doing, source| MachineError::Kept { doing, path: kept.to_path_buf(), source };
    let text = match std::fs::read(kept) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(failed("read", source)),
    };
    if let Ok(before) = serde_json::from_slice::<Before>(&text) {
        let newer = |e| failed("read", std::io::Error::other(e));
        check_schema("the machine's former settings", before.schema).map_err(newer)?;
        let unset = |source| MachineError::Restore { path: kept.to_path_buf(), source };
        if let Some(clocks) = before.clocks.filter(|clocks| clocks.exists()) {
            probe::release_clocks(root, &clocks).map_err(unset)?;
            std::fs::remove_file(&clocks).map_err(|source| failed("remove", source))?;
        }
        if let Some(mode) = &before.power_mode {
            probe::set_power_mode(root, mode).map_err(unset)?;
        }
        for (path, governor) in &before.governors {
            probe::set_governor(path, governor).map_err(unset)?;
        }
    }
    std::fs::remove_file(kept).map_err(|source| failed("remove", source))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn write(root: &Path, file: &str, text: &str) -> PathBuf {
        let path = root.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A tree of two processors with governors.
    fn board() -> (tempfile::TempDir, [PathBuf; 2], PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let governors = ["cpu0", "cpu1"].map(|cpu| {
            let folder = format!("sys/devices/system/cpu/{cpu}/cpufreq");
            let available = format!("{folder}/scaling_available_governors");
            write(root.path(), &available, "ondemand performance powersave\n");
            write(root.path(), &format!("{folder}/scaling_governor"), "ondemand\n")
        });
        write(root.path(), "sys/devices/system/cpu/cpufreq/policy0/scaling_governor", "ondemand\n");
        let journal = root.path().join("blocks.jsonl");
        (root, governors, journal)
    }

    fn rules() -> ConditionRules {
        ConditionRules { governor: Some("performance".into()), ..ConditionRules::default() }
    }

    fn read(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap().trim().to_string()
    }

    #[test]
    fn a_governor_is_set_and_put_back() {
        let (root, governors, journal) = board();
        let machine = Machine::set(root.path(), &journal, &rules()).unwrap();
        assert!(governors.iter().all(|path| read(path) == "performance"));
        drop(machine);
        assert!(governors.iter().all(|path| read(path) == "ondemand"));
        assert!(!journal.with_extension("machine.json").exists());
    }

    #[test]
    fn what_a_killed_agent_left_is_put_back_on_the_next_start() {
        let (root, governors, journal) = board();
        let machine = Machine::set(root.path(), &journal, &rules()).unwrap();
        // Killed: nothing is dropped.
        std::mem::forget(machine);
        assert_eq!(read(&governors[1]), "performance");
        let none = ConditionRules::default();
        drop(Machine::set(root.path(), &journal, &none).unwrap());
        assert!(governors.iter().all(|path| read(path) == "ondemand"));
    }

    #[test]
    fn what_cannot_be_set_is_named_and_nothing_stays_changed() {
        let (root, governors, journal) = board();
        let unknown = ConditionRules { governor: Some("fast".into()), ..rules() };
        let error = Machine::set(root.path(), &journal, &unknown).unwrap_err();
        assert_eq!(
            format!("{:#}", anyhow::Error::from(error)),
            "set this machine as the study asks: governor `fast` is not available; this machine has ondemand, performance, powersave"
        );
        assert_eq!(read(&governors[0]), "ondemand");
        let jetson = ConditionRules { power_mode: Some("0".into()), ..ConditionRules::default() };
        let error = Machine::set(root.path(), &journal, &jetson).unwrap_err();
        let said = format!("{:#}", anyhow::Error::from(error));
        assert!(said.ends_with("this machine has no nvpmodel power mode"), "{said}");
    }

    #[test]
    fn a_jetson_s_mode_and_clocks_are_set_and_put_back() {
        let (root, _, journal) = board();
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
        let machine = Machine::set(root.path(), &journal, &jetson).unwrap();
        assert_eq!((read(&mode).as_str(), read(&clocks).as_str()), ("0", "fixed"));
        drop(machine);
        assert_eq!((read(&mode).as_str(), read(&clocks).as_str()), ("2", "free"));
    }
}
