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
pub struct DiskPartition {
    /// Its beginning, in bytes.
    pub start: u64,
    /// Its size.
    pub bytes: Bytes,
    /// True where its type says FAT (of an MBR).
    pub fat: bool,
    /// Its name (of a GPT).
    pub name: String,
}

/// All partitions of an image or device in their order.
///
/// # Errors
/// [`FlashError::NoPartitionTable`] where there is neither a GPT nor an MBR,
/// [`FlashError::ParserPanic`] where the library that reads it panics.
pub fn partitions(file: &mut File, path: &Path) -> Result<Vec<DiskPartition>, FlashError> {
    catch_panic(|| read_table(file, path)).unwrap_or_else(|message| {
        let what = "the partition table";
        Err(FlashError::ParserPanic { what, path: path.to_path_buf(), message })
    })
}

fn read_table(file: &mut File, path: &Path) -> Result<Vec<DiskPartition>, FlashError> {
    let none = |source| FlashError::NoPartitionTable { path: path.to_path_buf(), source };
    file.seek(SeekFrom::Start(0)).map_err(FlashError::io("read", path))?;
    let mbr = mbrman::MBRHeader::read_from(file).map_err(|e| none(io::Error::other(e)))?;
    if mbr.iter().any(|(_, entry)| entry.sys == PROTECTIVE) {
        return gpt_partitions(file).map_err(none);
    }
    let used = mbr.iter().filter(|(_, entry)| entry.is_used());
    let partitions = used.map(|(_, entry)| DiskPartition {
        start: u64::from(entry.starting_lba) * SECTOR,
        bytes: Bytes(u64::from(entry.sectors) * SECTOR),
        fat: FAT.contains(&entry.sys),
        name: String::new(),
    });
    Ok(partitions.collect())
}

fn gpt_partitions(file: &mut File) -> io::Result<Vec<DiskPartition>> {
    let disk = gpt::GptConfig::new()
        .writable(false)
        .open_from_device(&mut *file)
        .map_err(io::Error::other)?;
    let lb = *disk.logical_block_size();
    let used = disk.partitions().values().filter(|partition| partition.is_used());
    let mut partitions = used
        .map(|partition| {
            Ok(DiskPartition {
                start: partition.bytes_start(lb)?,
                bytes: Bytes(partition.bytes_len(lb)?),
                fat: false,
                name: partition.name.clone(),
            })
        })
        .collect::<io::Result<Vec<_>>>()?;
    partitions.sort_by_key(|partition| partition.start);
    Ok(partitions)
}

/// One partition of a file, as if it were a file of its own.
#[derive(Debug)]
pub struct PartitionWindow {
    file: File,
    start: u64,
    bytes: u64,
    at: u64,
}

impl PartitionWindow {
    /// The part of `file` that `partition` names.
    pub fn new(file: File, partition: &DiskPartition) -> PartitionWindow {
        PartitionWindow { file, start: partition.start, bytes: partition.bytes.0, at: 0 }
    }

    /// Moves the file to where the window stands; gives the bytes of `requested` that are left in the
    /// window.
    fn aim(&mut self, requested: usize) -> io::Result<usize> {
        let outside = || io::Error::new(io::ErrorKind::InvalidInput, "behind any image's end");
        let at = self.start.checked_add(self.at).ok_or_else(outside)?;
        self.file.seek(SeekFrom::Start(at))?;
        Ok((requested as u64).min(self.bytes.saturating_sub(self.at)) as usize)
    }
}

impl Read for PartitionWindow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.aim(buffer.len())?;
        let read = self.file.read(&mut buffer[..most])?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Write for PartitionWindow {
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

impl Seek for PartitionWindow {
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
