//! An image with a board's first boot inside.

use super::FlashError;
use super::ext4_partition::{Ext4File, write_ext4};
use super::fat_partition::FatPartition;
use super::first_boot::{FOLDER, FirstBootConfig};
use super::image_reader::is_compressed;
use super::operating_system::{BootPartition, OperatingSystem, find_boot_partition};
use super::storage_location::refuse_same;
use paring_agent::sensors;
use std::path::{Path, PathBuf};

/// An image that was prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedImage {
    /// The system that it boots.
    pub system: OperatingSystem,
    /// The image.
    pub image: PathBuf,
    /// The files written into it.
    pub files: Vec<String>,
}

/// The addition to the kernel's command line that makes bookworm run the script once.
const RUN_ONCE: &str = " systemd.run=/boot/firmware/firstrun.sh \
     systemd.run_success_action=reboot systemd.unit=kernel-command-line.target";

const FIRST_RUN: &str = r"#!/bin/sh
# Made by paring: runs once, then takes itself off the kernel's command line.
boot=/boot/firmware
sh $boot/paring/first-boot.sh >$boot/paring/first-boot.log 2>&1
sed -i 's| systemd\.run[^ ]*||g; s| systemd\.unit=kernel-command-line\.target||' $boot/cmdline.txt
rm -f $boot/firstrun.sh
exit 0
";

const UNIT_PATH: &str = "/etc/systemd/system/paring-first-boot.service";
const UNIT_LINK: &str = "/etc/systemd/system/multi-user.target.wants/paring-first-boot.service";
const UNIT: &str = "[Unit]
Description=First boot of a board for paring
ConditionPathExists=!/opt/paring/done
Before=ssh.service

[Service]
Type=oneshot
ExecStart=/bin/sh /opt/paring/first-boot.sh
ExecStartPost=/bin/touch /opt/paring/done

[Install]
WantedBy=multi-user.target
";

/// Copies `image` to `out` with a first boot inside; `out` appears when it is whole.
///
/// # Errors
/// [`FlashError`] names what is wrong with the image or the values; nothing is left behind then.
pub fn prepare_image(
    image: &Path,
    out: &Path,
    boot: &FirstBootConfig,
) -> Result<PreparedImage, FlashError> {
    boot.check()?;
    if out.exists() {
        refuse_same(sensors::root(), &[image], out)?;
    }
    if is_compressed(image)? {
        return Err(FlashError::CompressedImage(image.to_path_buf()));
    }
    let boot_partition = find_boot_partition(image)?;
    boot_partition.check_room(image, boot.agent.len() as u64)?;
    let folder = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let copy = tempfile::Builder::new()
        .prefix(".paring-flash-")
        .tempfile_in(folder)
        .map_err(FlashError::io("make a file in", folder))?;
    std::fs::copy(image, copy.path()).map_err(FlashError::io("copy to", copy.path()))?;
    let files = match boot_partition.system {
        OperatingSystem::CloudInit | OperatingSystem::FirstRun => {
            write_into_fat(copy.path(), &boot_partition, boot)?
        }
        OperatingSystem::Jetson => write_into_root(copy.path(), &boot_partition, boot)?,
    };
    copy.as_file().sync_all().map_err(FlashError::io("write", copy.path()))?;
    copy.persist(out).map_err(|e| FlashError::io("write", out)(e.error))?;
    Ok(PreparedImage { system: boot_partition.system, image: out.to_path_buf(), files })
}

fn write_into_fat(
    image: &Path,
    boot_partition: &BootPartition,
    boot: &FirstBootConfig,
) -> Result<Vec<String>, FlashError> {
    let fat = FatPartition::open(image, &boot_partition.partition)?;
    let beside =
        boot.script_and_files(boot_partition.system == OperatingSystem::FirstRun).into_iter();
    let mut files: Vec<(String, Vec<u8>)> =
        beside.map(|(name, content)| (format!("{FOLDER}/{name}"), content)).collect();
    if boot_partition.system == OperatingSystem::CloudInit {
        files.push(("user-data".into(), boot.user_data().into_bytes()));
        files.push(("meta-data".into(), boot.meta_data().into_bytes()));
        files.push(("network-config".into(), boot.network_config().into_bytes()));
    } else {
        let line = fat.read("cmdline.txt")?;
        let line = line.trim_end();
        let once = if line.contains("systemd.run=") { "" } else { RUN_ONCE };
        files.push(("firstrun.sh".into(), FIRST_RUN.into()));
        files.push(("cmdline.txt".into(), format!("{line}{once}\n").into_bytes()));
    }
    for (name, content) in &files {
        fat.write(name, content)?;
    }
    fat.close()?;
    Ok(files.into_iter().map(|(name, _)| name).collect())
}

fn write_into_root(
    image: &Path,
    boot_partition: &BootPartition,
    boot: &FirstBootConfig,
) -> Result<Vec<String>, FlashError> {
    let beside = boot.script_and_files(true);
    let paths: Vec<String> =
        beside.iter().map(|(name, _)| format!("/opt/{FOLDER}/{name}")).collect();
    let mut files: Vec<Ext4File> = beside
        .iter()
        .zip(&paths)
        .map(|((name, content), path)| Ext4File {
            path,
            content,
            executable: !name.contains("keys") && !name.contains("wireless"),
        })
        .collect();
    files.push(Ext4File { path: UNIT_PATH, content: UNIT.as_bytes(), executable: false });
    write_ext4(image, &boot_partition.partition, &files, &[(UNIT_LINK, UNIT_PATH)])?;
    let unit_files = [UNIT_PATH.to_string(), UNIT_LINK.to_string()];
    Ok(paths.into_iter().chain(unit_files).collect())
}
