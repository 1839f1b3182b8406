//! A run directory whose process was killed at a system call: the same verb again, or another, finds
//! it usable and brings it to the same end. `PARING_KILL_POINTS=300` tries that many.

mod common;
#[path = "common/runs.rs"]
mod runs;

use paring::files::ConfinedPath;
use paring::ledger::read_ledger;
use paring::schema::{BlockRecord, LedgerEntryKind, SCHEMA, Sha256Hex};
use paring::stats;
use paring::study::verify;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use rand::RngExt;
use runs::{compressed, copy, files, paring, study};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// System calls that change what is on the disk.
const CALLS: [&str; 9] = [
    "write",
    "fsync",
    "fdatasync",
    "renameat",
    "mkdirat",
    "unlinkat",
    "flock",
    "ftruncate",
    "openat",
];

#[test]
fn a_run_that_died_before_its_first_file_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = (study(folder.path()), folder.path().join("run"));
    std::fs::create_dir_all(out.join("variants")).unwrap();
    for name in [".lock", ".writing", ".paring-77x0", "variants/.paring-aB3dEf"] {
        std::fs::write(out.join(name), if name.contains("paring") { "half a fi" } else { "" })
            .unwrap();
    }
    let words = ["compress", study.to_str().unwrap(), "--out", out.to_str().unwrap()];
    paring(folder.path(), &words).success();
    let left: Vec<String> = files(&out).into_keys().filter(|f| f.contains(".paring-")).collect();
    assert!(left.is_empty(), "{left:?}");
    verify(&out, None).unwrap();
}

#[test]
fn a_folder_that_is_no_run_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = (study(folder.path()), folder.path().join("mine"));
    std::fs::create_dir_all(&out).unwrap();
    for name in ["thesis.txt", ".paring-77x0"] {
        std::fs::write(out.join(name), "mine").unwrap();
    }
    let before = files(&out);
    let words = ["compress", study.to_str().unwrap(), "--out", out.to_str().unwrap()];
    paring(folder.path(), &words).code(2).stderr(contains("not a run of paring"));
    assert_eq!(files(&out), before);
}

#[test]
fn a_damaged_line_of_a_journal_is_set_aside_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let run = runs::measured(folder.path());
    let journal = run.join("journal/host/blocks.jsonl");
    let text = std::fs::read_to_string(&journal).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
    let mut newer: BlockRecord = serde_json::from_str(&lines[1]).unwrap();
    newer.schema = SCHEMA + 1;
    let (torn, newer) =
        ("{\"schema\":1,\"meas".to_string(), serde_json::to_string(&newer).unwrap());
    lines[0] = torn.clone();
    lines[1] = newer.clone();
    std::fs::write(&journal, lines.join("\n") + "\n").unwrap();
    let (study, out) = (folder.path().join("study.toml"), run.to_str().unwrap());
    paring(folder.path(), &["run", study.to_str().unwrap(), "--out", out, "--quick"])
        .success()
        .stderr(contains("2 lines are no blocks; set aside in"));
    let aside = std::fs::read_to_string(run.join("journal/host/blocks.set-aside.jsonl")).unwrap();
    assert_eq!(aside, format!("{torn}\n{newer}\n"));
    // The blocks were measured again.
    assert_eq!(std::fs::read_to_string(&journal).unwrap().lines().count(), lines.len());
    paring(folder.path(), &["run", study.to_str().unwrap(), "--out", out, "--quick"])
        .success()
        .stderr(contains("set aside").not());
}

/// Whether strace may trace here.
fn strace() -> bool {
    let traced = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output();
    traced.is_ok_and(|output| output.status.success())
}

fn traced(folder: &Path, options: &[String], words: &[&str]) -> std::process::ExitStatus {
    Command::new("strace")
        .args(["-f", "-qq"])
        .args(options)
        .arg(env!("CARGO_BIN_EXE_paring"))
        .args(words)
        .env("PARING_FORECASTS", folder.join("forecasts.jsonl"))
        .env("PARING_DATA", folder.join("data"))
        .env("USER", "somebody")
        .output()
        .unwrap()
        .status
}

/// How often the main thread makes each of the calls.
fn counted(folder: &Path, words: &[&str]) -> BTreeMap<&'static str, usize> {
    let log = folder.join("calls");
    let options = ["-o", log.to_str().unwrap(), "-e"].map(str::to_string);
    let trace = format!("trace={}", CALLS.join(","));
    assert!(traced(folder, &[&options[..], &[trace]].concat(), words).success());
    let text = std::fs::read_to_string(&log).unwrap();
    let main = text.split_whitespace().next().unwrap().to_string();
    let own: Vec<&str> = text.lines().filter(|line| line.starts_with(&main)).collect();
    let of = |call: &&'static str| {
        let made = own.iter().filter(|line| line.contains(&format!(" {call}(")));
        (*call, made.count())
    };
    CALLS.iter().map(of).filter(|(_, count)| *count > 0).collect()
}

/// What has to be the same however often a verb was killed: not times, nor what was measured.
fn end_state(run: &Path) -> BTreeMap<String, Sha256Hex> {
    let mut found = files(run);
    let varies = |path: &str| {
        let timed = ["costs/", "journal/", "experiments/measured/", "overlay/"];
        let whole = [
            "protocol.json",
            "ledger.jsonl",
            "run.manifest",
            "results.csv",
            "layers.csv",
            "savings.csv",
            "effects.csv",
            "explain.json",
            "report.md",
            "report.html",
            // Of the order in which experiments are done on several cores.
            "experiments/experiments.jsonl",
        ];
        timed.iter().any(|folder| path.starts_with(folder)) || whole.contains(&path)
    };
    found.retain(|path, _| !varies(path));
    // Of the ledger what was decided; what came of it has times.
    let entries = read_ledger(&ConfinedPath::root(run).join("ledger.jsonl")).unwrap();
    let decisions = entries.iter().filter(|e| e.kind == LedgerEntryKind::Decision);
    let decisions: BTreeSet<String> = decisions.map(|e| e.body.to_string()).collect();
    let decisions: Vec<String> = decisions.into_iter().collect();
    found.insert("decisions".into(), Sha256Hex::of(decisions.concat().as_bytes()));
    found
}

/// Every block that the journal should have, once.
fn blocks(run: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(run.join("journal/host/blocks.jsonl")).unwrap_or_default();
    let records = text.lines().map(|line| serde_json::from_str::<BlockRecord>(line).unwrap());
    let keys: Vec<String> = records.map(|r| format!("{:?}", r.attempt)).collect();
    let once: BTreeSet<String> = keys.iter().cloned().collect();
    assert_eq!(once.len(), keys.len(), "a block was measured twice");
    once
}

/// A verb, and the run that it begins with; none for a new one.
struct Case {
    words: Vec<String>,
    begun: Option<PathBuf>,
    run: PathBuf,
}

impl Case {
    fn begin(&self) {
        let _ = std::fs::remove_dir_all(&self.run);
        if let Some(begun) = &self.begun {
            copy(begun, &self.run);
        }
    }

    fn words(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).collect()
    }
}

fn cases(folder: &Path) -> Vec<Case> {
    let study = study(folder);
    let run = folder.join("run");
    let compressed = copy(&compressed(folder), &folder.join("compressed"));
    let (study, out) = (study.to_str().unwrap(), run.to_str().unwrap());
    let case = |words: &[&str], begun: Option<PathBuf>| Case {
        words: words.iter().map(|word| word.to_string()).collect(),
        begun,
        run: run.clone(),
    };
    let restore = ["restore", out, "--variant", "both"];
    let explain = runs::explain(out, "2");
    vec![
        case(&["run", study, "--out", out, "--quick"], None),
        case(&explain, Some(compressed.clone())),
        case(&[&restore[..], &["--all"]].concat(), Some(compressed.clone())),
        case(&[&restore[..], &["--pruned"]].concat(), Some(compressed)),
    ]
}

#[test]
fn a_verb_that_is_killed_at_a_system_call_is_done_again_to_the_same_end() {
    if !strace() {
        return common::skipped("strace cannot trace here");
    }
    let folder = tempfile::tempdir().unwrap();
    let points: usize =
        std::env::var("PARING_KILL_POINTS").ok().and_then(|n| n.parse().ok()).unwrap_or(8);
    let mut rng = stats::generator(8, "kill points");
    let cases = cases(folder.path());
    let (mut killed, mut tried) = (0, 0);
    for (index, case) in cases.iter().enumerate() {
        case.begin();
        let calls = counted(folder.path(), &case.words());
        let (end, measured) = (end_state(&case.run), blocks(&case.run));
        let names: Vec<&&str> = calls.keys().collect();
        for _ in 0..(points + index) / cases.len() {
            case.begin();
            let call = names[rng.random_range(0..names.len())];
            let at = rng.random_range(1..=calls[*call]);
            let inject = format!("inject={call}:signal=SIGKILL:when={at}");
            let options = ["-o", "/dev/null", "-e", &inject].map(str::to_string);
            let status = traced(folder.path(), &options, &case.words());
            (tried, killed) = (tried + 1, killed + usize::from(!status.success()));
            let what = format!("{:?} killed at {call} {at}", case.words[0]);
            let ended = paring(folder.path(), &case.words());
            let output = ended.get_output();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{what}: {said}");
            assert_eq!(end_state(&case.run), end, "{what}");
            assert_eq!(blocks(&case.run), measured, "{what}");
            let found = verify(&case.run, None);
            assert!(found.is_ok(), "{what}: {found:?}");
            let left: Vec<String> = files(&case.run).into_keys().collect();
            let left: Vec<&String> = left.iter().filter(|f| f.contains(".paring-")).collect();
            assert!(left.is_empty(), "{what}: {left:?}");
        }
    }
    eprintln!("{killed} of {tried} kill points were reached");
    assert!(killed * 10 >= tried * 8, "{killed} of {tried}");
}
