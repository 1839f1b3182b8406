//! Runs that know of each other: the register of looks at the report split, and the run that a new run
//! follows with what its protocol changed.

mod common;
#[path = "common/runs.rs"]
mod runs;

use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use runs::{files, paring};
use serde_json::Value;
use std::path::{Path, PathBuf};

const REGISTER: &str = "paring-looks.jsonl";

/// Makes and evaluates the small study in `folder` as a run of that name.
fn evaluated(folder: &Path, name: &str) -> assert_cmd::assert::Assert {
    let study = folder.join("study.toml");
    let study = if study.exists() { study } else { runs::study(folder) };
    let out = folder.join(name);
    let words = ["compress", study.to_str().unwrap(), "--evaluate", "--out", out.to_str().unwrap()];
    paring(folder, &words)
}

/// Entries of a run's ledger, or of a register, of one kind.
fn entries(file: &Path, kind: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    let all = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    all.filter(|entry| entry["kind"] == kind).collect()
}

fn count(run: &Path) -> Value {
    entries(&run.join("ledger.jsonl"), "look").last().unwrap()["body"]["count"].clone()
}

fn edit_study(folder: &Path, from: &str, to: &str) -> PathBuf {
    let path = folder.join("study.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from));
    std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
    path
}

#[test]
fn twenty_runs_look_like_twenty() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    runs::study(folder);
    // Only the pruned variant: what is counted is the looks.
    let text = std::fs::read_to_string(folder.join("study.toml")).unwrap();
    let end = text.find("[[variant]]\nname = \"both\"").unwrap();
    std::fs::write(folder.join("study.toml"), &text[..end]).unwrap();
    for number in 1..=19 {
        evaluated(folder, &format!("run-{number}")).success();
    }
    // Other splits and columns are other protocols, and the same samples.
    edit_study(folder, "seed = 1", "seed = 2");
    evaluated(folder, "run-20").success();
    // The same again in the same run tells nothing new.
    evaluated(folder, "run-20").success();
    let expected = serde_json::json!({ "looks": 20, "runs": 20, "lost": 0 });
    assert_eq!(count(&folder.join("run-20")), expected);
    assert_eq!(count(&folder.join("run-7"))["looks"], 7);
    assert_eq!(entries(&folder.join(REGISTER), "look").len(), 20);
    paring(folder, &["verify", folder.join("run-20").to_str().unwrap()]).success();
}

#[test]
fn a_register_that_was_cut_or_removed_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for name in ["a", "b", "c"] {
        evaluated(folder, name).success();
    }
    let register = folder.join(REGISTER);
    let text = std::fs::read_to_string(&register).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    // Cut: the chain of what is left holds.
    std::fs::write(&register, format!("{}\n", lines[0])).unwrap();
    evaluated(folder, "d").success().stderr(contains("lacks 2 of the looks at these data"));
    assert_eq!(count(&folder.join("d")), serde_json::json!({ "looks": 4, "runs": 4, "lost": 2 }));
    std::fs::remove_file(&register).unwrap();
    evaluated(folder, "e").success().stderr(contains("it was cut or removed"));
    assert_eq!(count(&folder.join("e"))["looks"], 5);
    // Changed: it is not written any more, and the ledger says so.
    let broken = text.replacen("\"by\":\"run\"", "\"by\":\"gun\"", 1);
    std::fs::write(&register, &broken).unwrap();
    let said = evaluated(folder, "f").success();
    said.stderr(contains("the look at the report split is not counted: line 1 of"));
    assert_eq!(std::fs::read_to_string(&register).unwrap(), broken);
    let looks = entries(&folder.join("f/ledger.jsonl"), "look");
    assert!(looks[0]["body"]["not_registered"].as_str().unwrap().contains("integrity check"));
}

#[test]
fn a_study_names_its_register() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    runs::study(folder);
    edit_study(folder, "[data]\n", "[data]\nlooks = \"shared.jsonl\"\n");
    std::fs::create_dir_all(folder.join("one")).unwrap();
    std::fs::create_dir_all(folder.join("two")).unwrap();
    evaluated(folder, "one/run").success();
    evaluated(folder, "two/run").success();
    assert_eq!(count(&folder.join("two/run"))["looks"], 2);
    assert!(!folder.join("two").join(REGISTER).exists());
    assert_eq!(entries(&folder.join("shared.jsonl"), "look").len(), 2);
}

#[test]
fn a_changed_protocol_is_a_new_run_that_names_its_predecessor() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    evaluated(folder, "first").success();
    edit_study(folder, "seed = 1", "seed = 7");
    let before = files(&folder.join("first"));
    evaluated(folder, "first").code(2).stderr(
        contains("other data, splits or metrics (data.splits.seed: 1 → 7)")
            .and(contains("a changed protocol is a new run, which names this one")),
    );
    assert_eq!(files(&folder.join("first")), before);
    evaluated(folder, "second").success();
    let read =
        |path: PathBuf| -> Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
    let (old, new) =
        (read(folder.join("first/protocol.json")), read(folder.join("second/protocol.json")));
    assert_eq!(old["predecessor"], Value::Null);
    let found = &new["predecessor"];
    assert_eq!(found["run_id"], old["run_id"]);
    assert_eq!(found["directory"], "first");
    assert_eq!(found["protocol_sha256"].as_str().unwrap(), before["protocol.json"].as_str());
    let fields: Vec<&str> =
        found["changes"].as_array().unwrap().iter().map(|c| c["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["data.splits.seed", "data_sha256"]);
    // The chain of the ledger holds it before the first look.
    let protocols = entries(&folder.join("second/ledger.jsonl"), "protocol");
    assert_eq!(&protocols.last().unwrap()["body"]["predecessor"], found);
    // A run that is gone on with keeps what it followed; a repeated one says that nothing changed.
    evaluated(folder, "second").success();
    assert_eq!(read(folder.join("second/protocol.json")), new);
    evaluated(folder, "third").success();
    let third = read(folder.join("third/protocol.json"));
    assert_eq!(third["predecessor"]["directory"], "second");
    assert_eq!(third["predecessor"]["changes"], serde_json::json!([]));
    paring(folder, &["verify", folder.join("second").to_str().unwrap()]).success();
    // Decisions have the ids of every run that decides the same.
    let ids = |run: &str| -> Vec<Value> {
        let all = entries(&folder.join(run).join("ledger.jsonl"), "decision");
        all.into_iter().map(|entry| entry["entry_id"].clone()).collect()
    };
    assert_eq!(ids("second"), ids("third"));
}
