//! Tells the program where its commit is recorded, the hash of its sources, and its target triple, for
//! `paring --version`.
//!
//! The commit is read where `main.rs` is compiled, from the file that is named here, so that a new commit
//! compiles that one file again and not the library.

use sha2::{Digest, Sha256};
use std::env::var;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the program is made of; a package has no `crates`, their packages stand in its `Cargo.lock`.
const SOURCES: [&str; 6] = ["Cargo.lock", "Cargo.toml", "crates", "src", "targets", "templates"];
/// Cargo's record of the commit that a package was made of.
const PACKAGED_COMMIT: &str = ".cargo_vcs_info.json";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for place in SOURCES {
        println!("cargo:rerun-if-changed={place}");
    }
    println!("cargo:rustc-env=PARING_SOURCES_SHA256={}", sources());
    println!("cargo:rustc-env=PARING_TARGET={}", var("TARGET").unwrap_or_default());
    println!("cargo:rustc-env=PARING_COMMIT_RECORD={}", commit_record().display());
}

/// The file whose end says the commit: git's log of `HEAD`, Cargo's record, or an empty file.
fn commit_record() -> PathBuf {
    let package = PathBuf::from(var("CARGO_MANIFEST_DIR").unwrap_or_default());
    let packaged = package.join(PACKAGED_COMMIT);
    if packaged.is_file() {
        return packaged;
    }
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"])
        // A repository around an unpacked archive is somebody else's.
        && git(&["rev-parse", "--show-prefix"]).is_some_and(|prefix| prefix.is_empty())
        && let log = package.join(log)
        && log.is_file()
    {
        // Looks again where the repository is gone, and not at every commit: this file stays as it is.
        for name in ["../config", "../commondir"] {
            let place = log.parent().unwrap_or(Path::new("")).join(name);
            if place.is_file() {
                println!("cargo:rerun-if-changed={}", place.display());
            }
        }
        return log;
    }
    let nothing = PathBuf::from(var("OUT_DIR").unwrap_or_default()).join("no-commit");
    match std::fs::write(&nothing, "") {
        Ok(()) => nothing,
        // Any file without a commit in it does.
        Err(_) => package.join("build.rs"),
    }
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_string())
}

/// SHA-256 over the names, lengths and bytes of all sources in the order of their names: the same
/// wherever they lie.
fn sources() -> String {
    let mut files = Vec::new();
    SOURCES.iter().for_each(|place| collect(Path::new(place), &mut files));
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let content = std::fs::read(&file).unwrap_or_default();
        let name = file.to_string_lossy();
        hash.update(format!("{} {name} {}\n", name.len(), content.len()));
        hash.update(content);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn collect(place: &Path, files: &mut Vec<PathBuf>) {
    match std::fs::read_dir(place) {
        Ok(entries) => entries.flatten().for_each(|entry| collect(&entry.path(), files)),
        Err(_) if place.is_file() => files.push(place.to_path_buf()),
        Err(_) => {}
    }
}
