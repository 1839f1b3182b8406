//! A run directory on another machine: study, model and data are gone from where they were.

mod common;
#[path = "common/runs.rs"]
mod runs;

use common::digits;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use runs::paring;
use std::path::{Path, PathBuf};

/// A folder with a run, and nothing of what it was made from; and the folder that this was in.
fn moved() -> (tempfile::TempDir, PathBuf, tempfile::TempDir) {
    let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for name in ["digits_cnn.onnx", "digits.npz"] {
        std::fs::copy(digits(name), before.path().join(name)).unwrap();
    }
    let study = before.path().join("study.toml");
    let text = "[study]\nname = \"moved\"\nowner = \"tests\"\n[model]\npath = \"digits_cnn.onnx\"\n\
                [data]\npath = \"digits.npz\"\n\
                [protocol]\nprobes = 0\nblocks = 2\nsolo_ms = 10\npaired_ms = 10\n\
                [[protocol.require]]\nmetric = \"accuracy_drop\"\nmax = 0.5\n\
                [[variant]]\nname = \"half\"\nsteps = [{ prune = \"channels\", ratio = 0.5, \
                criterion = \"l1\", recover = \"least-squares\" }]\n";
    std::fs::write(&study, text).unwrap();
    let made = before.path().join("run");
    let words = ["run", study.to_str().unwrap(), "--out", made.to_str().unwrap()];
    paring(before.path(), &words).success();
    let run = after.path().join("run");
    runs::copy(&made, &run);
    std::fs::remove_dir_all(before.path().join("run")).unwrap();
    for name in ["digits_cnn.onnx", "digits.npz", "study.toml"] {
        std::fs::remove_file(before.path().join(name)).unwrap();
    }
    (after, run, before)
}

/// The id of a component that `half` lacks.
fn removed(run: &Path) -> String {
    let record = std::fs::read(run.join("variants/half.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    let all = record["components_removed"].as_object().unwrap();
    all.values().next().unwrap()[0].as_str().unwrap().to_string()
}

#[test]
fn a_run_opens_without_what_it_was_made_from() {
    let (folder, run, _gone) = moved();
    let run_text = run.to_str().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let data = elsewhere.path().join("renamed.npz");
    std::fs::copy(digits("digits.npz"), &data).unwrap();
    let paring = |words: &[&str]| {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_paring"));
        command.current_dir(elsewhere.path()).args(words).assert()
    };
    // What needs neither model nor data.
    for verb in ["show", "verify"] {
        paring(&[verb, run_text]).success();
    }
    paring(&["gate", run_text, "--allow-undecided"]).success();
    paring(&["list", folder.path().to_str().unwrap()]).success().stdout(contains("moved"));
    paring(&["report", run_text]).success();
    let summary = std::fs::read_to_string(run.join("summary.md")).unwrap();
    assert!(summary.contains("`half`") && summary.contains("# `moved`, run"), "{summary}");

    // What needs them says what to type, and finds the model in the run.
    let component = removed(&run);
    let restore = ["restore", run_text, "--variant", "half", "--component", &component];
    let advice = format!("`paring restore {run_text} --data FILE`");
    paring(&restore).code(2).stderr(contains("the run's data are not at").and(contains(advice)));
    let explain = ["explain", run_text, "--minutes", "0.1", "--groups", "2", "--replicates", "1"];
    let advice = format!("`paring explain {run_text} --data FILE`");
    paring(&explain).code(2).stderr(contains(advice));
    let named = ["--data", data.to_str().unwrap()];
    paring(&[&restore[..], &named].concat()).success().stdout(contains("removed"));
    paring(&[&explain[..], &named].concat()).success();
    let winter = ["regime", run_text, "--name", "winter", "--data", data.to_str().unwrap()];
    paring(&winter).code(2).stderr(contains("--study-data FILE`"));
    paring(&[&winter[..], &["--study-data", data.to_str().unwrap()]].concat()).success();
    paring(&["report", run_text, "--data", data.to_str().unwrap()]).success();
    // Measuring needs the targets that the study names.
    paring(&[&explain[..], &named, &["--measure"]].concat()).code(2).stderr(contains("--study"));

    // Other data are not taken for the run's.
    let other = elsewhere.path().join("other.npz");
    let bytes = std::fs::read(digits("digits.npz")).unwrap();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut changed = zip::ZipWriter::new(std::fs::File::create(&other).unwrap());
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
        if entry.name() == "labels.npy" {
            let last = bytes.len() - 8;
            bytes[last] ^= 1;
        }
        changed.start_file(entry.name(), zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut changed, &bytes).unwrap();
    }
    changed.finish().unwrap();
    let wrong = [&restore[..], &["--data", other.to_str().unwrap()]].concat();
    paring(&wrong).code(2).stderr(contains("was made with other data, splits or metrics"));

    // Data of the same name beside the run are found by their content.
    std::fs::copy(&data, folder.path().join("digits.npz")).unwrap();
    paring(&restore).success();
}
