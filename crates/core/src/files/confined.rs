//! Paths that cannot leave a directory: every file of a run is opened component by component from the
//! run directory on, no link is followed, and only regular files are opened.
//!
//! Who was handed a run directory by somebody else does not write outside it, whatever lies in it.

use super::temporary;
use crate::schema::Sha256Hex;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, fstat, mkdirat, openat, renameat, unlinkat};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::Deref;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

/// A path below a directory that nothing done with it can leave.
///
/// As a [`Path`] it is the whole path, for messages and for readers that take one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfinedPath {
    root: PathBuf,
    below: PathBuf,
    whole: PathBuf,
}

impl Deref for ConfinedPath {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.whole
    }
}

impl AsRef<Path> for ConfinedPath {
    fn as_ref(&self) -> &Path {
        &self.whole
    }
}

impl ConfinedPath {
    /// The directory itself. It may be reached over links: whoever names it knows where it lies.
    pub fn root(root: &Path) -> ConfinedPath {
        let (root, below) = (root.to_path_buf(), PathBuf::new());
        ConfinedPath { whole: root.clone(), root, below }
    }

    /// A file in the folder that holds it.
    pub fn file(path: &Path) -> ConfinedPath {
        let name = path.file_name().unwrap_or_default();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        ConfinedPath {
            root: folder.unwrap_or(Path::new(".")).to_path_buf(),
            below: name.into(),
            whole: path.to_path_buf(),
        }
    }

    /// The path below it.
    pub fn join(&self, part: impl AsRef<Path>) -> ConfinedPath {
        let part = part.as_ref();
        ConfinedPath {
            root: self.root.clone(),
            below: self.below.join(part),
            whole: self.whole.join(part),
        }
    }

    /// The path with another extension, in the same folder.
    pub fn with_extension(&self, extension: &str) -> ConfinedPath {
        ConfinedPath {
            root: self.root.clone(),
            below: self.below.with_extension(extension),
            whole: self.whole.with_extension(extension),
        }
    }

    /// The whole content.
    ///
    /// # Errors
    /// Those of the file system, and of a link or what is no regular file on the way.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open()?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Opens the file for reading.
    ///
    /// # Errors
    /// Those of [`ConfinedPath::read`].
    pub fn open(&self) -> io::Result<File> {
        self.open_with(OFlags::RDONLY, false)
    }

    /// Opens or creates the file for reading and writing in place.
    ///
    /// # Errors
    /// Those of [`ConfinedPath::read`], and of a file that has a second name elsewhere, which would
    /// change as well.
    pub fn open_to_write(&self) -> io::Result<File> {
        self.open_in_place(OFlags::empty())
    }

    /// [`ConfinedPath::open_to_write`] at the end, wherever that is when something is written.
    ///
    /// # Errors
    /// Those of [`ConfinedPath::open_to_write`].
    pub fn open_to_append(&self) -> io::Result<File> {
        self.open_in_place(OFlags::APPEND)
    }

    fn open_in_place(&self, flags: OFlags) -> io::Result<File> {
        let file = self.open_with(OFlags::RDWR | OFlags::CREATE | flags, true)?;
        match fstat(&file)?.st_nlink {
            0 | 1 => Ok(file),
            _ => Err(self.refused("has a second name (hard link), which would change as well")),
        }
    }

    /// The digest of the content.
    ///
    /// # Errors
    /// Those of [`ConfinedPath::read`].
    pub fn sha256(&self) -> io::Result<Sha256Hex> {
        Sha256Hex::of_reader(self.open()?)
    }

    /// True if a regular file or a folder lies there and no link leads to it.
    pub fn exists(&self) -> bool {
        self.open_with(OFlags::RDONLY, false).is_ok() || self.folder(false).is_ok()
    }

    /// Creates the folder and those above it, the directory itself included.
    ///
    /// # Errors
    /// Those of the file system, and of a link or a file on the way.
    pub fn create_folder(&self) -> io::Result<()> {
        self.folder(true).map(drop)
    }

    /// Names of what lies in the folder, sorted; none where it does not exist.
    ///
    /// # Errors
    /// Those of the file system, and of a link on the way.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let folder = match self.folder(false) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            other => other?,
        };
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&folder)? {
            let name = entry?.file_name().to_bytes().to_vec();
            match String::from_utf8(name) {
                Ok(name) if name == "." || name == ".." => {}
                Ok(name) => names.push(name),
                Err(_) => return Err(self.refused("holds a name that is no UTF-8")),
            }
        }
        names.sort();
        Ok(names)
    }

    /// Writes under a temporary name in the same folder, syncs, and renames: whoever reads sees the old
    /// content or the new, also after a power cut. Folders are created where they do not exist; a link
    /// of this name is replaced, not followed.
    ///
    /// # Errors
    /// Those of the file system; an existing file stays as it was.
    pub fn replace(&self, content: &[u8]) -> io::Result<()> {
        let (folder, name) = self.split(true)?;
        let (temporary, mut file) = temporary::create(&folder)?;
        let written = file.write_all(content).and_then(|()| file.sync_all());
        let placed = written.and_then(|()| Ok(renameat(&folder, &temporary, &folder, &name)?));
        if placed.is_err() {
            // What is left over is removed when the run is next opened.
            let _ = unlinkat(&folder, &temporary, AtFlags::empty());
        }
        placed
    }

    /// Removes the file, or the link itself.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn remove(&self) -> io::Result<()> {
        let (folder, name) = self.split(false)?;
        Ok(unlinkat(&folder, &name, AtFlags::empty())?)
    }

    /// Every regular file below the folder, as paths relative to it with `/`, sorted.
    ///
    /// # Errors
    /// Those of the file system; a link, a device, a socket or a pipe is refused by name.
    pub fn files(&self) -> io::Result<Vec<String>> {
        let (mut found, mut folders) = (Vec::new(), vec![String::new()]);
        while let Some(prefix) = folders.pop() {
            for name in self.join(&prefix).names()? {
                let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
                match self.join(&path).kind()? {
                    FileType::Directory => folders.push(path),
                    FileType::RegularFile => found.push(path),
                    _ => return Err(self.join(&path).not_regular()),
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// True if the name is that of a temporary file of ours.
    pub fn is_temporary(&self) -> bool {
        let name = self.whole.file_name().and_then(|name| name.to_str());
        name.is_some_and(temporary::is_name)
    }

    fn kind(&self) -> io::Result<FileType> {
        let (folder, name) = self.split(false)?;
        let found = rustix::fs::statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(FileType::from_raw_mode(found.st_mode))
    }

    fn open_with(&self, flags: OFlags, create: bool) -> io::Result<File> {
        let (folder, name) = self.split(create)?;
        // A pipe would block whoever opens it.
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let found = openat(&folder, &name, flags, Mode::from_raw_mode(0o666));
        let file = found.map_err(|error| self.explained(error))?;
        match FileType::from_raw_mode(fstat(&file)?.st_mode) {
            FileType::RegularFile => Ok(File::from(file)),
            FileType::Directory => Err(io::ErrorKind::IsADirectory.into()),
            _ => Err(self.not_regular()),
        }
    }

    /// The folder that holds the path, and the path's name in it.
    fn split(&self, create: bool) -> io::Result<(OwnedFd, PathBuf)> {
        let name = self.below.file_name().ok_or_else(|| self.outside())?;
        let folder = ConfinedPath {
            root: self.root.clone(),
            below: self.below.parent().unwrap_or(Path::new("")).to_path_buf(),
            whole: self.whole.parent().unwrap_or(Path::new(".")).to_path_buf(),
        };
        Ok((folder.folder(create)?, name.into()))
    }

    /// Opens the path as a folder.
    fn folder(&self, create: bool) -> io::Result<OwnedFd> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        if create {
            std::fs::create_dir_all(&self.root)?;
        }
        let root = if self.root.as_os_str().is_empty() { Path::new(".") } else { &self.root };
        let mut folder = openat(rustix::fs::CWD, root, flags, Mode::empty())?;
        for part in self.below.components() {
            let Component::Normal(part) = part else { return Err(self.outside()) };
            if create {
                match mkdirat(&folder, part, Mode::from_raw_mode(0o777)) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            let next = openat(&folder, part, flags | OFlags::NOFOLLOW, Mode::empty());
            folder = next.map_err(|error| self.explained(error))?;
        }
        Ok(folder)
    }

    fn explained(&self, error: Errno) -> io::Error {
        let link = |path: &Path| path.symlink_metadata().is_ok_and(|found| found.is_symlink());
        match error {
            Errno::LOOP | Errno::NOTDIR => {
                let mut way = self.whole.ancestors().take(self.below.components().count());
                match way.find(|path| link(path)) {
                    Some(path) if path == self.whole => self.not_regular(),
                    Some(path) => io::Error::other(format!(
                        "{} is a link, which is not followed; put what it points to in its place",
                        path.display()
                    )),
                    None => error.into(),
                }
            }
            Errno::NXIO => self.not_regular(),
            other => other.into(),
        }
    }

    fn not_regular(&self) -> io::Error {
        let found = self.whole.symlink_metadata();
        match found.is_ok_and(|found| found.is_symlink()) {
            true => {
                self.refused("is a link, which is not followed; put what it points to in its place")
            }
            false => self.refused("is no regular file"),
        }
    }

    fn outside(&self) -> io::Error {
        self.refused("leads outside the run directory")
    }

    fn refused(&self, what: &str) -> io::Error {
        io::Error::other(format!("{} {what}", self.whole.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A directory with a file beside it that nothing may touch.
    fn world() -> (tempfile::TempDir, ConfinedPath, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let outside = folder.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("file"), "theirs").unwrap();
        let run = folder.path().join("run");
        std::fs::create_dir(&run).unwrap();
        (folder, ConfinedPath::root(&run), outside)
    }

    #[track_caller]
    fn untouched(outside: &Path) {
        assert_eq!(std::fs::read(outside.join("file")).unwrap(), b"theirs");
        assert_eq!(std::fs::read_dir(outside).unwrap().count(), 1);
    }

    #[test]
    fn replaces_and_leaves_nothing_beside_it() {
        let (_folder, run, _) = world();
        let path = run.join("deep/er").join("file");
        path.replace(b"one").unwrap();
        path.replace(b"two").unwrap();
        assert_eq!(path.read().unwrap(), b"two");
        assert_eq!(run.files().unwrap(), ["deep/er/file"]);
    }

    #[test]
    fn no_name_leads_outside() {
        let (_folder, run, outside) = world();
        let whole = outside.join("file");
        for name in ["../outside/file", "a/../../outside/file", whole.to_str().unwrap()] {
            let path = run.join(name);
            let refused = path.replace(b"ours").unwrap_err().to_string();
            assert!(refused.contains("outside the run directory"), "{refused}");
            assert!(path.read().is_err() && path.open_to_write().is_err(), "{name}");
            assert!(path.remove().is_err() && !path.exists(), "{name}");
            untouched(&outside);
        }
    }

    #[test]
    fn no_link_is_followed() {
        let (_folder, run, outside) = world();
        symlink(&outside, run.join("folder")).unwrap();
        symlink(outside.join("file"), run.join("file")).unwrap();
        symlink(outside.join("new"), run.join("dangling")).unwrap();
        for name in ["folder/file", "file", "dangling"] {
            let refused = run.join(name).open_to_write().unwrap_err().to_string();
            assert!(refused.contains("is a link"), "{name}: {refused}");
            assert!(run.join(name).read().is_err(), "{name}");
        }
        assert!(run.join("folder/file").replace(b"ours").is_err());
        assert!(run.join("folder/file").remove().is_err());
        assert!(run.join("folder/new").create_folder().is_err());
        assert!(run.files().unwrap_err().to_string().contains("is a link"));
        run.join("file").replace(b"ours").unwrap();
        assert_eq!(run.join("file").read().unwrap(), b"ours");
        untouched(&outside);
    }

    #[test]
    fn a_second_name_is_not_written_through() {
        let (_folder, run, outside) = world();
        std::fs::hard_link(outside.join("file"), run.join("file")).unwrap();
        let refused = run.join("file").open_to_write().unwrap_err().to_string();
        assert!(refused.contains("hard link"), "{refused}");
        run.join("file").replace(b"ours").unwrap();
        untouched(&outside);
    }
}
