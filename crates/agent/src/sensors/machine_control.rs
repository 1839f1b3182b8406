//! Settings of a machine that a measurement may ask for: frequency governor, a Jetson's power mode
//! and its clocks. Each is read back after it was written.

use super::{first_line, program_output};
use rustix::fs::{Access, access};
use std::path::{Path, PathBuf};

/// Errors of settings of a machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// The machine has no such setting.
    #[error("this machine has no {0}")]
    Absent(&'static str),
    /// The setting has other values.
    #[error("governor `{wanted}` is not available; this machine has {known}")]
    Governor {
        /// The requested name.
        wanted: String,
        /// Known names.
        known: String,
    },
    /// The file cannot be written.
    #[error("write {}; setting it usually needs root", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A program failed.
    #[error("`{program}` failed: {said}")]
    Program {
        /// The program and its arguments.
        program: String,
        /// Its words.
        said: String,
    },
    /// It was written, and reads back otherwise.
    #[error("{what} was set to `{wanted}` and reads back as `{found}`")]
    Unchanged {
        /// The setting.
        what: String,
        /// The written text.
        wanted: String,
        /// The present value.
        found: String,
    },
}

/// The governor of every processor that has one: its file and its value.
pub fn governors(root: &Path) -> Vec<(PathBuf, String)> {
    let Ok(entries) = std::fs::read_dir(root.join("sys/devices/system/cpu")) else {
        return vec![];
    };
    let mut found: Vec<(PathBuf, String)> = entries
        .flatten()
        .filter_map(|entry| {
            let path = entry.path().join("cpufreq/scaling_governor");
            let name = entry.file_name();
            let number = name.to_str()?.strip_prefix("cpu")?;
            (!number.is_empty() && number.chars().all(|c| c.is_ascii_digit())).then_some(())?;
            first_line(&path).map(|governor| (path, governor))
        })
        .collect();
    found.sort();
    found
}

/// True if this user may set the governor of every processor; `None` where there is none.
pub(super) fn governor_settable(root: &Path) -> Option<bool> {
    let all = governors(root);
    let settable = |(path, _): &(PathBuf, String)| access(path, Access::WRITE_OK).is_ok();
    (!all.is_empty()).then(|| all.iter().all(settable))
}

/// Id of this start of the machine: no other machine and no other start has it.
pub fn boot_id(root: &Path) -> Option<String> {
    first_line(&root.join("proc/sys/kernel/random/boot_id"))
}

/// Governors that the processor of a governor's file can have.
pub fn available_governors(path: &Path) -> Vec<String> {
    let known = first_line(&path.with_file_name("scaling_available_governors"));
    known.iter().flat_map(|known| known.split_whitespace()).map(str::to_string).collect()
}

/// Writes a governor and reads it back.
///
/// # Errors
/// [`ControlError`] names the file, or the governors that there are.
pub fn set_governor(path: &Path, wanted: &str) -> Result<(), ControlError> {
    let known = available_governors(path);
    if !known.is_empty() && !known.iter().any(|governor| governor == wanted) {
        let known = known.join(", ");
        return Err(ControlError::Governor { wanted: wanted.to_string(), known });
    }
    std::fs::write(path, wanted)
        .map_err(|source| ControlError::Write { path: path.to_path_buf(), source })?;
    let found = first_line(path).unwrap_or_default();
    same(&path.display().to_string(), wanted, &found)
}

/// The number of a Jetson's power mode; `None` on other machines.
///
/// Source: `nvpmodel -q` answers with the mode's name on one line and its number on the next.
pub fn power_mode(root: &Path) -> Option<String> {
    let said = program_output::answer(root, "nvpmodel", &["-q"])?;
    let number = said.lines().map(str::trim).rfind(|line| line.parse::<u32>().is_ok())?;
    Some(number.to_string())
}

/// Sets a Jetson's power mode by number and reads it back.
///
/// # Errors
/// [`ControlError`] says what the program said.
pub fn set_power_mode(root: &Path, wanted: &str) -> Result<(), ControlError> {
    run(root, "nvpmodel", &["-m", wanted])?;
    let found = power_mode(root).ok_or(ControlError::Absent("nvpmodel power mode"))?;
    same("the power mode", wanted, &found)
}

/// Keeps a Jetson's clocks in a file and fixes them at their highest.
///
/// # Errors
/// [`ControlError`] says what the program said.
pub fn fix_clocks(root: &Path, kept: &Path) -> Result<(), ControlError> {
    let kept = kept.display().to_string();
    run(root, "jetson_clocks", &["--store", &kept])?;
    run(root, "jetson_clocks", &[])
}

/// Puts back the clocks that [`fix_clocks`] kept.
///
/// # Errors
/// [`ControlError`] says what the program said.
pub fn release_clocks(root: &Path, kept: &Path) -> Result<(), ControlError> {
    run(root, "jetson_clocks", &["--restore", &kept.display().to_string()])
}

fn run(root: &Path, program: &str, arguments: &[&str]) -> Result<(), ControlError> {
    let failed = |said: String| ControlError::Program {
        program: format!("{program} {}", arguments.join(" ")).trim().to_string(),
        said,
    };
    let output = program_output::command(root, program)
        .args(arguments)
        .output()
        .map_err(|error| failed(error.to_string()))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_string())),
    }
}

fn same(what: &str, wanted: &str, found: &str) -> Result<(), ControlError> {
    match wanted == found {
        true => Ok(()),
        false => Err(ControlError::Unchanged {
            what: what.to_string(),
            wanted: wanted.to_string(),
            found: found.to_string(),
        }),
    }
}
