//! One number in one file of a sensor, and why there is none.

use paring_core::schema::MissingReason;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The number in a file.
///
/// # Errors
/// [`MissingReason`] names the file, and what to do where the user can do something.
pub(super) fn number(path: &Path) -> Result<i64, MissingReason> {
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    let text = text.trim();
    text.parse().map_err(|_| {
        let start: String = text.chars().take(20).collect();
        MissingReason(format!("{} says `{start}`, which is no number", path.display()))
    })
}

/// Reason that a file cannot be read.
pub(super) fn unreadable(path: &Path, error: &Error) -> MissingReason {
    let shown = path.display();
    MissingReason(match error.kind() {
        ErrorKind::NotFound => format!("no file {shown}"),
        ErrorKind::PermissionDenied => {
            format!("no permission to read {shown}; run as root, or `sudo chmod a+r {shown}`")
        }
        _ => format!("read {shown}: {error}"),
    })
}

/// Entries of a folder whose names begin with `prefix`, in order; none where it cannot be listed.
pub(super) fn entries(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let listed = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = listed
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

/// The last part of a path as text.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Conversion rate of a hardware monitor (`update_interval` or one of its own files, in milliseconds),
/// or ten times a second where it does not say. No sensor is read more than a hundred times a second.
pub(super) fn update_interval(folder: &Path, own: Option<&str>) -> Duration {
    let files = own.into_iter().chain(["update_interval"]);
    let mut said = files.filter_map(|file| u64::try_from(number(&folder.join(file)).ok()?).ok());
    let said = said.next();
    Duration::from_millis(said.unwrap_or(100).clamp(10, 60_000))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Writes files of a simulated machine, each as a whole, as the kernel shows them.
    pub(in crate::sensors::energy) fn write(root: &Path, files: &[(&str, &str)]) {
        for (name, content) in files {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let aside = path.with_extension("new");
            std::fs::write(&aside, content).unwrap();
            std::fs::rename(aside, path).unwrap();
        }
    }

    #[test]
    fn every_failure_has_its_reason() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("energy_uj");
        let says = |expected: &str| {
            let MissingReason(reason) = number(&path).unwrap_err();
            assert!(reason.contains(expected) && reason.contains("energy_uj"), "{reason}");
        };
        says("no file");
        write(root.path(), &[("energy_uj", "<unsupported>\n")]);
        says("says `<unsupported>`, which is no number");
        write(root.path(), &[("energy_uj", "\n")]);
        says("says ``");
        let denied = unreadable(&path, &Error::from(ErrorKind::PermissionDenied));
        assert!(denied.0.contains("sudo chmod a+r"), "{denied:?}");
        write(root.path(), &[("energy_uj", "  262143328850\n")]);
        assert_eq!(number(&path), Ok(262_143_328_850));
    }
}
