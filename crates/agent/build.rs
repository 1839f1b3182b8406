//! Tells the agent what it was compiled with, which stands in every record's environment, and from
//! which sources, by which an old agent is known.

use std::env::var;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the agent is made of, seen from its own folder.
const FILES: &[&str] =
    &["../../Cargo.lock", "../../Cargo.toml", "../core/Cargo.toml", "Cargo.toml"];
const FOLDERS: &[&str] = &["../core/src", "src"];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let of = |key: &str| var(key).unwrap_or_default();
    let version = Command::new(of("RUSTC")).arg("--version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_string());
    // How paths are written depends on the machine that builds, and changes nothing that is measured.
    let flags = of("CARGO_ENCODED_RUSTFLAGS");
    let flags: Vec<&str> =
        flags.split('\u{1f}').filter(|flag| !flag.starts_with("--remap-path-prefix")).collect();
    let flags = flags.join(" ");
    let compiler = format!(
        "{}, {}, opt-level {}, features {}{}{flags}",
        version.unwrap_or_else(|_| "rustc".into()),
        of("TARGET"),
        of("OPT_LEVEL"),
        of("CARGO_CFG_TARGET_FEATURE"),
        if flags.is_empty() { "" } else { ", flags " },
    );
    println!("cargo:rustc-env=PARING_COMPILER={compiler}");
    for place in FILES.iter().chain(FOLDERS) {
        println!("cargo:rerun-if-changed={place}");
    }
    println!("cargo:rustc-env=PARING_SOURCES={:016x}", sources());
}

/// A hash of the sources, of the versions that they need and of the profile, the same wherever they
/// lie (FNV-1a).
fn sources() -> u64 {
    let mut files: Vec<PathBuf> = FILES.iter().map(PathBuf::from).collect();
    FOLDERS.iter().for_each(|folder| collect(Path::new(folder), &mut files));
    files.sort();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for file in files {
        let name = file.to_string_lossy().into_owned().into_bytes();
        for byte in name.into_iter().chain(std::fs::read(&file).unwrap_or_default()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => collect(&path, files),
            false if path.extension().is_some_and(|end| end == "rs") => files.push(path),
            false => {}
        }
    }
}
