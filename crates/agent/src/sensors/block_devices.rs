//! Block devices: what they are, and what uses them.

use super::first_line;
use paring_core::units::Bytes;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The kernel counts a device's size in these, whatever its blocks.
const SECTOR: u64 = 512;

/// A whole disk, card or loop device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockDevice {
    /// The kernel's name, `sda` or `mmcblk0`.
    pub name: String,
    /// Its maker's name for it.
    pub model: Option<String>,
    /// Its size.
    pub bytes: Bytes,
    /// True if it is made to be taken out: a card, or anything on USB.
    pub removable: bool,
    /// Its partitions: the kernel's name and the size of each.
    pub partitions: Vec<(String, Bytes)>,
    /// Its users now; empty where there are none.
    pub uses: Vec<String>,
    /// The file behind a loop device.
    pub backing: Option<PathBuf>,
}

/// All disks with a size, by name.
///
/// Source: the kernel's `Documentation/ABI/stable/sysfs-block`, `proc_pid_mountinfo(5)`.
pub fn disks(root: &Path) -> Vec<BlockDevice> {
    let (mounts, swaps) = (mounts(root), swaps(root));
    let mut found: Vec<BlockDevice> = entries(&root.join("sys/block"))
        .into_iter()
        .filter_map(|folder| disk(root, &folder, &mounts, &swaps))
        .filter(|disk| disk.bytes.0 > 0)
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// Users of an ordinary file as a device: loop devices that are mounted or hold others.
pub fn uses_of_file(root: &Path, file: &Path) -> Vec<String> {
    let disks = disks(root);
    let over = entries(&root.join("sys/block"))
        .into_iter()
        .filter(|folder| backing(folder).is_some_and(|backing| backing == file));
    let names: BTreeSet<String> = over.map(|folder| name(&folder)).collect();
    let used = disks.into_iter().filter(|disk| names.contains(&disk.name));
    used.flat_map(|disk| disk.uses.into_iter().map(move |u| format!("{}: {u}", disk.name)))
        .collect()
}

/// Asks the system to forget what it remembers of a file or device, so that the next reading is from
/// the medium. Where it will not, that reading is from memory.
pub fn forget(file: &fs::File) {
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
}

fn disk(
    root: &Path,
    folder: &Path,
    mounts: &[MountedFileSystem],
    swaps: &[String],
) -> Option<BlockDevice> {
    let partitions: Vec<PathBuf> =
        entries(folder).into_iter().filter(|entry| entry.join("partition").exists()).collect();
    let size = |folder: &Path| -> Option<Bytes> {
        Some(Bytes(first_line(&folder.join("size"))?.parse::<u64>().ok()?.checked_mul(SECTOR)?))
    };
    let mut uses = Vec::new();
    for part in [folder.to_path_buf()].iter().chain(&partitions) {
        uses.extend(uses_of(part, mounts, swaps));
    }
    if let Some(file) = backing(folder) {
        // Another loop device over the same file shares every byte with this one.
        let others = entries(&root.join("sys/block"))
            .into_iter()
            .filter(|other| name(other) != name(folder) && backing(other).as_ref() == Some(&file));
        uses.extend(others.map(|other| format!("{} has the same file", name(&other))));
    }
    Some(BlockDevice {
        name: name(folder),
        model: first_line(&folder.join("device/model"))
            .or_else(|| first_line(&folder.join("device/name"))),
        bytes: size(folder)?,
        removable: removable(folder),
        partitions: partitions.iter().filter_map(|p| Some((name(p), size(p)?))).collect(),
        uses,
        backing: backing(folder),
    })
}

/// Card readers say that they are not removable, and so do many drives on USB: the card's type and
/// the bus tell.
fn removable(folder: &Path) -> bool {
    let on_usb = fs::canonicalize(folder).is_ok_and(|path| {
        path.components().any(|part| part.as_os_str().to_string_lossy().starts_with("usb"))
    });
    let is = |file: &str, value: &str| first_line(&folder.join(file)).as_deref() == Some(value);
    is("removable", "1") || is("device/type", "SD") || on_usb
}

/// Mounts, swap and devices built on top of one disk or partition.
fn uses_of(folder: &Path, mounts: &[MountedFileSystem], swaps: &[String]) -> Vec<String> {
    let (name, number) = (name(folder), first_line(&folder.join("dev")));
    let node = format!("/dev/{name}");
    let mounted = mounts
        .iter()
        .filter(|mount| number.as_ref() == Some(&mount.device) || mount.source == node);
    let mounted = mounted.map(|mount| match mount.point.as_str() {
        "/" => format!("{name} holds the running system"),
        point => format!("{name} is mounted at {point}"),
    });
    let swapping = swaps.contains(&node).then(|| format!("{name} is swap space"));
    let holders = entries(&folder.join("holders"));
    let held = holders.iter().map(|holder| format!("{name} is part of {}", self::name(holder)));
    mounted.chain(swapping).chain(held).collect()
}

#[derive(Debug)]
struct MountedFileSystem {
    device: String,
    point: String,
    source: String,
}

fn mounts(root: &Path) -> Vec<MountedFileSystem> {
    let text = fs::read_to_string(root.join("proc/self/mountinfo")).unwrap_or_default();
    let of = |line: &str| -> Option<MountedFileSystem> {
        let (left, right) = line.split_once(" - ")?;
        let mut fields = left.split(' ').skip(2);
        let (device, point) = (fields.next()?.to_string(), fields.nth(1)?.to_string());
        Some(MountedFileSystem { device, point, source: right.split(' ').nth(1)?.to_string() })
    };
    text.lines().filter_map(of).collect()
}

fn swaps(root: &Path) -> Vec<String> {
    let text = fs::read_to_string(root.join("proc/swaps")).unwrap_or_default();
    text.lines().skip(1).filter_map(|l| l.split_whitespace().next().map(str::to_string)).collect()
}

/// The file behind a loop device.
fn backing(folder: &Path) -> Option<PathBuf> {
    first_line(&folder.join("loop/backing_file")).map(PathBuf::from)
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn machine() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let at = root.path();
        write(at, "sys/block/sda/size", "1000\n");
        write(at, "sys/block/sda/dev", "8:0\n");
        write(at, "sys/block/sda/removable", "0\n");
        write(at, "sys/block/sda/sda1/partition", "1\n");
        write(at, "sys/block/sda/sda1/size", "900\n");
        write(at, "sys/block/sda/sda1/dev", "8:1\n");
        write(at, "sys/block/mmcblk0/size", "62333952\n");
        write(at, "sys/block/mmcblk0/dev", "179:0\n");
        write(at, "sys/block/mmcblk0/device/name", "SC32G\n");
        write(at, "sys/block/mmcblk0/device/type", "SD\n");
        write(at, "sys/block/loop0/size", "100\n");
        write(at, "sys/block/loop0/dev", "7:0\n");
        write(at, "sys/block/loop0/loop/backing_file", "/tmp/a card.img\n");
        write(at, "sys/block/loop1/size", "100\n");
        write(at, "sys/block/loop1/dev", "7:1\n");
        write(at, "sys/block/loop1/loop/backing_file", "/tmp/a card.img\n");
        write(
            at,
            "proc/self/mountinfo",
            "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
             30 22 7:1 / /mnt rw - ext4 /dev/loop1 rw\n",
        );
        root
    }

    #[test]
    fn tells_cards_from_the_running_system() {
        let root = machine();
        let found = disks(root.path());
        let of = |name: &str| found.iter().find(|d| d.name == name).unwrap();
        assert_eq!(of("sda").uses, ["sda1 holds the running system"]);
        assert!(!of("sda").removable);
        assert_eq!(of("sda").partitions, [("sda1".to_string(), Bytes(900 * 512))]);
        let card = of("mmcblk0");
        assert!(card.removable && card.uses.is_empty());
        assert_eq!(card.model.as_deref(), Some("SC32G"));
    }

    #[test]
    fn a_file_that_another_loop_device_has_mounted_is_in_use() {
        let root = machine();
        let uses = disks(root.path()).into_iter().find(|d| d.name == "loop0").unwrap().uses;
        assert_eq!(uses, ["loop1 has the same file"]);
        let file = uses_of_file(root.path(), Path::new("/tmp/a card.img"));
        assert!(file.iter().any(|use_| use_ == "loop1: loop1 is mounted at /mnt"), "{file:?}");
        assert!(uses_of_file(root.path(), Path::new("/tmp/other.img")).is_empty());
    }

    #[test]
    fn swap_and_devices_on_top_are_uses() {
        let root = machine();
        write(root.path(), "proc/swaps", "Filename Type Size\n/dev/mmcblk0 partition 1 0 -2\n");
        fs::create_dir_all(root.path().join("sys/block/mmcblk0/holders/dm-0")).unwrap();
        let card = disks(root.path()).into_iter().find(|d| d.name == "mmcblk0").unwrap();
        assert_eq!(card.uses, ["mmcblk0 is swap space", "mmcblk0 is part of dm-0"]);
    }
}
