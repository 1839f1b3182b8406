//! The one folder that tools may reach.

use std::path::{Component, Path, PathBuf};

/// A folder, and paths that stay inside it.
#[derive(Clone, Debug)]
pub(super) struct RootFolder(PathBuf);

impl RootFolder {
    /// The folder at a path.
    ///
    /// # Errors
    /// A sentence that begins with the path.
    pub(super) fn open(path: &Path) -> Result<RootFolder, String> {
        let root = path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))?;
        match root.is_dir() {
            true => Ok(RootFolder(root)),
            false => Err(format!("{} is no folder", path.display())),
        }
    }

    /// The folder itself.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// A file or folder that is there, links followed, inside the folder.
    ///
    /// # Errors
    /// A sentence that names the path as it was given.
    pub(super) fn existing(&self, given: &str) -> Result<PathBuf, String> {
        let found = self.0.join(given).canonicalize();
        let found = found.map_err(|error| format!("{given}: {error}"))?;
        match found.starts_with(&self.0) {
            true => Ok(found),
            false => Err(format!("{given} is outside of {}", self.0.display())),
        }
    }

    /// A folder that is there or can be made in one that is, inside the folder.
    ///
    /// # Errors
    /// A sentence that names the path as it was given.
    pub(super) fn new_folder(&self, given: &str) -> Result<PathBuf, String> {
        let path = Path::new(given);
        if self.0.join(path).symlink_metadata().is_ok() {
            return self.existing(given);
        }
        let name = match path.components().next_back() {
            Some(Component::Normal(name)) => name,
            _ => return Err(format!("{given} names no folder")),
        };
        let parent = path.parent().unwrap_or(Path::new("")).to_string_lossy().into_owned();
        let parent = if parent.is_empty() { ".".to_string() } else { parent };
        Ok(self.existing(&parent)?.join(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_is_reached_by_dots_roots_or_links() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "x").unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("runs")).unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("link")).unwrap();
        let root = RootFolder::open(folder.path()).unwrap();
        assert!(root.existing("runs").is_ok() && root.new_folder("runs/new").is_ok());
        let secret = outside.path().join("secret").to_string_lossy().into_owned();
        for given in ["..", "runs/../..", "/", "link", "link/secret", &secret] {
            let problem = root.existing(given).unwrap_err();
            assert!(problem.contains("is outside of"), "{problem}");
        }
        for given in ["../new", "link/new", "/tmp/new", "link", "", "runs/.."] {
            assert!(root.new_folder(given).is_err() || given == "runs/..", "{given}");
        }
    }
}
