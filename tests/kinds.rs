//! Kinds of models and data that compression tools have got wrong, through the program from end to end
//! and against ONNX Runtime: what `scripts/cases` prints.
//!
//! Needs Python with onnx and onnxruntime: `scripts/test` makes one and names it in `PARING_PYTHON`.

mod common;

use common::{python, skipped};
use std::path::Path;
use std::process::Command;

#[test]
fn every_kind_is_right_or_refused_for_a_true_reason() {
    let reads = |python: &String| {
        let found = Command::new(python).args(["-c", "import onnx, PIL"]).output();
        found.is_ok_and(|found| found.status.success())
    };
    let Some(python) = python().filter(reads) else {
        return skipped("kinds of models, because Python has no onnx, onnxruntime or pillow");
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/run.py");
    let mut run = Command::new(python);
    run.arg(script).arg(env!("CARGO_BIN_EXE_paring"));
    let found = run.output().unwrap();
    let said = String::from_utf8_lossy(&found.stdout);
    let wrong: Vec<&str> = said.split("\n\n").filter(|part| part.starts_with("WRONG")).collect();
    let last = said.lines().next_back().unwrap_or_default();
    eprintln!("{last}");
    assert!(
        found.status.success(),
        "{last}\n{}\n{}",
        wrong.join("\n"),
        String::from_utf8_lossy(&found.stderr)
    );
    // The script tried them: none may vanish unseen.
    let kinds: usize = last.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    assert!(kinds >= 170, "{last}");
}
