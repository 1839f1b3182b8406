//! Files of a FAT partition of an image, read and written without mounting it.

use super::FlashError;
use super::partition_table::{DiskPartition, PartitionWindow};
use paring_core::guard::catch_panic;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::path::Path;

/// The operation named where reading files of a FAT partition fails.
const READ: &str = "read the FAT partition of";
/// The root folder of a boot partition has some dozens.
const MOST_ENTRIES: usize = 65_536;
/// The kernel's command line has some hundred bytes.
const MOST_TEXT: u64 = 1 << 20;

/// A FAT partition of an image. Its library panics at some images: every call is guarded, and so is the
/// last one, which is made when this is dropped.
pub(super) struct FatPartition<'a> {
    path: &'a Path,
    /// `None` once it was closed.
    files: Option<FileSystem>,
}

type FileSystem = fatfs::FileSystem<PartitionWindow>;

impl<'a> FatPartition<'a> {
    /// Opens a partition to change its files.
    pub(super) fn open(path: &'a Path, partition: &DiskPartition) -> Result<Self, FlashError> {
        FatPartition::mount(path, partition, OpenOptions::new().read(true).write(true))
    }

    /// Opens a partition of an image that stays as it is.
    pub(super) fn open_to_read(
        path: &'a Path,
        partition: &DiskPartition,
    ) -> Result<Self, FlashError> {
        FatPartition::mount(path, partition, OpenOptions::new().read(true))
    }

    fn mount(
        path: &'a Path,
        partition: &DiskPartition,
        options: &OpenOptions,
    ) -> Result<Self, FlashError> {
        let file = options.open(path).map_err(FlashError::io("open", path))?;
        let window = PartitionWindow::new(file, partition);
        let mounted = || fatfs::FileSystem::new(window, fatfs::FsOptions::new());
        Ok(FatPartition { path, files: Some(guarded(READ, path, mounted)?) })
    }

    fn call<T>(
        &self,
        doing: &'static str,
        call: impl FnOnce(&FileSystem) -> io::Result<T>,
    ) -> Result<T, FlashError> {
        let closed = || io::Error::other("it was closed");
        guarded(doing, self.path, || call(self.files.as_ref().ok_or_else(closed)?))
    }

    pub(super) fn names(&self) -> Result<Vec<String>, FlashError> {
        self.call(READ, |files| {
            // A folder whose clusters go round in a circle has no end.
            let entries = files.root_dir().iter().take(MOST_ENTRIES + 1);
            let names = entries.map(|entry| Ok(entry?.file_name()));
            let names = names.collect::<io::Result<Vec<String>>>()?;
            match names.len() {
                0..=MOST_ENTRIES => Ok(names),
                _ => Err(io::Error::other("its folder has no end")),
            }
        })
    }

    /// The text of a file.
    pub(super) fn read(&self, name: &str) -> Result<String, FlashError> {
        self.call(READ, |files| {
            let mut text = String::new();
            files.root_dir().open_file(name)?.take(MOST_TEXT).read_to_string(&mut text)?;
            Ok(text)
        })
    }

    /// Writes a file, whatever stood there.
    pub(super) fn write(&self, name: &str, content: &[u8]) -> Result<(), FlashError> {
        self.call("write into the FAT partition of", |files| {
            let root = files.root_dir();
            if let Some((folder, _)) = name.rsplit_once('/') {
                root.create_dir(folder)?;
            }
            let mut file = root.create_file(name)?;
            file.truncate()?;
            file.write_all(content)?;
            file.flush()
        })
    }

    /// Writes what is still in memory.
    pub(super) fn close(mut self) -> Result<(), FlashError> {
        let files = self.files.take();
        let unmount = || files.map_or(Ok(()), FileSystem::unmount);
        guarded("write the FAT partition of", self.path, unmount)
    }
}

impl Drop for FatPartition<'_> {
    fn drop(&mut self) {
        let files = self.files.take();
        // It writes what is still in memory. Whoever wants to know whether that fails closes it.
        let _ = catch_panic(|| drop(files));
    }
}

/// Calls the library that reads FAT.
fn guarded<T>(
    doing: &'static str,
    path: &Path,
    call: impl FnOnce() -> io::Result<T>,
) -> Result<T, FlashError> {
    let message = match catch_panic(call) {
        Ok(done) => return done.map_err(FlashError::io(doing, path)),
        Err(message) => message,
    };
    Err(FlashError::ParserPanic { what: "the FAT partition", path: path.to_path_buf(), message })
}
