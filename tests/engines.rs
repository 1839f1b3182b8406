//! Other engines beside tract: ONNX Runtime through its adapter where Python has it, and programs that
//! break the protocol in every way.

mod common;
#[path = "common/runs.rs"]
mod runs;

use common::{digits, skipped};
use paring::schema::{BlockOutcome, BlockRecord};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use runs::paring;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A study of the example's network with an engine; blocks are as short as they can be.
fn study(folder: &Path, engine: &str, rest: &str) -> PathBuf {
    let text = format!(
        "[study]\nname = \"engines\"\nowner = \"tests\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n\
         [protocol]\nprobes = 0\nblocks = 2\nsolo_ms = 10\npaired_ms = 10\nlimit_s = 20\n\
         [[variant]]\nname = \"half\"\nsteps = [{{ prune = \"channels\", ratio = 0.5, criterion = \"l1\" }}]\n\
         [[variant]]\nname = \"nhwc\"\nengine = [\"conv_nhwc\"]\n{engine}{rest}",
        digits("digits_cnn.onnx"),
        digits("digits.npz"),
    );
    let path = folder.join("study.toml");
    std::fs::write(&path, text).unwrap();
    path
}

fn engine(command: &[&str]) -> String {
    format!("[[engine]]\nname = \"other\"\ncommand = {command:?}\n")
}

/// The adapters' folder.
fn adapter(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/engines").join(name)
}

/// A Python with a package, where there is one.
fn python_with(package: &str) -> Option<String> {
    let python = std::env::var("PARING_PYTHON").unwrap_or_else(|_| "python3".into());
    let found = Command::new(&python).args(["-c", &format!("import {package}")]).output();
    found.is_ok_and(|output| output.status.success()).then_some(python)
}

/// Rows of results.csv: cells by column.
fn rows(run: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(run.join("results.csv")).unwrap();
    let header = reader.headers().unwrap().clone();
    let row = |record: csv::StringRecord| {
        header.iter().map(str::to_string).zip(record.iter().map(str::to_string)).collect()
    };
    reader.records().map(|record| row(record.unwrap())).collect()
}

/// Reasons of failed blocks in the journal.
fn failures(run: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(run.join("journal/host/blocks.jsonl")).unwrap();
    let records = text.lines().map(|line| serde_json::from_str::<BlockRecord>(line).unwrap());
    let reasons = records.filter_map(|record| match record.outcome {
        BlockOutcome::Failed { reason } => Some(reason),
        BlockOutcome::Done { .. } => None,
    });
    reasons.collect()
}

#[test]
fn a_command_needs_trust() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(folder.path(), &engine(&["true"]), "");
    paring(folder.path(), &["run", study.to_str().unwrap(), "--dry-run"])
        .code(2)
        .stderr(contains("`command` under [[engine]] runs a program").and(contains("`--trust`")));
    paring(folder.path(), &["run", study.to_str().unwrap(), "--dry-run", "--trust"])
        .success()
        .stdout(contains("engine `other`: true"));
}

#[test]
fn onnx_runtime_is_measured_beside_tract() {
    let Some(python) = python_with("onnxruntime") else {
        return skipped("PARING_PYTHON has no onnxruntime");
    };
    let folder = tempfile::tempdir().unwrap();
    for name in ["engine_protocol.py", "onnxruntime_engine.py"] {
        std::fs::copy(adapter(name), folder.path().join(name)).unwrap();
    }
    // A file beside the study is meant by its name.
    let command = engine(&[&python, "onnxruntime_engine.py"]);
    let study = study(folder.path(), &command, "");
    let run = folder.path().join("run");
    let words = ["run", study.to_str().unwrap(), "--trust", "--out", run.to_str().unwrap()];
    paring(folder.path(), &words).success().stdout(contains("other engines, speed-up over"));
    assert_eq!(failures(&run), Vec::<String>::new());

    let rows = rows(&run);
    let names: Vec<_> = rows
        .iter()
        .map(|row| (row["variant"].as_str(), row["engine"].starts_with("tract")))
        .collect();
    // What differs by an option of tract alone is one file in another engine.
    let expected =
        [("baseline", true), ("half", true), ("nhwc", true), ("baseline", false), ("half", false)];
    assert_eq!(names, expected);
    for row in &rows[3..] {
        assert!(row["engine"].starts_with("onnxruntime 1."), "{}", row["engine"]);
        assert!(row["engine_options"].contains("optimization=all"), "{row:?}");
        assert!(row["latency_p50_ns"].parse::<u64>().unwrap() > 0);
        let [value, low, high] = ["speedup", "speedup_low", "speedup_high"]
            .map(|column| row[column].parse::<f64>().unwrap());
        assert!(0.0 < low && low <= value && value <= high);
        assert_eq!((row["engine_samples"].as_str(), row["engine_flips"].as_str()), ("64", "0"));
        assert!(row["engine_max_abs_difference"].parse::<f64>().unwrap() < 1e-4, "{row:?}");
        assert_eq!((row["metric_value"].as_str(), row["gate"].as_str()), ("", ""));
        assert!(rows[..3].iter().all(|own| own["variant_id"] != row["variant_id"]));
    }
    assert!(rows[..3].iter().all(|row| row["engine_samples"].is_empty()));

    // The rows are those of the journal, also when they are read back.
    paring(folder.path(), &["verify", run.to_str().unwrap()]).success();
    paring(folder.path(), &["show", run.to_str().unwrap()])
        .success()
        .stdout(contains("onnxruntime 1."));
    // A figure that somebody changes is found.
    let results = run.join("results.csv");
    let text = std::fs::read_to_string(&results).unwrap();
    std::fs::write(&results, text.replace("onnxruntime 1.", "onnxruntime 9.")).unwrap();
    paring(folder.path(), &["show", run.to_str().unwrap()]).stderr(contains("results.csv"));
    std::fs::write(&results, text).unwrap();
    // Without its engine the run goes on, and the rows that nobody asks for any more are gone.
    let study = self::study(folder.path(), "", "");
    paring(folder.path(), &["run", study.to_str().unwrap(), "--out", run.to_str().unwrap()])
        .success();
    assert_eq!(self::rows(&run).len(), 3);
}

/// Runs a study with the fake engine of `tests/fixtures/fake_engine.py`, which is no engine at all and
/// breaks the protocol in one way; gives the first reason in the journal.
fn broken(way: &str) -> String {
    let python = python_with("json").expect("python3");
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/fake_engine.py");
    let command = engine(&[&python, script.to_str().unwrap(), way]) + "variants = [\"baseline\"]\n";
    let study = study(folder.path(), &command, "");
    let text = std::fs::read_to_string(&study).unwrap().replace("limit_s = 20", "limit_s = 4");
    std::fs::write(&study, text).unwrap();
    let run = folder.path().join("run");
    let words = ["run", study.to_str().unwrap(), "--trust", "--out", run.to_str().unwrap()];
    paring(folder.path(), &words).code(4).stderr(contains("baseline in other"));
    let rows = rows(&run);
    assert_eq!(rows.len(), 4, "tract's rows stay");
    assert!(rows[..3].iter().all(|row| !row["latency_p50_ns"].is_empty()));
    assert_eq!((rows[3]["engine"].as_str(), rows[3]["latency_p50_ns"].as_str()), ("other", ""));
    let reason = failures(&run).remove(0);
    assert!(rows[3]["latency_missing"].contains("its blocks failed"), "{:?}", rows[3]);
    paring(folder.path(), &["verify", run.to_str().unwrap()]).success();
    reason
}

#[test]
fn a_broken_program_fails_its_own_row_and_says_why() {
    for (way, expected) in [
        ("stray", "wrote `loading the model` to standard output where it had to answer `load`"),
        ("json", "wrote `{not json` to standard output where it had to answer `run`"),
        ("crash", "ended before it answered `run`: signal: 11"),
        ("exit", "ended before it answered `load`: exit status: 7"),
        ("hang", "did not answer `run` within 3 s"),
        ("fast", "in all, but it answered after"),
        ("refuse", "cannot do `load`: this is no engine"),
        ("absent", "start `/no/such/program`"),
    ] {
        let reason = if way == "absent" { missing_program() } else { broken(way) };
        assert!(reason.contains("engine `other`") && reason.contains(expected), "{way}: {reason}");
    }
}

fn missing_program() -> String {
    let folder = tempfile::tempdir().unwrap();
    let command = engine(&["/no/such/program"]) + "variants = [\"baseline\"]\n";
    let study = study(folder.path(), &command, "");
    let run = folder.path().join("run");
    let words = ["run", study.to_str().unwrap(), "--trust", "--out", run.to_str().unwrap()];
    paring(folder.path(), &words).code(4);
    failures(&run).remove(0)
}
