//! The Python package, by the Python that has numpy and onnx: kept indices of real variants.

mod common;
#[path = "common/runs.rs"]
mod runs;

use common::{digits, skipped};
use runs::paring;
use std::path::Path;
use std::process::Command;

#[test]
fn kept_indices_give_the_tensors_of_the_variant() {
    let python = std::env::var("PARING_PYTHON").unwrap_or_else(|_| "python3".into());
    let found = Command::new(&python).args(["-c", "import numpy, onnx"]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        return skipped("PARING_PYTHON has no numpy and onnx");
    }
    let folder = tempfile::tempdir().unwrap();
    let study = folder.path().join("study.toml");
    let text = format!(
        "[study]\nname = \"package\"\nowner = \"tests\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n\
         [protocol]\nprobes = 0\n\
         [[variant]]\nname = \"cut\"\nsteps = [{{ prune = \"channels\", ratio = 0.4, criterion = \"l1\" }}]\n\
         [[variant]]\nname = \"sparse\"\nfrom = \"cut\"\n\
         steps = [{{ prune = \"weights\", ratio = 0.5, criterion = \"l1\" }}]\n",
        digits("digits_cnn.onnx"),
        digits("digits.npz"),
    );
    std::fs::write(&study, text).unwrap();
    let run = folder.path().join("run");
    let words = ["compress", study.to_str().unwrap(), "--out", run.to_str().unwrap()];
    paring(folder.path(), &words).success();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ended = Command::new(&python)
        .arg(root.join("tests/python/package_checks.py"))
        .args([&run, &digits("digits_cnn.onnx")])
        .env("PYTHONPATH", root.join("python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}");
    eprintln!("{}", String::from_utf8_lossy(&ended.stdout));
}
