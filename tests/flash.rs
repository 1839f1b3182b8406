//! Card images: what is put into them, and the way onto a card and back, on files made here.

use assert_cmd::Command;
use fatfs::{FileSystem, FormatVolumeOptions, FsOptions};
use mbrman::{CHS, MBR, MBRPartitionEntry};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const START: u64 = 8192;
const SECTORS: u64 = 65536;

/// The FAT partition of a card image, cut out.
fn boot_partition(image: &Path) -> FileSystem<std::io::Cursor<Vec<u8>>> {
    let mut file = File::open(image).unwrap();
    file.seek(SeekFrom::Start(START * 512)).unwrap();
    let mut bytes = vec![0; (SECTORS * 512) as usize];
    file.read_exact(&mut bytes).unwrap();
    FileSystem::new(std::io::Cursor::new(bytes), FsOptions::new()).unwrap()
}

fn text(image: &Path, name: &str) -> String {
    let files = boot_partition(image);
    let mut text = String::new();
    files.root_dir().open_file(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

/// A card image as Raspberry Pi OS has it: an MBR, a FAT partition with `files`, something behind.
fn card(folder: &Path, files: &[(&str, &str)]) -> PathBuf {
    let path = folder.join("card.img");
    let mut bytes = std::io::Cursor::new(vec![0; (SECTORS * 512) as usize]);
    fatfs::format_volume(&mut bytes, FormatVolumeOptions::new()).unwrap();
    let system = FileSystem::new(&mut bytes, FsOptions::new()).unwrap();
    for (name, content) in files {
        system.root_dir().create_file(name).unwrap().write_all(content.as_bytes()).unwrap();
    }
    drop(system);
    let mut options = OpenOptions::new();
    let mut file = options.read(true).write(true).create(true).truncate(true).open(&path).unwrap();
    file.set_len((START + SECTORS + 4096) * 512).unwrap();
    let mut table = MBR::new_from(&mut file, 512, [1, 2, 3, 4]).unwrap();
    table[1] = MBRPartitionEntry {
        boot: mbrman::BOOT_INACTIVE,
        first_chs: CHS::empty(),
        sys: 0x0c,
        last_chs: CHS::empty(),
        starting_lba: START as u32,
        sectors: SECTORS as u32,
    };
    table.write_into(&mut file).unwrap();
    file.seek(SeekFrom::Start(START * 512)).unwrap();
    file.write_all(bytes.get_ref()).unwrap();
    file.seek(SeekFrom::End(-512)).unwrap();
    file.write_all(&[7; 512]).unwrap();
    path
}

fn paring() -> Command {
    Command::new(env!("CARGO_BIN_EXE_paring"))
}

fn prepare(folder: &Path, image: &Path) -> assert_cmd::assert::Assert {
    std::fs::write(folder.join("key.pub"), "ssh-ed25519 AAAA me@desk\n").unwrap();
    std::fs::write(folder.join("agent"), b"\x7fELF the agent").unwrap();
    std::fs::write(folder.join("phrase"), "correct horse\n").unwrap();
    paring()
        .current_dir(folder)
        .args(["flash", "prepare"])
        .arg(image)
        .env("PARING_INVENTORY", folder.join("targets.toml"))
        .args([
            "--target",
            "pi5-desk",
            "--extends",
            "raspberry-pi-5",
            "--agent",
            "agent",
            "--key",
            "key.pub",
        ])
        .args(["--wireless", "the lab", "--wireless-password-file", "phrase", "--country", "DE"])
        .assert()
}

#[test]
fn trixie_gets_cloud_init_and_the_original_stays() {
    let folder = tempfile::tempdir().unwrap();
    let files = [("config.txt", ""), ("cmdline.txt", "root=x\n"), ("user-data", "")];
    let image = card(folder.path(), &files);
    let before = std::fs::read(&image).unwrap();
    prepare(folder.path(), &image).success();
    assert_eq!(std::fs::read(&image).unwrap(), before);
    let made = folder.path().join("card-pi5-desk.img");
    let data = text(&made, "user-data");
    let data: serde_json::Value = serde_json::from_str(data.split_once('\n').unwrap().1).unwrap();
    assert_eq!(data["runcmd"][0][1], "/boot/firmware/paring/first-boot.sh");
    assert!(text(&made, "network-config").contains("the lab"));
    assert!(text(&made, "meta-data").starts_with("instance-id: paring-"));
    assert_eq!(text(&made, "paring/paring-agent"), "\x7fELF the agent");
    assert_eq!(text(&made, "cmdline.txt"), "root=x\n");
    let inventory = std::fs::read_to_string(folder.path().join("targets.toml")).unwrap();
    assert!(inventory.contains("address = \"paring@pi5-desk.local\""), "{inventory}");
    let sha256 = paring::schema::Sha256Hex::of(b"\x7fELF the agent");
    let path = format!("agent='.paring/blobs/{sha256}'");
    assert!(text(&made, "paring/first-boot.sh").contains(&path));
}

#[test]
fn bookworm_gets_a_script_that_runs_once() {
    let folder = tempfile::tempdir().unwrap();
    let image = card(folder.path(), &[("config.txt", ""), ("cmdline.txt", "root=x quiet\n")]);
    prepare(folder.path(), &image).success();
    let made = folder.path().join("card-pi5-desk.img");
    let line = text(&made, "cmdline.txt");
    assert!(line.starts_with("root=x quiet systemd.run=/boot/firmware/firstrun.sh "), "{line}");
    assert_eq!(line.lines().count(), 1);
    assert!(text(&made, "paring/wireless.nmconnection").contains("psk=correct\\shorse"));
    for name in ["firstrun.sh", "paring/first-boot.sh"] {
        let script = folder.path().join("script");
        std::fs::write(&script, text(&made, name)).unwrap();
        Command::new("sh").arg("-n").arg(&script).assert().success();
    }
}

#[test]
fn a_jetson_gets_a_service_into_its_root() {
    if !["mke2fs", "debugfs", "sfdisk"].iter().all(|tool| {
        std::process::Command::new(tool).arg("-V").output().is_ok()
            || std::process::Command::new(tool).arg("--version").output().is_ok()
    }) {
        eprintln!("skipped: e2fsprogs or sfdisk is not here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("jetson.img");
    File::create(&image).unwrap().set_len(64 << 20).unwrap();
    Command::new("sfdisk")
        .arg("-q")
        .arg(&image)
        .write_stdin("label: gpt\nstart=2048, size=100000, name=APP\n")
        .assert()
        .success();
    let root = folder.path().join("root");
    std::fs::create_dir_all(root.join("etc/systemd/system/multi-user.target.wants")).unwrap();
    let ext4 = folder.path().join("app.ext4");
    File::create(&ext4).unwrap().set_len(100_000 * 512).unwrap();
    Command::new("mke2fs")
        .args(["-q", "-t", "ext4", "-d"])
        .arg(&root)
        .arg(&ext4)
        .assert()
        .success();
    let mut file = OpenOptions::new().write(true).open(&image).unwrap();
    file.seek(SeekFrom::Start(2048 * 512)).unwrap();
    file.write_all(&std::fs::read(&ext4).unwrap()).unwrap();
    prepare(folder.path(), &image).success();
    let made = folder.path().join("jetson-pi5-desk.img");
    let at = format!("{}?offset={}", made.display(), 2048 * 512);
    let of = |request: &str| {
        let output = Command::new("debugfs").args(["-R", request, &at]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(of("cat /opt/paring/authorized_keys").contains("me@desk"));
    assert!(of("stat /opt/paring/paring-agent").contains("Mode:  0755"));
    let link = of("stat /etc/systemd/system/multi-user.target.wants/paring-first-boot.service");
    assert!(link.contains("paring-first-boot.service"), "{link}");
    Command::new("e2fsck").args(["-fn", &at]).assert().success();
}

#[test]
fn what_is_no_card_image_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let image = card(folder.path(), &[("readme", "")]);
    let reason = "has a FAT partition without config.txt or cmdline.txt";
    prepare(folder.path(), &image).code(2).stderr(predicates::str::contains(reason));
    std::fs::write(&image, "text").unwrap();
    let reason = "has no partition table";
    prepare(folder.path(), &image).code(2).stderr(predicates::str::contains(reason));
    assert!(!folder.path().join("card-pi5-desk.img").exists());
}

fn write(folder: &Path, image: &str, more: &[&str]) -> assert_cmd::assert::Assert {
    std::fs::write(folder.join("device"), vec![9; 60 << 20]).unwrap();
    let mut command = paring();
    command.current_dir(folder).args(["flash", "write", image, "device"]).args(more);
    command.assert()
}

#[test]
fn every_packing_arrives_whole() {
    let folder = tempfile::tempdir().unwrap();
    let image = card(folder.path(), &[("config.txt", ""), ("cmdline.txt", "")]);
    let plain = std::fs::read(&image).unwrap();
    let at = |name: &str| folder.path().join(name);
    for (tool, packed) in [("xz", "card.img.xz"), ("gzip", "card.img.gz")] {
        let Ok(output) = std::process::Command::new(tool).arg("-c1").arg(&image).output() else {
            eprintln!("skipped: {tool} is not here");
            continue;
        };
        std::fs::write(at(packed), output.stdout).unwrap();
        write(folder.path(), packed, &["--yes", "--any-device"]).success();
        assert!(std::fs::read(at("device")).unwrap() == plain, "{packed} is not what it was");
    }
    write(folder.path(), "card.img", &["--yes", "--any-device"]).success();
    assert!(std::fs::read(at("device")).unwrap() == plain);
}

#[test]
fn a_flipped_bit_is_found_and_named() {
    let folder = tempfile::tempdir().unwrap();
    card(folder.path(), &[]);
    write(folder.path(), "card.img", &["--yes", "--any-device"]).success();
    let device = folder.path().join("device");
    let mut file = OpenOptions::new().write(true).open(&device).unwrap();
    file.seek(SeekFrom::Start(5_000_000)).unwrap();
    file.write_all(&[255]).unwrap();
    let verify = ["flash", "verify", "card.img", "device", "--any-device"];
    let verify = paring().current_dir(folder.path()).args(verify).assert();
    verify.code(5).stderr(predicates::str::contains("differs from the image at byte 5000000"));
}

#[test]
fn a_block_map_is_followed_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    card(folder.path(), &[]);
    let map = folder.path().join("card.img.bmap");
    let made = std::process::Command::new("bmaptool")
        .args(["create", "card.img", "-o", "card.img.bmap"])
        .current_dir(folder.path())
        .output();
    if !made.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: bmaptool is not here");
        return;
    }
    write(folder.path(), "card.img", &["--yes", "--any-device"]).success();
    let (device, image) = (folder.path().join("device"), folder.path().join("card.img"));
    assert!(std::fs::read(device).unwrap() == std::fs::read(&image).unwrap());
    let mut file = OpenOptions::new().write(true).open(&image).unwrap();
    file.seek(SeekFrom::Start(START * 512)).unwrap();
    file.write_all(&[255; 16]).unwrap();
    let failed = write(folder.path(), "card.img", &["--yes", "--any-device"]).code(5);
    failed.stderr(predicates::str::contains("does not have the checksums of its block map"));
    std::fs::write(map, "<bmap>").unwrap();
    let failed = write(folder.path(), "card.img", &["--yes", "--any-device"]).code(2);
    failed.stderr(predicates::str::contains("is not a block map"));
}

#[test]
fn nothing_is_written_without_being_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    card(folder.path(), &[]);
    let refused = write(folder.path(), "card.img", &["--yes"]).code(2);
    refused.stderr(predicates::str::contains("is an ordinary file, not a card"));
    let asked = paring()
        .current_dir(folder.path())
        .args(["flash", "write", "card.img", "device", "--any-device"])
        .write_stdin("no\n")
        .assert()
        .code(2);
    asked.stderr(predicates::str::contains("nothing was written"));
    assert!(std::fs::read(folder.path().join("device")).unwrap().iter().all(|byte| *byte == 9));
    let partial = paring().args(["flash", "write", "/dev/null", "/dev/null"]).assert().code(2);
    partial.stderr(predicates::str::contains("is neither a block device nor a file"));
    std::fs::write(folder.path().join("card.zip"), b"PK\x03\x04....").unwrap();
    let packed = write(folder.path(), "card.zip", &["--yes", "--any-device"]).code(2);
    packed.stderr(predicates::str::contains("is a zip archive; give the image itself"));
}
