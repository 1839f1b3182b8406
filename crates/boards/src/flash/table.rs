//! Partition tables of images and devices, and one partition as a file of its own.

use super::FlashError;
use paring_core::guard::catch_panic;
use paring_core::units::Bytes;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

const SECTOR: u64 = 512;
/// The type that an MBR in front of a GPT gives its only partition.
const PROTECTIVE: u8 = 0xee;
/// FAT16 and FAT32, with the addresses that old and new systems use.
const FAT: [u8; 4] = [0x06, 0x0b, 0x0c, 0x0e];

/// One partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Where it begins, in bytes.
    pub start: u64,
    /// Its size.
    pub bytes: Bytes,
    /// Whether its type says FAT (of an MBR).
    pub fat: bool,
    /// Its name (of a GPT).
    pub name: String,
}

/// All partitions of an image or device in their order.
///
/// # Errors
/// [`FlashError::NoTable`] where there is neither a GPT nor an MBR, [`FlashError::Panicked`] where the
/// library that reads it panics.
pub fn partitions(file: &mut File, path: &Path) -> Result<Vec<Partition>, FlashError> {
    catch_panic(|| read_table(file, path)).unwrap_or_else(|said| {
        let what = "the partition table";
        Err(FlashError::Panicked { what, path: path.to_path_buf(), said })
    })
}

fn read_table(file: &mut File, path: &Path) -> Result<Vec<Partition>, FlashError> {
    let none = |source| FlashError::NoTable { path: path.to_path_buf(), source };
    file.seek(SeekFrom::Start(0)).map_err(FlashError::io("read", path))?;
    let mbr = mbrman::MBRHeader::read_from(file).map_err(|e| none(io::Error::other(e)))?;
    if mbr.iter().any(|(_, entry)| entry.sys == PROTECTIVE) {
        return gpt_partitions(file).map_err(none);
    }
    let used = mbr.iter().filter(|(_, entry)| entry.is_used());
    let found = used.map(|(_, entry)| Partition {
        start: u64::from(entry.starting_lba) * SECTOR,
        bytes: Bytes(u64::from(entry.sectors) * SECTOR),
        fat: FAT.contains(&entry.sys),
        name: String::new(),
    });
    Ok(found.collect())
}

fn gpt_partitions(file: &mut File) -> io::Result<Vec<Partition>> {
    let disk = gpt::GptConfig::new()
        .writable(false)
        .open_from_device(&mut *file)
        .map_err(io::Error::other)?;
    let lb = *disk.logical_block_size();
    let used = disk.partitions().values().filter(|partition| partition.is_used());
    let mut found = used
        .map(|partition| {
            Ok(Partition {
                start: partition.bytes_start(lb)?,
                bytes: Bytes(partition.bytes_len(lb)?),
                fat: false,
                name: partition.name.clone(),
            })
        })
        .collect::<io::Result<Vec<_>>>()?;
    found.sort_by_key(|partition| partition.start);
    Ok(found)
}

/// One partition of a file, as if it were a file of its own.
#[derive(Debug)]
pub struct Window {
    file: File,
    start: u64,
    bytes: u64,
    at: u64,
}

impl Window {
    /// The part of `file` that `partition` names.
    pub fn new(file: File, partition: &Partition) -> Window {
        Window { file, start: partition.start, bytes: partition.bytes.0, at: 0 }
    }

    /// Moves the file to where the window stands; gives how much of `wanted` is left in the window.
    fn aim(&mut self, wanted: usize) -> io::Result<usize> {
        let outside = || io::Error::new(io::ErrorKind::InvalidInput, "behind any image's end");
        let at = self.start.checked_add(self.at).ok_or_else(outside)?;
        self.file.seek(SeekFrom::Start(at))?;
        Ok((wanted as u64).min(self.bytes.saturating_sub(self.at)) as usize)
    }
}

impl Read for Window {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.aim(buffer.len())?;
        let read = self.file.read(&mut buffer[..most])?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Write for Window {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let most = self.aim(buffer.len())?;
        let written = self.file.write(&buffer[..most])?;
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for Window {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => i128::from(at),
            SeekFrom::Current(by) => i128::from(self.at) + i128::from(by),
            SeekFrom::End(by) => i128::from(self.bytes) + i128::from(by),
        };
        let outside = || io::Error::new(io::ErrorKind::InvalidInput, "before the partition");
        self.at = u64::try_from(at).map_err(|_| outside())?;
        Ok(self.at)
    }
}
