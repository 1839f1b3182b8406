//! Small runs of the example, and what a run directory and the world around it hold.
#![allow(dead_code, reason = "each test binary uses a part")]

use paring::schema::Sha256Hex;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The program, with everything that is the user's in `folder`.
pub fn paring(folder: &Path, arguments: &[&str]) -> assert_cmd::assert::Assert {
    assert_cmd::Command::new(env!("CARGO_BIN_EXE_paring"))
        .env("PARING_FORECASTS", folder.join("forecasts.jsonl"))
        .env("PARING_DATA", folder.join("data"))
        .env("USER", "somebody")
        .args(arguments)
        .timeout(Duration::from_secs(600))
        .assert()
}

/// A study with a variant that is pruned, and one that is quantized after that; blocks are as short as
/// they can be.
pub fn study(folder: &Path) -> PathBuf {
    let path = folder.join("study.toml");
    let text = format!(
        "[study]\nname = \"small\"\nowner = \"tests\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n\
         splits = {{ calibrate = 0.2, select = 0.2, report = 0.6, seed = 1 }}\n\
         [protocol]\nblocks = 3\nprobes = 0\nsolo_ms = 10\npaired_ms = 10\n\
         [[variant]]\nname = \"pruned\"\nsteps = [{{ prune = \"channels\", ratio = 0.25, \
         criterion = \"l1\" }}]\n\
         [[variant]]\nname = \"both\"\nfrom = \"pruned\"\nsteps = [{{ quantize = \"int8-weights\" }}]\n",
        crate::common::digits("digits_cnn.onnx"),
        crate::common::digits("digits.npz"),
    );
    std::fs::write(&path, text).unwrap();
    path
}

/// The variants of the study, without measurements.
pub fn compressed(folder: &Path) -> PathBuf {
    made(folder, &["compress"])
}

/// The whole study, measured here; no block is repeated, however busy the machine is.
pub fn measured(folder: &Path) -> PathBuf {
    made(folder, &["run", "--quick"])
}

fn made(folder: &Path, verb: &[&str]) -> PathBuf {
    let (study, out) = (study(folder), folder.join("run"));
    let place = [study.to_str().unwrap(), "--out", out.to_str().unwrap()];
    paring(folder, &[verb, &place].concat()).success();
    out
}

/// A copy of a folder; a name that is there already is replaced.
pub fn copy(from: &Path, to: &Path) -> PathBuf {
    if to.exists() {
        std::fs::remove_dir_all(to).unwrap();
    }
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|e| (e.path(), e.file_name())).unwrap();
        match path.is_dir() {
            true => drop(copy(&path, &to.join(name))),
            false => drop(std::fs::copy(&path, to.join(name)).unwrap()),
        }
    }
    to.to_path_buf()
}

/// Every file below a folder with its hash, by its path there; links are not followed.
pub fn files(folder: &Path) -> BTreeMap<String, Sha256Hex> {
    fn walk(folder: &Path, prefix: &str, found: &mut BTreeMap<String, Sha256Hex>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                walk(&path, &format!("{prefix}{name}/"), found);
            } else if kind.is_file() {
                found.insert(format!("{prefix}{name}"), Sha256Hex::of_file(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(folder, "", &mut found);
    found
}

/// Changes a JSON file of a run.
pub fn edit(path: &Path, change: impl FnOnce(&mut serde_json::Value)) {
    let mut value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(&mut value);
    std::fs::write(path, serde_json::to_vec_pretty(&value).unwrap()).unwrap();
}

/// The words that explain the variant `both` of the run at `out`, with few groups and experiments.
pub fn explain<'a>(out: &'a str, groups: &'a str) -> [&'a str; 10] {
    let variant = ["explain", out, "--variant", "both"];
    let effort = ["--replicates", "1", "--groups", groups, "--experiments", "200"];
    let mut words = [""; 10];
    words[..4].copy_from_slice(&variant);
    words[4..].copy_from_slice(&effort);
    words
}
