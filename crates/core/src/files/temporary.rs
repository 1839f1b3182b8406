//! Names of temporary files, which say that they are ours: what a killed process left can be removed.

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// Prefix of names; letters and digits follow.
const PREFIX: &str = ".paring-";

/// True if a name is one of ours, of this version or an older one.
pub(super) fn is_name(name: &str) -> bool {
    let rest = name.strip_prefix(PREFIX);
    rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric()))
}

/// A new file under a name that nobody has.
pub(super) fn create(folder: &OwnedFd) -> io::Result<(PathBuf, File)> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    loop {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = PathBuf::from(format!("{PREFIX}{}x{number}", std::process::id()));
        // What the process's mask makes of it, not a private mode.
        match openat(folder, &name, flags, Mode::from_raw_mode(0o666)) {
            Ok(file) => return Ok((name, File::from(file))),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn only_our_own_are_recognised() {
        assert!(is_name(".paring-12x3") && is_name(".paring-aB3dEf"));
        assert!(!is_name(".paring-") && !is_name(".paring-notes.txt") && !is_name("paring-12x3"));
    }
}
