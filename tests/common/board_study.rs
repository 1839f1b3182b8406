//! A study on boards: its inventory, runs in the background, and the checks when they have ended.
#![allow(dead_code, reason = "each test binary uses a part")]

use super::sshd_board::{SshdBoard, is_running};
use assert_cmd::Command;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// The work folder of every board: a name that wants quoting.
pub const WORK: &str = "work it's";

/// One variant, `rounds` blocks of each kind, `ms` of sampling in each.
pub fn study(folder: &Path, targets: &[&str], rounds: usize, ms: usize) -> PathBuf {
    let named: Vec<String> =
        targets.iter().map(|t| format!("[[target]]\nname = {t:?}\n")).collect();
    let text = format!(
        "[study]\nname = \"boards\"\nowner = \"tests\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n\
         [protocol]\nblocks = {rounds}\nprobes = 0\nsolo_ms = {ms}\npaired_ms = {ms}\n\
         [[variant]]\nname = \"nhwc\"\nengine = [\"conv_nhwc\"]\n{}",
        crate::common::digits("digits_cnn.onnx"),
        crate::common::digits("digits.npz"),
        named.concat(),
    );
    let path = folder.join("study.toml");
    std::fs::write(&path, text).unwrap();
    path
}

/// An inventory beside the study with `boards` by their names.
pub fn inventory(folder: &Path, boards: &[(&str, &SshdBoard)]) {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "x86-64",
        other => other,
    };
    let entry = |(name, board): &(&str, &SshdBoard)| {
        format!(
            "[[target]]\nname = {name:?}\nextends = {arch:?}\naddress = \"board\"\n\
             ssh_config = {:?}\nwork = {:?}\nlabels = {{ room = \"lab\" }}\n",
            board.config(),
            board.path(WORK),
        )
    };
    let text: String = boards.iter().map(entry).collect();
    std::fs::write(folder.join("targets.toml"), text).unwrap();
}

pub fn arguments(study: &Path, out: &Path) -> Vec<PathBuf> {
    // The inventory beside the study has an ssh configuration of its own.
    vec!["run".into(), study.into(), "--trust".into(), "--out".into(), out.into()]
}

pub fn paring(study: &Path, out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paring"));
    command.args(arguments(study, out)).timeout(Duration::from_secs(1800));
    command
}

pub fn in_background(study: &Path, out: &Path) -> Child {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_paring"));
    command.args(arguments(study, out)).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

pub fn line_count(path: &Path) -> usize {
    std::fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

/// Waits until something holds.
#[track_caller]
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(900), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub fn rows(out: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(out.join("results.csv")).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

/// The journal of the only job on a board.
pub fn board_journal(board: &SshdBoard) -> PathBuf {
    let jobs = std::fs::read_dir(board.path(WORK).join("jobs"));
    let job = jobs.ok().and_then(|mut jobs| jobs.next()?.ok());
    job.map_or_else(|| board.path("none"), |job| job.path().join("blocks.jsonl"))
}

/// The process that measures on a board now, by the file that the agent holds.
pub fn measuring_process(board: &SshdBoard) -> Option<u32> {
    let text = std::fs::read(board.path(WORK).join("lock")).ok()?;
    let holder: serde_json::Value = serde_json::from_slice(&text).ok()?;
    let pid = u32::try_from(holder["pid"].as_u64()?).ok()?;
    is_running(pid).then_some(pid)
}

/// Asserts a complete table, every block once, and the same journal on both machines.
#[track_caller]
pub fn assert_complete(out: &Path, target: &str, board: &SshdBoard) {
    let rows: Vec<_> = rows(out).into_iter().filter(|row| row["target"] == target).collect();
    assert_eq!(rows.len(), 2);
    for row in &rows {
        assert_eq!(row["arch"], std::env::consts::ARCH);
        assert!(row["latency_p50_ns"].parse::<u64>().unwrap() > 0, "{row:?}");
    }
    let here =
        std::fs::read_to_string(out.join("journal").join(target).join("blocks.jsonl")).unwrap();
    assert_eq!(here, std::fs::read_to_string(board_journal(board)).unwrap());
    let mut attempts: BTreeMap<String, usize> = BTreeMap::new();
    for line in here.lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        *attempts.entry(record["attempt"].to_string()).or_default() += 1;
    }
    assert!(attempts.values().all(|count| *count == 1), "a block was measured twice");
}
