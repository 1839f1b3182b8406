//! The operating system that an image holds, recognised by its partitions and files.

use super::FlashError;
use super::fat_partition::FatPartition;
use super::image_reader::open_image;
use super::partition_table::{DiskPartition, partitions};
use paring_core::units::Bytes;
use serde::Serialize;
use std::fmt;
use std::path::Path;

/// A system that a board boots from an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperatingSystem {
    /// Raspberry Pi OS of trixie or later: cloud-init reads the FAT partition.
    CloudInit,
    /// Raspberry Pi OS of bookworm: the kernel's command line names a script on the FAT partition.
    FirstRun,
    /// Jetson Linux: an ext4 root partition called APP.
    Jetson,
}

impl fmt::Display for OperatingSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            OperatingSystem::CloudInit => "Raspberry Pi OS with cloud-init",
            OperatingSystem::FirstRun => "Raspberry Pi OS with firstrun.sh",
            OperatingSystem::Jetson => "Jetson Linux",
        })
    }
}

/// The partition of an image that is written to, and its system.
#[derive(Debug)]
pub(super) struct BootPartition {
    pub(super) system: OperatingSystem,
    pub(super) partition: DiskPartition,
}

impl BootPartition {
    /// Refuses a partition that cannot hold what is to come.
    pub(super) fn check_room(&self, path: &Path, bytes: u64) -> Result<(), FlashError> {
        match self.partition.bytes.0 > bytes {
            true => Ok(()),
            false => Err(FlashError::TooLarge {
                path: path.to_path_buf(),
                image: Bytes(bytes),
                device: self.partition.bytes,
            }),
        }
    }
}

/// Recognises the system that an image holds.
pub(super) fn find_boot_partition(path: &Path) -> Result<BootPartition, FlashError> {
    let mut file = open_image(path)?;
    let all = partitions(&mut file, path)?;
    if let Some(app) = all.iter().find(|partition| partition.name == "APP") {
        return Ok(BootPartition { system: OperatingSystem::Jetson, partition: app.clone() });
    }
    let unknown =
        |found: String| FlashError::UnknownOperatingSystem { path: path.to_path_buf(), found };
    let Some(boot) = all.iter().find(|partition| partition.fat) else {
        return Err(unknown(format!("{} partitions, none of them FAT", all.len())));
    };
    let files = FatPartition::open_to_read(path, boot)?.names()?;
    let has = |name: &str| files.iter().any(|file| file.eq_ignore_ascii_case(name));
    if !has("config.txt") || !has("cmdline.txt") {
        return Err(unknown("a FAT partition without config.txt or cmdline.txt".into()));
    }
    let system = match has("user-data") || has("meta-data") || has("network-config") {
        true => OperatingSystem::CloudInit,
        false => OperatingSystem::FirstRun,
    };
    Ok(BootPartition { system, partition: boot.clone() })
}
