//! An image with a board's first boot inside.

use super::first_boot::FOLDER;
use super::medium::refuse_same;
use super::system::{Fat, Found, RootFile, System, recognise, write_ext4};
use super::{FirstBoot, FlashError, is_packed};
use paring_agent::sensors;
use std::path::{Path, PathBuf};

/// An image that was prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// What it boots.
    pub system: System,
    /// The image.
    pub image: PathBuf,
    /// What was written into it.
    pub files: Vec<String>,
}

/// What the kernel's command line gets, so that bookworm runs the script once.
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
pub fn prepare(image: &Path, out: &Path, boot: &FirstBoot) -> Result<Prepared, FlashError> {
    boot.check()?;
    if out.exists() {
        refuse_same(sensors::root(), &[image], out)?;
    }
    if is_packed(image)? {
        return Err(FlashError::Unpack(image.to_path_buf()));
    }
    let found = recognise(image)?;
    found.roomy(image, boot.agent.len() as u64)?;
    let folder = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let copy = tempfile::Builder::new()
        .prefix(".paring-flash-")
        .tempfile_in(folder)
        .map_err(FlashError::io("make a file in", folder))?;
    std::fs::copy(image, copy.path()).map_err(FlashError::io("copy to", copy.path()))?;
    let files = match found.system {
        System::CloudInit | System::FirstRun => into_fat(copy.path(), &found, boot)?,
        System::Jetson => into_root(copy.path(), &found, boot)?,
    };
    copy.as_file().sync_all().map_err(FlashError::io("write", copy.path()))?;
    copy.persist(out).map_err(|e| FlashError::io("write", out)(e.error))?;
    Ok(Prepared { system: found.system, image: out.to_path_buf(), files })
}

fn into_fat(image: &Path, found: &Found, boot: &FirstBoot) -> Result<Vec<String>, FlashError> {
    let fat = Fat::open(image, &found.partition)?;
    let beside = boot.beside(found.system == System::FirstRun).into_iter();
    let mut files: Vec<(String, Vec<u8>)> =
        beside.map(|(name, content)| (format!("{FOLDER}/{name}"), content)).collect();
    if found.system == System::CloudInit {
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

fn into_root(image: &Path, found: &Found, boot: &FirstBoot) -> Result<Vec<String>, FlashError> {
    let beside = boot.beside(true);
    let paths: Vec<String> =
        beside.iter().map(|(name, _)| format!("/opt/{FOLDER}/{name}")).collect();
    let mut files: Vec<RootFile> = beside
        .iter()
        .zip(&paths)
        .map(|((name, content), path)| RootFile {
            path,
            content,
            executable: !name.contains("keys") && !name.contains("wireless"),
        })
        .collect();
    files.push(RootFile { path: UNIT_PATH, content: UNIT.as_bytes(), executable: false });
    write_ext4(image, &found.partition, &files, &[(UNIT_LINK, UNIT_PATH)])?;
    let own = [UNIT_PATH.to_string(), UNIT_LINK.to_string()];
    Ok(paths.into_iter().chain(own).collect())
}
