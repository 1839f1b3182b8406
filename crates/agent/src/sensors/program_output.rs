//! Programs that a board brings along (`vcgencmd`, `nvpmodel`): found on the path, or under the root
//! that a test hands in.

use std::path::Path;
use std::process::{Command, Stdio};

/// A command that runs `name`.
pub(super) fn command(root: &Path, name: &str) -> Command {
    let mut command = match root == super::root() {
        true => Command::new(name),
        false => Command::new(root.join("usr/bin").join(name)),
    };
    command.stdin(Stdio::null());
    command
}

/// Standard output of a program; `None` where it cannot be run or fails.
pub(super) fn answer(root: &Path, name: &str, arguments: &[&str]) -> Option<String> {
    let output = command(root, name).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
