//! Folders as archives: one of this machine packed for a board, and one of a board unpacked as a
//! stranger's.
//!
//! Every file that a board gives goes through [`unpack`]: regular files only, into a fresh folder, with
//! the mode 0644, then each into its place. Nothing of it is a link, so that nothing leads elsewhere.

use crate::TargetError;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use tar::{Archive, Builder, Entry, EntryType, Header};

/// More files than this are no results.
const MOST_FILES: usize = 100_000;
/// Of every file that a board gives.
const MODE: u32 = 0o644;

/// All files below `path`, or `path` itself, with their paths below `to`. Links, which may lead anywhere,
/// and special files are left out; `path` itself may be a link.
///
/// # Errors
/// [`TargetError::File`] where it cannot be read.
pub fn files_below(path: &Path, to: &str) -> Result<Vec<(PathBuf, String)>, TargetError> {
    let failed = || TargetError::file("read", path);
    let metadata = std::fs::metadata(path).map_err(failed())?;
    if metadata.is_file() {
        return Ok(vec![(path.to_path_buf(), to.to_string())]);
    }
    let mut files = Vec::new();
    if metadata.is_dir() {
        let mut entries: Vec<PathBuf> = std::fs::read_dir(path)
            .map_err(failed())?
            .map(|entry| entry.map(|e| e.path()))
            .collect::<Result<_, _>>()
            .map_err(failed())?;
        entries.sort();
        for entry in entries {
            let kind = std::fs::symlink_metadata(&entry).map_err(failed())?.file_type();
            if !kind.is_file() && !kind.is_dir() {
                continue;
            }
            let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.extend(files_below(&entry, &format!("{to}/{name}"))?);
        }
    }
    Ok(files)
}

/// Packs the regular files below a folder, links neither followed nor kept.
///
/// # Errors
/// [`TargetError::File`] where one cannot be read.
pub(super) fn pack(folder: &Path) -> Result<Vec<u8>, TargetError> {
    let mut archive = Builder::new(Vec::new());
    for (path, name) in files_below(folder, ".")? {
        let content = std::fs::read(&path).map_err(TargetError::file("read", &path))?;
        let mut header = Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(MODE);
        header.set_entry_type(EntryType::Regular);
        let added = archive.append_data(&mut header, &name, content.as_slice());
        added.map_err(TargetError::file("pack", &path))?;
    }
    archive.into_inner().map_err(TargetError::file("pack", folder))
}

/// Puts the files of an archive that `board` gave into a folder. Those that stand there are replaced,
/// others stay.
///
/// # Errors
/// [`TargetError::AnswerRefused`] where the archive holds anything but regular files below the folder:
/// then nothing of it is kept. [`TargetError::File`] where a place cannot be written to.
pub(super) fn unpack(archive: impl Read, to: &Path, board: &str) -> Result<(), TargetError> {
    std::fs::create_dir_all(to).map_err(TargetError::file("create", to))?;
    let fresh = tempfile::Builder::new().prefix(".paring-").tempdir_in(to);
    let fresh = fresh.map_err(TargetError::file("make a folder in", to))?;
    let unreadable = |error: std::io::Error| refused(board, &format!("is no archive: {error}"));
    let (mut archive, mut names) = (Archive::new(archive), Vec::new());
    for (index, entry) in archive.entries().map_err(unreadable)?.enumerate() {
        let mut entry = entry.map_err(unreadable)?;
        if index >= MOST_FILES {
            return Err(refused(board, &format!("has more than {MOST_FILES} files")));
        }
        let Some(name) = name_of_file(&entry, board)? else { continue };
        let path = fresh.path().join(&name);
        let folder = path.parent().unwrap_or(fresh.path());
        std::fs::create_dir_all(folder).map_err(TargetError::file("create", folder))?;
        // A name that comes twice is an error, too: nothing that stands there is opened.
        let mut options = OpenOptions::new();
        let mut out = options
            .write(true)
            .create_new(true)
            .mode(MODE)
            .open(&path)
            .map_err(TargetError::file("create", &path))?;
        std::io::copy(&mut entry, &mut out).map_err(TargetError::file("write", &path))?;
        out.set_permissions(Permissions::from_mode(MODE))
            .map_err(TargetError::file("write", &path))?;
        names.push(name);
    }
    names.iter().try_for_each(|name| move_into_place(fresh.path(), to, name))
}

/// The name of an entry that is a regular file; `None` of a folder.
fn name_of_file(entry: &Entry<impl Read>, board: &str) -> Result<Option<PathBuf>, TargetError> {
    let path = entry.path_bytes();
    let path = Path::new(std::ffi::OsStr::from_bytes(&path));
    let shown = path.to_string_lossy().into_owned();
    let kind = match entry.header().entry_type() {
        EntryType::Regular | EntryType::Continuous => None,
        EntryType::Directory | EntryType::XGlobalHeader => return Ok(None),
        EntryType::Symlink => Some("a symbolic link"),
        EntryType::Link => Some("a hard link"),
        EntryType::Fifo => Some("a FIFO"),
        EntryType::Char | EntryType::Block => Some("a device"),
        _ => Some("no regular file"),
    };
    if let Some(kind) = kind {
        return Err(refused(board, &format!("holds `{shown}`, {kind}; only files are taken")));
    }
    let mut name = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => name.push(part),
            Component::CurDir => {}
            _ => return Err(refused(board, &format!("holds `{shown}`, which leads elsewhere"))),
        }
    }
    match name.as_os_str().is_empty() {
        true => Err(refused(board, "holds a file without a name")),
        false => Ok(Some(name)),
    }
}

/// Moves a file to its place. What stands there is replaced, not followed.
fn move_into_place(fresh: &Path, to: &Path, name: &Path) -> Result<(), TargetError> {
    let mut folder = to.to_path_buf();
    for part in name.parent().into_iter().flat_map(Path::components) {
        folder.push(part);
        match std::fs::symlink_metadata(&folder) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => {
                let error = std::io::Error::new(ErrorKind::NotADirectory, "it is no folder");
                return Err(TargetError::file("write below", &folder)(error));
            }
            Err(_) => std::fs::create_dir(&folder).map_err(TargetError::file("create", &folder))?,
        }
    }
    let place = to.join(name);
    std::fs::rename(fresh.join(name), &place).map_err(TargetError::file("write", &place))
}

fn refused(board: &str, problem: &str) -> TargetError {
    TargetError::AnswerRefused { board: board.to_string(), problem: problem.to_string() }
}

/// A file without a name, which is gone when it is closed.
pub(super) fn temporary_file() -> Result<File, TargetError> {
    tempfile::tempfile().map_err(TargetError::file("make a file in", &std::env::temp_dir()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, symlink};

    /// An archive with one entry of each name, kind, mode and link.
    fn archive(entries: &[(&str, EntryType, u32, &str)]) -> Vec<u8> {
        let mut archive = Builder::new(Vec::new());
        for (name, kind, mode, link) in entries {
            let content: &[u8] = if *kind == EntryType::Regular { b"content" } else { b"" };
            let mut header = Header::new_gnu();
            // The builder refuses names that lead upwards; a stranger writes what he likes.
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(content.len() as u64);
            header.set_mode(*mode);
            header.set_entry_type(*kind);
            if !link.is_empty() {
                header.set_link_name(link).unwrap();
            }
            header.set_cksum();
            archive.append(&header, content).unwrap();
        }
        archive.into_inner().unwrap()
    }

    struct Desk {
        folder: tempfile::TempDir,
    }

    impl Desk {
        fn new() -> Desk {
            let desk = Desk { folder: tempfile::tempdir().unwrap() };
            std::fs::create_dir(desk.at("results")).unwrap();
            std::fs::create_dir(desk.at("outside")).unwrap();
            std::fs::write(desk.at("outside/secret"), "untouched").unwrap();
            desk
        }

        fn at(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn unpack(&self, entries: &[(&str, EntryType, u32, &str)]) -> Result<(), String> {
            let done = unpack(archive(entries).as_slice(), &self.at("results"), "desk");
            done.map_err(|e| e.to_string())
        }

        /// Everything that is not in the results is as it was.
        #[track_caller]
        fn unharmed(&self) {
            let names = |name: &str| -> Vec<String> {
                let listed = std::fs::read_dir(self.at(name)).unwrap().flatten();
                let mut all: Vec<String> =
                    listed.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
                all.sort();
                all
            };
            assert_eq!(names(""), ["outside", "results"]);
            assert_eq!(names("outside"), ["secret"]);
            assert_eq!(std::fs::read_to_string(self.at("outside/secret")).unwrap(), "untouched");
        }
    }

    #[test]
    fn a_link_of_one_answer_is_not_there_for_the_next() {
        let desk = Desk::new();
        let outside = desk.at("outside").display().to_string();
        for kind in [EntryType::Symlink, EntryType::Link] {
            let message = desk.unpack(&[("./way", kind, 0o777, &outside)]).unwrap_err();
            assert!(message.contains("`desk`") && message.contains("link"), "{message}");
        }
        assert!(std::fs::read_dir(desk.at("results")).unwrap().next().is_none());
        desk.unpack(&[("./way/secret", EntryType::Regular, 0o644, "")]).unwrap();
        assert!(desk.at("results/way").symlink_metadata().unwrap().is_dir());
        desk.unharmed();
    }

    #[test]
    fn a_link_that_stands_there_already_is_not_followed() {
        let desk = Desk::new();
        symlink(desk.at("outside"), desk.at("results/way")).unwrap();
        symlink(desk.at("outside/secret"), desk.at("results/file")).unwrap();
        let message = desk.unpack(&[("way/secret", EntryType::Regular, 0o644, "")]).unwrap_err();
        assert!(message.contains("write below"), "{message}");
        desk.unpack(&[("file", EntryType::Regular, 0o644, "")]).unwrap();
        assert!(desk.at("results/file").symlink_metadata().unwrap().is_file());
        desk.unharmed();
    }

    #[test]
    fn ways_out_and_special_files_are_refused_and_nothing_is_kept() {
        let desk = Desk::new();
        for (name, kind) in [
            ("../outside/secret", EntryType::Regular),
            ("/tmp/paring-was-here", EntryType::Regular),
            ("a/../../outside/secret", EntryType::Regular),
            ("pipe", EntryType::Fifo),
            ("disk", EntryType::Block),
            ("tty", EntryType::Char),
            ("holes", EntryType::GNUSparse),
        ] {
            let before = ("./before", EntryType::Regular, 0o644, "");
            let message = desk.unpack(&[before, (name, kind, 0o644, "")]).unwrap_err();
            assert!(message.contains("`desk`"), "{name}: {message}");
            assert!(std::fs::read_dir(desk.at("results")).unwrap().next().is_none(), "{name}");
        }
        assert!(!Path::new("/tmp/paring-was-here").exists());
        desk.unharmed();
    }

    #[test]
    fn no_program_and_no_setuid_file_arrives() {
        let desk = Desk::new();
        desk.unpack(&[("new/estimates.json", EntryType::Regular, 0o6777, "")]).unwrap();
        let found = desk.at("results/new/estimates.json").metadata().unwrap();
        assert_eq!((found.mode() & 0o7777, found.nlink()), (0o644, 1));
        let packed = pack(&desk.at("results")).unwrap();
        let again = desk.at("results/again");
        unpack(packed.as_slice(), &again, "desk").unwrap();
        assert_eq!(std::fs::read(again.join("new/estimates.json")).unwrap(), b"content");
    }
}
