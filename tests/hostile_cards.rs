//! Images, block maps and partitions of strangers: what is refused, and that nothing was written.

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use paring::boards::flash::{FirstBootConfig, partitions, prepare_image};
use paring::schema::Sha256Hex;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use std::fs::OpenOptions;
use std::io::{Cursor, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Block of the maps below.
const BLOCK: usize = 4096;

fn flash(folder: &Path, arguments: &[&str]) -> Assert {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paring"));
    command.current_dir(folder).timeout(std::time::Duration::from_secs(120));
    command.arg("flash").args(arguments).arg("--any-device").assert()
}

/// An image of eight blocks; the second, the fifth and the sixth hold data.
fn image() -> Vec<u8> {
    let mut bytes = vec![0; 8 * BLOCK];
    for block in [1, 4, 5] {
        bytes[block * BLOCK..(block + 1) * BLOCK].fill(block as u8);
    }
    bytes
}

/// A block map with these ranges of an image, and its own checksum.
fn map(image: &[u8], ranges: &[(usize, usize)]) -> String {
    let range = |(first, last): &(usize, usize)| {
        let sha256 = Sha256Hex::of(&image[first * BLOCK..(last + 1) * BLOCK]);
        format!("<Range chksum=\"{sha256}\"> {first}-{last} </Range>\n")
    };
    let ranges: String = ranges.iter().map(range).collect();
    signed(&format!(
        "<?xml version=\"1.0\" ?>\n<bmap version=\"2.0\">\n<ImageSize> {} </ImageSize>\n\
         <BlockSize> {BLOCK} </BlockSize>\n<BlocksCount> {} </BlocksCount>\n\
         <MappedBlocksCount> 3 </MappedBlocksCount>\n<ChecksumType> sha256 </ChecksumType>\n\
         <BmapFileChecksum> {} </BmapFileChecksum>\n<BlockMap>\n{ranges}</BlockMap>\n</bmap>\n",
        image.len(),
        image.len() / BLOCK,
        "0".repeat(64),
    ))
}

/// A map with its own checksum in the place of zeros.
fn signed(text: &str) -> String {
    text.replace(&"0".repeat(64), Sha256Hex::of(text.as_bytes()).as_str())
}

/// A folder with an image, and a device that holds something else.
fn desk() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("card.img"), image()).unwrap();
    std::fs::write(folder.path().join("device"), vec![9; 10 * BLOCK]).unwrap();
    folder
}

#[track_caller]
fn untouched(folder: &Path) {
    assert!(std::fs::read(folder.join("card.img")).unwrap() == image(), "the image has changed");
    let device = std::fs::read(folder.join("device")).unwrap();
    assert!(device == vec![9; 10 * BLOCK], "the device was written to");
}

#[test]
fn an_image_is_not_written_onto_itself_whatever_it_is_called() {
    let desk = desk();
    let at = |name: &str| desk.path().join(name);
    std::fs::hard_link(at("card.img"), at("hard")).unwrap();
    std::os::unix::fs::symlink("card.img", at("soft")).unwrap();
    for (image, device) in [
        ("card.img", "card.img"),
        ("card.img", "./card.img"),
        ("card.img", "hard"),
        ("hard", "card.img"),
        ("soft", "card.img"),
        ("card.img", "soft"),
    ] {
        for verb in [&["write", "--yes"][..], &["verify"]] {
            flash(desk.path(), &[verb, &[image, device]].concat())
                .code(2)
                .stderr(contains("are the same file or device"))
                .stdout(contains("byte for byte").not());
        }
    }
    // Nor the map of what is written.
    std::fs::write(at("own.bmap"), map(&image(), &[(1, 1), (4, 5)])).unwrap();
    flash(desk.path(), &["write", "--yes", "--bmap", "own.bmap", "card.img", "own.bmap"])
        .code(2)
        .stderr(contains("are the same file or device"));
    assert!(std::fs::read_to_string(at("own.bmap")).unwrap().contains("<bmap"));
    untouched(desk.path());
}

#[test]
fn nothing_is_no_image() {
    let desk = desk();
    let at = |name: &str| desk.path().join(name);
    std::fs::write(at("empty.img"), "").unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"").unwrap();
    std::fs::write(at("empty.img.gz"), packed.finish().unwrap()).unwrap();
    for image in ["empty.img", "empty.img.gz"] {
        for verb in [&["write", "--yes"][..], &["verify"]] {
            flash(desk.path(), &[verb, &[image, "device"]].concat())
                .code(2)
                .stderr(contains("has no bytes"))
                .stdout(contains("byte for byte").not());
        }
    }
    let made = std::process::Command::new("mkfifo").arg(at("pipe")).status();
    assert!(made.unwrap().success());
    for image in ["pipe", "/dev/zero", "."] {
        flash(desk.path(), &["write", "--yes", image, "device"])
            .code(2)
            .stderr(contains("is neither a file nor a block device"));
    }
    untouched(desk.path());
}

#[test]
fn a_map_that_is_damaged_or_leaves_data_out_writes_nothing() {
    let desk = desk();
    let whole = map(&image(), &[(1, 1), (4, 5)]);
    let mut other = image();
    other[5 * BLOCK] ^= 1;
    let header = |from: &str, to: &str| {
        let sha256 = whole.split("<BmapFileChecksum> ").nth(1).unwrap()[..64].to_string();
        signed(&whole.replace(&sha256, &"0".repeat(64)).replace(from, to))
    };
    for (text, code, message) in [
        (whole.replace("4-5", "4-4"), 2, "its checksum is "),
        (whole.replace("BmapFileChecksum", "BmapFileSHA1"), 2, "is not a block map"),
        (map(&image(), &[(1, 1), (4, 4)]), 2, "it leaves out byte 20480 of card.img"),
        (map(&other, &[(1, 1), (4, 5)]), 5, "does not have the checksums of its block map"),
        (map(&image(), &[(4, 5), (1, 1)]), 2, "overlaps another or lies outside"),
        (map(&image(), &[(1, 4), (4, 5)]), 2, "overlaps another or lies outside"),
        (header("4-5", "4-99999999999"), 5, "does not have the checksums of its block map"),
        (header("4-5", "5-4"), 2, "is not a block map"),
        (header("4-5", "four-5"), 2, "the parser panicked"),
        (header("<ImageSize> 32768", "<ImageSize> 36864"), 2, "has fewer than the 36864 bytes"),
        (header("<ImageSize> 32768", "<ImageSize> 24576"), 2, "has more than the 24576 bytes"),
    ] {
        std::fs::write(desk.path().join("card.img.bmap"), &text).unwrap();
        let ended = flash(desk.path(), &["write", "--yes", "card.img", "device"]).code(code);
        ended.stderr(contains(message).and(contains("panicked at").not()));
        untouched(desk.path());
    }
}

#[test]
fn a_map_is_followed_and_the_gaps_of_a_file_are_compared_too() {
    let desk = desk();
    std::fs::write(desk.path().join("card.img.bmap"), map(&image(), &[(1, 1), (4, 5)])).unwrap();
    flash(desk.path(), &["write", "--yes", "card.img", "device"])
        .success()
        .stdout(contains("byte for byte"));
    let device = desk.path().join("device");
    assert!(std::fs::read(&device).unwrap() == image());
    let file = OpenOptions::new().write(true).open(&device).unwrap();
    file.write_all_at(&[1], 3 * BLOCK as u64 + 7).unwrap();
    let verify = flash(desk.path(), &["verify", "card.img", "device"]).code(5);
    verify.stderr(contains("differs from the image at byte 12295"));
}

/// A small card image: an MBR, and a FAT partition behind it.
fn small_card() -> Vec<u8> {
    const SECTORS: usize = 2048;
    let mut fat = Cursor::new(vec![0; SECTORS * 512]);
    fatfs::format_volume(&mut fat, fatfs::FormatVolumeOptions::new()).unwrap();
    let system = fatfs::FileSystem::new(&mut fat, fatfs::FsOptions::new()).unwrap();
    for name in ["config.txt", "cmdline.txt"] {
        system.root_dir().create_file(name).unwrap();
    }
    drop(system);
    let mut card = vec![0; 512];
    card[446 + 4] = 0x0c;
    card[446 + 8..446 + 12].copy_from_slice(&1u32.to_le_bytes());
    card[446 + 12..446 + 16].copy_from_slice(&(SECTORS as u32).to_le_bytes());
    card[510..512].copy_from_slice(&[0x55, 0xaa]);
    card.extend(fat.into_inner());
    card
}

#[test]
fn a_spoilt_partition_is_an_error_and_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let (path, out) = (folder.path().join("card.img"), folder.path().join("out.img"));
    let boot = FirstBootConfig {
        host_name: "desk".into(),
        user: "paring".into(),
        keys: "ssh-ed25519 AAAA me@desk\n".into(),
        wireless: None,
        agent_path: ".paring/agent".into(),
        agent: b"agent".to_vec(),
    };
    let card = small_card();
    std::fs::write(&path, &card).unwrap();
    prepare_image(&path, &out, &boot).unwrap();
    // The partition table's entry, and everything that the FAT partition says of itself.
    let places = (446..462).chain(512 + 11..512 + 64);
    for place in places {
        for value in [0, 1, 0x7f, 0x80, 0xee, 0xff] {
            let mut spoilt = card.clone();
            spoilt[place] = value;
            std::fs::write(&path, &spoilt).unwrap();
            let mut file = std::fs::File::open(&path).unwrap();
            let _ = partitions(&mut file, &path);
            let _ = std::fs::remove_file(&out);
            if prepare_image(&path, &out, &boot).is_err() {
                assert!(!out.exists(), "byte {place} is {value:#x}");
            }
            assert!(std::fs::read(&path).unwrap() == spoilt, "the original has changed");
        }
    }
    // The original cannot be the prepared one.
    std::fs::write(&path, &card).unwrap();
    let message = prepare_image(&path, &path, &boot).unwrap_err().to_string();
    assert!(message.contains("are the same file or device"), "{message}");
    assert!(std::fs::read(&path).unwrap() == card);
}
