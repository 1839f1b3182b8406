//! The report in real Chromium: no complaint, no network, selection, filters, keyboard, print, light and
//! dark, narrow and wide, nothing serious for axe-core, and ten questions answered by clicks.
//!
//! Needs Node.js, Chromium and the modules that `scripts/test` installs; says so where they are missing.

mod common;
#[path = "common/browser.rs"]
mod browser;
#[path = "common/runs.rs"]
mod runs;

use browser::Browser;
use runs::paring;
use std::path::{Path, PathBuf};

/// Three variants of the example: one that loses much, one made of it, one in integers.
fn study(folder: &Path) -> PathBuf {
    let path = folder.join("study.toml");
    let text = format!(
        "[study]\nname = \"small\"\nowner = \"tests\"\npurpose = \"a look in a browser\"\n\
         [model]\npath = {:?}\n[data]\npath = {:?}\nslices = [\"stroke_density\"]\n\
         splits = {{ calibrate = 0.2, select = 0.2, report = 0.6, seed = 1 }}\n\
         [protocol]\nblocks = 9\nsolo_ms = 5\npaired_ms = 5\n\
         [[variant]]\nname = \"pruned\"\nsteps = [{{ prune = \"channels\", ratio = 0.25, \
         criterion = \"l1\" }}]\n\
         [[variant]]\nname = \"both\"\nfrom = \"pruned\"\nsteps = [{{ quantize = \"int8-weights\" }}]\n\
         [[variant]]\nname = \"recovered\"\nsteps = [{{ prune = \"channels\", ratio = 0.5, \
         criterion = \"obs\", recover = \"least-squares\" }}]\n\
         [[variant]]\nname = \"int8\"\nsteps = [{{ quantize = \"int8\" }}]\n",
        common::digits("digits_cnn.onnx"),
        common::digits("digits.npz"),
    );
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_reviewer_finds_the_answers_in_a_browser() {
    let browser = match Browser::find() {
        Ok(browser) => browser,
        Err(why) => return println!("skipped: the report in a browser, because {why}"),
    };
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = (study(folder.path()), folder.path().join("run"));
    let run = out.to_str().unwrap();
    paring(folder.path(), &["run", study.to_str().unwrap(), "--out", run]).success();
    paring(folder.path(), &runs::explain(run, "4")).success();
    let document = folder.path().join("run.json");
    let to = ["report", run, "--format", "json", "--out", document.to_str().unwrap()];
    paring(folder.path(), &to).success();
    let said = browser.run("report.mjs", &[&out.join("report.html"), &document]);
    assert_eq!(said.matches(" question: ").count(), 10, "{said}");
    println!("{said}");
}
