//! Variants made again by a second party, from another folder and without the study: byte for byte, or
//! refused with the reason; and found where the run says something else than its recipe gives.

mod common;
#[path = "common/kinds_of_tampering.rs"]
#[allow(dead_code, reason = "each test binary uses a part")]
mod kinds_of_tampering;
#[path = "common/runs.rs"]
mod runs;

use common::{digits, shared, skipped};
use kinds_of_tampering::remanifested;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use runs::{copy, edit, files, paring};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Every kind of step, each in a variant.
const VARIANTS: &str = r#"
[[variant]]
name = "options"
engine = ["conv_nhwc"]
[[variant]]
name = "l1"
steps = [{ prune = "channels", ratio = 0.25, criterion = "l1" }]
[[variant]]
name = "chosen"
steps = [{ prune = "channels", ratio = 0.25, criterion = "wanda" }]
[[variant]]
name = "recovered"
steps = [{ prune = "channels", ratio = 0.25, criterion = "obs", recover = "least-squares" }]
[[variant]]
name = "sparse"
steps = [{ prune = "weights", ratio = 0.5, criterion = "l1" }]
[[variant]]
name = "weights8"
from = "chosen"
steps = [{ quantize = "int8-weights" }]
[[variant]]
name = "dynamic"
steps = [{ quantize = "int8-dynamic" }]
[[variant]]
name = "int8"
from = "recovered"
steps = [{ quantize = "int8" }]
[[variant]]
name = "half"
steps = [{ quantize = "f16" }]
[[variant]]
name = "tuned"
steps = [{ tune = true }]
[[variant]]
name = "measured"
steps = [{ quantize = "int8", layers = "measured" }]
[[variant]]
name = "distilled"
from = "l1"
steps = [{ distill = true, epochs = 1 }]
"#;

/// Variants that need no samples.
const WITHOUT_DATA: [&str; 7] =
    ["options", "l1", "chosen", "sparse", "weights8", "dynamic", "half"];

/// A compressed run in a folder, moved to another place, with its study gone.
fn moved(folder: &Path, model: &Path, data: &Path, variants: &str) -> PathBuf {
    let study = folder.join("study.toml");
    let text = format!(
        "[study]\nname = \"moved\"\nowner = \"tests\"\n[model]\npath = {model:?}\n[data]\npath = {data:?}\n\
         splits = {{ calibrate = 0.2, select = 0.2, report = 0.6, seed = 1 }}\n\
         [protocol]\nblocks = 3\nprobes = 2\nsolo_ms = 10\npaired_ms = 10\n{variants}"
    );
    std::fs::write(&study, text).unwrap();
    let out = folder.join("made");
    paring(folder, &["compress", study.to_str().unwrap(), "--out", out.to_str().unwrap()])
        .success();
    let run = copy(&out, &folder.join("elsewhere/run"));
    std::fs::remove_dir_all(out).unwrap();
    std::fs::remove_file(study).unwrap();
    run
}

/// The outcome of each variant: `identical`, `differs: FILE`, or `not-derived: REASON`.
fn outcomes(folder: &Path, run: &Path, more: &[&str]) -> (Option<i32>, BTreeMap<String, String>) {
    let words = ["verify", run.to_str().unwrap(), "--json"];
    let ended = paring(folder, &[&words[..], more].concat());
    let output = ended.get_output();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    let variants = answer["rederivation"]["variants"].as_array().unwrap().iter().map(|variant| {
        let outcome = variant["outcome"].as_str().unwrap();
        let more = variant["reason"].as_str().or(variant["file"].as_str());
        let more = more.map_or_else(String::new, |more| format!(": {more}"));
        (variant["name"].as_str().unwrap().to_string(), format!("{outcome}{more}"))
    });
    (output.status.code(), variants.collect())
}

#[test]
fn every_variant_is_made_again_with_the_data_and_those_without_samples_without() {
    let folder = tempfile::tempdir().unwrap();
    let (model, data) = (digits("digits_cnn.onnx"), digits("digits.npz"));
    let run = moved(folder.path(), &model, &data, VARIANTS);
    let before = files(&run);
    // A copy under another name, as a second party has it.
    let own = folder.path().join("given.onnx");
    std::fs::copy(&model, &own).unwrap();
    let (own, data) = (own.to_str().unwrap(), data.to_str().unwrap());
    let (code, found) = outcomes(folder.path(), &run, &["--baseline", own, "--data", data]);
    for (name, outcome) in &found {
        assert_eq!(outcome, "identical", "{name}");
    }
    assert_eq!((code, found.len()), (Some(0), 12));
    let (code, found) = outcomes(folder.path(), &run, &["--baseline", own]);
    for (name, outcome) in &found {
        match WITHOUT_DATA.contains(&name.as_str()) {
            true => assert_eq!(outcome, "identical", "{name}"),
            false => assert!(
                outcome.starts_with("not-derived: ") && outcome.contains("give --data"),
                "{name}: {outcome}"
            ),
        }
    }
    assert_eq!(code, Some(2));
    assert_eq!(files(&run), before, "the run was written");
    let (code, found) = outcomes(folder.path(), &run, &["--baseline", own, "--variant", "l1"]);
    assert_eq!((code, found.len()), (Some(0), 1));
}

#[test]
fn another_baseline_and_other_data_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (model, data) = (digits("digits_cnn.onnx"), digits("digits.npz"));
    let variants = "[[variant]]\nname = \"l1\"\nsteps = [{ prune = \"channels\", ratio = 0.25, criterion = \"l1\" }]\n";
    let run = moved(folder.path(), &model, &data, variants);
    let out = run.to_str().unwrap();
    let other = run.join("variants/l1.onnx");
    paring(folder.path(), &["verify", out, "--baseline", other.to_str().unwrap()])
        .code(2)
        .stderr(contains("is not the run's baseline").and(contains("l1.onnx")));
    // Other splits of the same data are other samples.
    edit_text(&run.join("study.toml"), "seed = 1", "seed = 2");
    remanifested(&run);
    let words = ["verify", out, "--baseline", model.to_str().unwrap(), "--data"];
    paring(folder.path(), &[&words[..], &[data.to_str().unwrap()]].concat())
        .code(2)
        .stderr(contains("other data, splits or metrics"));
}

fn edit_text(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from));
    std::fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn a_run_that_says_something_else_than_its_recipe_gives_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let (model, data) = (digits("digits_cnn.onnx"), digits("digits.npz"));
    let variants = "[[variant]]\nname = \"l1\"\nsteps = [{ prune = \"channels\", ratio = 0.25, criterion = \"l1\" }]\n";
    let run = moved(folder.path(), &model, &data, variants);
    let honest = copy(&run, &folder.path().join("honest"));
    let baseline = ["--baseline", model.to_str().unwrap()];
    // Another recipe than the one that it was made by: nothing in the run contradicts itself.
    edit_text(&run.join("study.toml"), "ratio = 0.25", "ratio = 0.5");
    remanifested(&run);
    paring(folder.path(), &["verify", run.to_str().unwrap()]).success();
    let (code, found) = outcomes(folder.path(), &run, &baseline);
    assert_eq!((code, found["l1"].as_str()), (Some(5), "differs: variants/l1.onnx"));
    // Indices that are not those that are left.
    copy(&honest, &run);
    edit(&run.join("variants/l1.json"), |record| {
        let axes = record["origins"].as_object_mut().unwrap();
        axes.clear();
    });
    remanifested(&run);
    paring(folder.path(), &["verify", run.to_str().unwrap()]).success();
    let (code, found) = outcomes(folder.path(), &run, &baseline);
    assert_eq!((code, found["l1"].as_str()), (Some(5), "differs: variants/l1.json"));
}

#[test]
fn keyword_spotting_is_made_again_byte_for_byte() {
    let Some(folder) = shared("mlperf-tiny") else { return skipped("no MLPerf Tiny data") };
    let (model, data) = (folder.join("kws_dscnn_f32.onnx"), folder.join("kws_dev.npz"));
    let folder = tempfile::tempdir().unwrap();
    let variants = "[[variant]]\nname = \"pruned\"\nsteps = [{ prune = \"channels\", ratio = 0.5, criterion = \"obs\", recover = \"least-squares\" }]\n[[variant]]\nname = \"int8\"\nfrom = \"pruned\"\nsteps = [{ quantize = \"int8\" }]\n";
    let run = moved(folder.path(), &model, &data, variants);
    let words = ["--baseline", model.to_str().unwrap(), "--data", data.to_str().unwrap()];
    let (code, found) = outcomes(folder.path(), &run, &words);
    let same = BTreeMap::from(["int8", "pruned"].map(|name| (name.into(), "identical".into())));
    assert_eq!((code, found), (Some(0), same));
}
