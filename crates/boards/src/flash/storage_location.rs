//! The location of the bytes behind a path, so that two paths to the same ones are found out: links, hard
//! links, a partition and its disk, a loop device and its file.

use super::FlashError;
use paring_agent::sensors;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The location of bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum StorageLocation {
    /// In a file, by device and inode.
    File(u64, u64),
    /// On a whole disk, by the kernel's name.
    Disk(String),
    /// Nowhere that could be read twice.
    Elsewhere,
}

impl StorageLocation {
    /// The location of the bytes behind a path. `root` stands for `/` where disks are listed.
    pub(super) fn of(root: &Path, path: &Path) -> Result<StorageLocation, FlashError> {
        let metadata = std::fs::metadata(path).map_err(FlashError::io("look at", path))?;
        if metadata.is_file() {
            return Ok(StorageLocation::File(metadata.dev(), metadata.ino()));
        }
        if !metadata.file_type().is_block_device() {
            return Ok(StorageLocation::Elsewhere);
        }
        let node = std::fs::canonicalize(path).map_err(FlashError::io("find", path))?;
        let name = node.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let disk = sensors::disks(root).into_iter().find(|disk| {
            disk.name == name || disk.partitions.iter().any(|(part, _)| *part == name)
        });
        let behind = disk.as_ref().and_then(|disk| disk.backing.as_deref());
        if let Some(file) = behind.and_then(|file| std::fs::metadata(file).ok()) {
            return Ok(StorageLocation::File(file.dev(), file.ino()));
        }
        Ok(StorageLocation::Disk(disk.map_or(name, |disk| disk.name)))
    }
}

/// Refuses to write to `path` while any of `sources` is read, where they are the same bytes.
///
/// # Errors
/// [`FlashError::SameStorage`] names both.
pub(super) fn refuse_same(root: &Path, sources: &[&Path], path: &Path) -> Result<(), FlashError> {
    let destination = StorageLocation::of(root, path)?;
    for source in sources {
        if destination != StorageLocation::Elsewhere
            && StorageLocation::of(root, source)? == destination
        {
            return Err(FlashError::SameStorage {
                source_path: PathBuf::from(source),
                path: path.to_path_buf(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_link_to_the_same_bytes_is_found_out() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("a"), "image").unwrap();
        std::fs::write(at("b"), "image").unwrap();
        std::fs::hard_link(at("a"), at("hard")).unwrap();
        std::os::unix::fs::symlink(at("a"), at("soft")).unwrap();
        let refused = |source: &str| refuse_same(Path::new("/"), &[&at(source)], &at("a")).is_err();
        assert!(refused("a") && refused("hard") && refused("soft"));
        assert!(!refused("b"));
    }
}
