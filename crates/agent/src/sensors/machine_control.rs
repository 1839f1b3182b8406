//! Settings of a machine that a measurement may ask for: frequency governor, a Jetson's power mode
//! and its clocks, each read back after it was written; and those that make figures unsteady.

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

/// Settings that make figures unsteady, and what runs beside; `None` where the system does not tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SteadinessSettings {
    /// True where the clock may go beyond its nominal frequency.
    pub boost: Option<bool>,
    /// The command that switches that off.
    pub boost_off: Option<&'static str>,
    /// True where two threads share a core (SMT, Hyper-Threading).
    pub shared_cores: Option<bool>,
    /// Programs that ran in the last minute, on average.
    pub load: Option<f64>,
    /// Emulators that start programs of boards' architectures, as `binfmt_misc` names them.
    pub emulators: Vec<&'static str>,
}

/// Reads the settings below `root`, which stands for `/`.
pub fn steadiness_settings(root: &Path) -> SteadinessSettings {
    let read = |path: &str| first_line(&root.join(path));
    let switches = [
        (
            "sys/devices/system/cpu/intel_pstate/no_turbo",
            "0",
            "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo",
        ),
        (
            "sys/devices/system/cpu/cpufreq/boost",
            "1",
            "echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost",
        ),
    ];
    let found = switches.iter().find_map(|(path, on, off)| Some((read(path)? == *on, *off)));
    let load = read("proc/loadavg");
    let load = load.and_then(|line| line.split_whitespace().next()?.parse().ok());
    let emulators = ["qemu-aarch64", "qemu-arm"].into_iter();
    let folder = root.join("proc/sys/fs/binfmt_misc");
    SteadinessSettings {
        boost: found.map(|(on, _)| on),
        boost_off: found.map(|(_, off)| off),
        shared_cores: read("sys/devices/system/cpu/smt/active").map(|active| active == "1"),
        load,
        emulators: emulators.filter(|name| folder.join(name).exists()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_make_figures_unsteady_are_read() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(steadiness_settings(root.path()), SteadinessSettings::default());
        let files = [
            ("sys/devices/system/cpu/intel_pstate/no_turbo", "0\n"),
            ("sys/devices/system/cpu/smt/active", "1\n"),
            ("proc/loadavg", "2.51 1.00 0.50 3/200 4711\n"),
            ("proc/sys/fs/binfmt_misc/qemu-arm", "enabled\n"),
        ];
        for (path, content) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let found = steadiness_settings(root.path());
        let flags = (found.boost, found.shared_cores, found.load);
        assert_eq!(flags, (Some(true), Some(true), Some(2.51)));
        assert!(found.boost_off.unwrap().contains("intel_pstate/no_turbo"));
        assert_eq!(found.emulators, ["qemu-arm"]);
    }
}
