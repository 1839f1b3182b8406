//! Settings that a machine had before an agent changed it, as a file beside the journal keeps them, and how
//! it is put back. The file may be a stranger's.

use crate::sensors::{self, ControlError};
use paring_core::files::ConfinedPath;
use paring_core::schema::check_schema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Errors of changing a machine's settings and of putting them back.
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
    /// A file beside a journal asks for something that no agent did.
    #[error(
        "{} is not what an agent of this machine left: {problem}; remove it where nothing has to be put back", path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The problem.
        problem: String,
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

/// The settings that a machine had.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct SavedMachineSettings {
    pub(crate) schema: u32,
    /// The start of the machine that they are of: a file of another machine puts nothing back here,
    /// nor does one from before the last start, which sets governors and clocks anew.
    #[serde(default)]
    pub(crate) boot_id: Option<String>,
    /// Governors, by file.
    #[serde(default)]
    pub(crate) governors: Vec<(PathBuf, String)>,
    /// A Jetson's power mode.
    #[serde(default)]
    pub(crate) power_mode: Option<String>,
    /// The file that `jetson_clocks --store` wrote, beside this one.
    #[serde(default)]
    pub(crate) clocks: Option<PathBuf>,
}

/// The file beside `kept` that clocks are stored in.
pub(crate) fn clocks_file(kept: &ConfinedPath) -> ConfinedPath {
    kept.with_extension("clocks")
}

/// Puts back what a file says, and removes it. A file that was not written to its end was written
/// before anything was changed.
pub(crate) fn restore_settings(root: &Path, kept: &ConfinedPath) -> Result<(), MachineError> {
    let failed = |doing, source| MachineError::Kept { doing, path: kept.to_path_buf(), source };
    let text = match kept.read() {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(failed("read", source)),
    };
    if let Ok(before) = serde_json::from_slice::<SavedMachineSettings>(&text) {
        let newer = |e| failed("read", std::io::Error::other(e));
        check_schema("the machine's former settings", before.schema).map_err(newer)?;
        let unset = |source| MachineError::Restore { path: kept.to_path_buf(), source };
        if before.boot_id.is_some() && before.boot_id != sensors::boot_id(root) {
            return forget(&before, kept);
        }
        let governors = before.verified(root, kept)?;
        if before.clocks.is_some() {
            release_clocks(root, kept)?;
        }
        if let Some(mode) = &before.power_mode {
            sensors::set_power_mode(root, mode).map_err(unset)?;
        }
        for (path, governor) in governors {
            sensors::set_governor(path, governor).map_err(unset)?;
        }
    }
    kept.remove().map_err(|source| failed("remove", source))
}

/// Removes what is of another machine, or of a start before the last: governors and clocks are as the
/// start made them.
fn forget(before: &SavedMachineSettings, kept: &ConfinedPath) -> Result<(), MachineError> {
    let failed = |path: &ConfinedPath| {
        let path = path.to_path_buf();
        |source| MachineError::Kept { doing: "remove", path, source }
    };
    if let Some(mode) = &before.power_mode {
        let mode = mode.escape_debug();
        paring_core::text::note(format_args!(
            "paring: before the last start the power mode was {mode}; it is not put back"
        ));
    }
    let clocks = clocks_file(kept);
    if before.clocks.is_some() && clocks.open().is_ok() {
        clocks.remove().map_err(failed(&clocks))?;
    }
    kept.remove().map_err(failed(kept))
}

/// Puts clocks back from the file that they were stored in, and removes it.
fn release_clocks(root: &Path, kept: &ConfinedPath) -> Result<(), MachineError> {
    let clocks = clocks_file(kept);
    if clocks.open().is_err() {
        return Ok(());
    }
    let unset = |source| MachineError::Restore { path: kept.to_path_buf(), source };
    sensors::release_clocks(root, &clocks).map_err(unset)?;
    let failed =
        |source| MachineError::Kept { doing: "remove", path: clocks.to_path_buf(), source };
    clocks.remove().map_err(failed)
}

impl SavedMachineSettings {
    /// The governors to put back, after everything was found to be what an agent may have left here.
    /// A run directory may be a stranger's, and this file with it: it names no other file than a
    /// processor's governor of this machine and no other value than one of its available governors.
    /// Clocks and a power mode are put back only from this very start of the machine, whose id a
    /// stranger does not know.
    fn verified(
        &self,
        root: &Path,
        kept: &ConfinedPath,
    ) -> Result<&[(PathBuf, String)], MachineError> {
        let foreign =
            |problem: String| Err(MachineError::Foreign { path: kept.to_path_buf(), problem });
        if self.boot_id.is_none() && (self.clocks.is_some() || self.power_mode.is_some()) {
            let problem = "it asks for clocks or a power mode and does not say of which start";
            return foreign(problem.into());
        }
        let number = |mode: &String| mode.len() <= 3 && mode.bytes().all(|b| b.is_ascii_digit());
        if let Some(mode) = self.power_mode.as_ref().filter(|mode| !number(mode)) {
            return foreign(format!("`{}` is no power mode", mode.escape_debug()));
        }
        let here: Vec<PathBuf> =
            sensors::governors(root).into_iter().map(|(path, _)| path).collect();
        for (path, governor) in &self.governors {
            if !here.contains(path) {
                return foreign(format!("{} is no governor of this machine", path.display()));
            }
            if !sensors::available_governors(path).contains(governor) {
                let governor = governor.escape_debug();
                return foreign(format!("{} has no governor `{governor}`", path.display()));
            }
        }
        Ok(&self.governors)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn write(root: &Path, file: &str, text: &str) -> PathBuf {
        let path = root.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A tree of two processors with governors.
    pub(crate) fn board() -> (tempfile::TempDir, [PathBuf; 2], PathBuf) {
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

    pub(crate) fn read(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap().trim().to_string()
    }

    /// A file beside a journal that a stranger wrote, and files elsewhere that it aims at.
    #[track_caller]
    fn refused(before: serde_json::Value, expected: &str) {
        let (root, governors, _) = board();
        let elsewhere = tempfile::tempdir().unwrap();
        let target = write(elsewhere.path(), "target", "theirs");
        write(elsewhere.path(), "scaling_governor", "theirs");
        write(elsewhere.path(), "scaling_available_governors", "evil");
        let text = before.to_string().replace("ELSEWHERE", elsewhere.path().to_str().unwrap());
        let text = text.replace("ROOT", root.path().to_str().unwrap());
        let kept = write(root.path(), "blocks.machine.json", &text);
        let found = restore_settings(root.path(), &ConfinedPath::file(&kept)).unwrap_err();
        let found = format!("{:#}", anyhow::Error::from(found));
        assert!(found.contains(expected), "{found}");
        assert_eq!(read(&target), "theirs");
        assert_eq!(read(&elsewhere.path().join("scaling_governor")), "theirs");
        assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 3);
        assert!(governors.iter().all(|path| read(path) == "ondemand"));
        assert!(kept.exists(), "it is not ours to remove");
    }

    #[test]
    fn a_stranger_s_file_changes_and_removes_nothing() {
        let cpu = "ROOT/sys/devices/system/cpu/cpu0/cpufreq";
        for path in [
            "ELSEWHERE/target".to_string(),
            "ELSEWHERE/scaling_governor".to_string(),
            format!("{cpu}/../../../../../../../ELSEWHERE/scaling_governor"),
            format!("{cpu}/scaling_available_governors"),
        ] {
            let before = serde_json::json!({ "schema": 1, "governors": [[path, "evil"]] });
            refused(before, "is no governor of this machine");
        }
        let value = |governor: &str| {
            let governors = [[format!("{cpu}/scaling_governor"), governor.to_string()]];
            serde_json::json!({ "schema": 1, "governors": governors })
        };
        refused(value("evil"), "has no governor `evil`");
        refused(value(""), "has no governor ``");
        let clocks = serde_json::json!({ "schema": 1, "clocks": "ELSEWHERE/target" });
        refused(clocks, "does not say of which start");
        let mode = serde_json::json!({ "schema": 1, "power_mode": "0" });
        refused(mode, "does not say of which start");
    }

    #[test]
    fn nothing_is_put_back_of_another_machine_or_start() {
        let (root, governors, _) = board();
        write(root.path(), "proc/sys/kernel/random/boot_id", "this one\n");
        let clocks = write(root.path(), "blocks.machine.clocks", "theirs");
        let theirs = write(root.path(), "theirs", "theirs");
        let before = serde_json::json!({
            "schema": 1, "boot_id": "another", "power_mode": "0", "clocks": theirs,
            "governors": [[governors[0], "powersave"], [theirs, "evil"]],
        });
        let kept = write(root.path(), "blocks.machine.json", &before.to_string());
        restore_settings(root.path(), &ConfinedPath::file(&kept)).unwrap();
        assert!(governors.iter().all(|path| read(path) == "ondemand"));
        assert_eq!(read(&theirs), "theirs");
        assert!(!kept.exists() && !clocks.exists());
    }
}
