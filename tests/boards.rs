//! From a board's address to its results.csv, and what may go wrong in between: every board is an
//! sshd of this machine.

mod common;
#[path = "common/board.rs"]
mod board;

use assert_cmd::Command;
use board::{Board, children};
use common::digits;
use predicates::str::contains;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// A board, or the reason why the test does not run.
macro_rules! board {
    () => {
        match Board::start() {
            Ok(board) => board,
            Err(why) => return common::skipped(&why),
        }
    };
}

/// One variant, `rounds` blocks of each kind, `ms` of sampling in each.
fn study(folder: &Path, targets: &[&str], rounds: usize, ms: usize) -> PathBuf {
    let named: Vec<String> =
        targets.iter().map(|t| format!("[[target]]\nname = {t:?}\n")).collect();
    let text = format!(
        "[study]\nname = \"boards\"\nowner = \"tests\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n\
         [protocol]\nblocks = {rounds}\nprobes = 0\nsolo_ms = {ms}\npaired_ms = {ms}\n\
         [[variant]]\nname = \"nhwc\"\nengine = [\"conv_nhwc\"]\n{}",
        digits("digits_cnn.onnx"),
        digits("digits.npz"),
        named.concat(),
    );
    let path = folder.join("study.toml");
    std::fs::write(&path, text).unwrap();
    path
}

/// An inventory beside the study with `boards` by their names.
fn inventory(folder: &Path, boards: &[(&str, &Board)]) {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "x86-64",
        other => other,
    };
    let entry = |(name, board): &(&str, &Board)| {
        format!(
            "[[target]]\nname = {name:?}\nextends = {arch:?}\naddress = \"board\"\n\
             ssh_config = {:?}\nwork = {:?}\nlabels = {{ room = \"lab\" }}\n",
            board.config(),
            board.path("work it's"),
        )
    };
    let text: String = boards.iter().map(entry).collect();
    std::fs::write(folder.join("targets.toml"), text).unwrap();
}

fn arguments(study: &Path, out: &Path) -> Vec<PathBuf> {
    vec!["run".into(), study.into(), "--out".into(), out.into()]
}

fn paring(study: &Path, out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paring"));
    command.args(arguments(study, out)).timeout(Duration::from_secs(1800));
    command
}

fn in_background(study: &Path, out: &Path) -> Child {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_paring"));
    command.args(arguments(study, out)).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

/// Waits until something holds.
#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(900), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn rows(out: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(out.join("results.csv")).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

/// The journal of the only job on a board.
fn board_journal(board: &Board) -> PathBuf {
    let jobs = std::fs::read_dir(board.path("work it's").join("jobs"));
    let job = jobs.ok().and_then(|mut jobs| jobs.next()?.ok());
    job.map_or_else(|| board.path("none"), |job| job.path().join("blocks.jsonl"))
}

/// What measures on a board now, by the file that the agent holds.
fn holder(board: &Board) -> Option<u32> {
    let text = std::fs::read(board.path("work it's").join("lock")).ok()?;
    let holder: serde_json::Value = serde_json::from_slice(&text).ok()?;
    let pid = u32::try_from(holder["pid"].as_u64()?).ok()?;
    runs(pid).then_some(pid)
}

/// Whether a process runs; one that has ended and that nobody asked about does not.
fn runs(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}

/// A complete table, every block once, and the same journal here and there.
#[track_caller]
fn complete(out: &Path, board: &Board) {
    let rows = rows(out);
    assert_eq!(rows.len(), 2);
    for row in &rows {
        assert_eq!(
            (row["target"].as_str(), row["arch"].as_str()),
            ("desk", std::env::consts::ARCH)
        );
        assert!(row["latency_p50_ns"].parse::<u64>().unwrap() > 0, "{row:?}");
    }
    let here = std::fs::read_to_string(out.join("journal/desk/blocks.jsonl")).unwrap();
    assert_eq!(here, std::fs::read_to_string(board_journal(board)).unwrap());
    let mut attempts: BTreeMap<String, usize> = BTreeMap::new();
    for line in here.lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        *attempts.entry(record["attempt"].to_string()).or_default() += 1;
    }
    assert!(attempts.values().all(|count| *count == 1), "a block was measured twice");
}

#[test]
fn from_an_address_to_rows_for_board_and_host() {
    let board = board!();
    let folder = tempfile::tempdir().unwrap();
    let (study, out) =
        (study(folder.path(), &["host", "room=lab"], 2, 10), folder.path().join("run"));
    inventory(folder.path(), &[("desk", &board)]);
    paring(&study, &out).assert().success().stdout(contains("written to"));
    let targets: Vec<String> = rows(&out).iter().map(|row| row["target"].clone()).collect();
    assert_eq!(targets, ["host", "host", "desk", "desk"]);
    let layers = std::fs::read_to_string(out.join("layers.csv")).unwrap();
    let of = |target: &str| layers.lines().filter(|l| l.contains(&format!(",{target},"))).count();
    assert!(of("desk") > 20 && of("desk") == of("host"), "{layers}");
    // Nothing outside the work folder, and nothing is measured or sent again.
    let blob = std::fs::read_dir(board.path("work it's").join("blobs")).unwrap().count();
    assert_eq!(blob, 3, "agent, model and inputs: both variants are the same file");
    let before = std::fs::read(board_journal(&board)).unwrap();
    paring(&study, &out).assert().success();
    assert!(std::fs::read(board_journal(&board)).unwrap() == before);
}

#[test]
fn a_profile_of_a_board_names_its_layers() {
    let board = board!();
    let folder = tempfile::tempdir().unwrap();
    inventory(folder.path(), &[("desk", &board)]);
    let mut profile = Command::new(env!("CARGO_BIN_EXE_paring"));
    profile.current_dir(folder.path()).arg("profile").arg(digits("digits_cnn.onnx"));
    profile.args(["--target", "desk", "--json", "--data"]).arg(digits("digits.npz"));
    let output = profile.output().unwrap();
    let found: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(found["target"], "desk");
    assert!(found["accounted"].as_f64().unwrap() > 0.9, "{found}");
    assert!(found["peaks"]["kernels"].as_array().is_some_and(|k| !k.is_empty()));
}

#[test]
fn a_killed_host_a_killed_agent_and_a_dead_link_lose_nothing() {
    let mut board = board!();
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = (study(folder.path(), &["desk"], 40, 100), folder.path().join("run"));
    inventory(folder.path(), &[("desk", &board)]);
    let local = out.join("journal/desk/blocks.jsonl");
    let mut host = in_background(&study, &out);
    until("blocks are measured", || lines(&board_journal(&board)) >= 2);
    host.kill().unwrap();
    host.wait().unwrap();
    let then = lines(&board_journal(&board));
    until("the board goes on alone", || lines(&board_journal(&board)) > then);
    let mut host = in_background(&study, &out);
    until("the host has caught up", || lines(&local) > then);
    let agent = holder(&board).unwrap();
    let block = children(agent);
    assert!(
        std::process::Command::new("kill")
            .args(["-9", &agent.to_string()])
            .status()
            .unwrap()
            .success()
    );
    until("another agent goes on", || holder(&board).is_some_and(|pid| pid != agent));
    assert!(block.iter().all(|pid| !runs(*pid)));
    board.unplug();
    let then = lines(&board_journal(&board));
    until("the board goes on without a link", || {
        lines(&board_journal(&board)) > then || holder(&board).is_none()
    });
    board.boot().unwrap();
    assert!(host.wait().unwrap().success());
    complete(&out, &board);
}

#[test]
fn a_spoilt_file_is_noticed_and_sent_again() {
    let board = board!();
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = (study(folder.path(), &["desk"], 4, 100), folder.path().join("run"));
    inventory(folder.path(), &[("desk", &board)]);
    let host = in_background(&study, &out);
    until("blocks are measured", || lines(&board_journal(&board)) >= 1);
    let blobs = std::fs::read_dir(board.path("work it's").join("blobs")).unwrap().flatten();
    let small =
        blobs.map(|blob| blob.path()).filter(|path| path.metadata().unwrap().len() < 5 << 20);
    for path in small {
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    let ended = host.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.success(), "{said}");
    assert!(said.contains("spoilt on the board"), "{said}");
    let journal = std::fs::read_to_string(out.join("journal/desk/blocks.jsonl")).unwrap();
    assert!(journal.contains("the job says"), "the block says what was wrong");
    complete(&out, &board);
}

#[test]
fn a_broken_board_does_not_stop_the_others() {
    let (good, mut bad) = (board!(), board!());
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = (study(folder.path(), &["desk", "fake"], 2, 10), folder.path().join("run"));
    inventory(folder.path(), &[("desk", &good), ("fake", &bad)]);
    bad.become_a_stranger();
    let message = "its host key is not the known one";
    paring(&study, &out)
        .assert()
        .code(3)
        .stderr(contains("`fake` has no rows"))
        .stderr(contains(message));
    complete(&out, &good);
}

#[test]
fn who_wants_a_board_that_is_held_is_told_by_whom_and_waits() {
    let board = board!();
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in [&first, &second] {
        inventory(folder.path(), &[("desk", &board)]);
    }
    let long = study(first.path(), &["desk"], 40, 100);
    let short = study(second.path(), &["desk"], 1, 10);
    let (out, other) = (first.path().join("run"), second.path().join("run"));
    let mut host = in_background(&long, &out);
    until("the first has the board", || holder(&board).is_some());
    let held = format!("{}", out.canonicalize().unwrap().display());
    paring(&short, &other).assert().success().stderr(contains("held by")).stderr(contains(held));
    assert!(host.wait().unwrap().success());
    assert_eq!((rows(&out).len(), rows(&other).len()), (2, 2));
}

#[test]
fn an_interrupt_leaves_the_board_running_and_cancel_stops_it() {
    let board = board!();
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = (study(folder.path(), &["desk"], 40, 100), folder.path().join("run"));
    inventory(folder.path(), &[("desk", &board)]);
    let interrupt = |host: &Child| {
        let id = host.id().to_string();
        assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    };
    let host = in_background(&study, &out);
    until("blocks are measured", || lines(&board_journal(&board)) >= 1);
    interrupt(&host);
    let ended = host.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(said.contains("left to go on by itself: desk; `paring run "), "{said}");
    assert!(holder(&board).is_some());
    paring(&study, &out).arg("--cancel").assert().success();
    assert!(holder(&board).is_none());
    let kept = lines(&board_journal(&board));
    // Twice at once: stopped as well.
    let host = in_background(&study, &out);
    until("it goes on where it stopped", || lines(&board_journal(&board)) > kept);
    interrupt(&host);
    std::thread::sleep(Duration::from_millis(500));
    interrupt(&host);
    assert_eq!(host.wait_with_output().unwrap().status.code(), Some(130));
    assert!(holder(&board).is_none());
    paring(&study, &out).assert().success();
    complete(&out, &board);
}

#[test]
fn a_full_disk_is_named_and_the_same_command_goes_on_afterwards() {
    let board = board!();
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = (study(folder.path(), &["desk"], 4, 60), folder.path().join("run"));
    inventory(folder.path(), &[("desk", &board)]);
    let work = board.path("work it's");
    std::fs::create_dir(&work).unwrap();
    let size = std::fs::metadata(env!("CARGO_BIN_EXE_paring")).unwrap().len() + (3 << 20);
    let mount = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
        .arg(&work)
        .output();
    if !mount.is_ok_and(|output| output.status.success()) {
        return common::skipped("no small disk can be mounted here");
    }
    let unmount = || std::process::Command::new("umount").arg("-l").arg(&work).status();
    let host = in_background(&study, &out);
    until("blocks are measured", || lines(&board_journal(&board)) >= 1);
    let ballast = work.join("ballast");
    let mut file = std::fs::File::create(&ballast).unwrap();
    while std::io::Write::write_all(&mut file, &[1; 4096]).is_ok() {}
    let ended = host.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(4), "{said}");
    assert!(said.contains("No space left on device"), "{said}");
    drop(file);
    std::fs::remove_file(&ballast).unwrap();
    paring(&study, &out).assert().success();
    complete(&out, &board);
    unmount().unwrap();
}

#[test]
fn explain_divides_the_way_to_a_board() {
    let board = board!();
    let folder = tempfile::tempdir().unwrap();
    inventory(folder.path(), &[("desk", &board)]);
    let text = format!(
        "[study]\nname = \"way\"\nowner = \"tests\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n\
         [protocol]\nprobes = 0\n[[variant]]\nname = \"both\"\nsteps = [{{ prune = \"channels\", \
         ratio = 0.5, criterion = \"l1\" }}, {{ quantize = \"int8\" }}]\n[[target]]\nname = \"desk\"\n",
        digits("digits_cnn.onnx"),
        digits("digits.npz"),
    );
    let (study, out) = (folder.path().join("study.toml"), folder.path().join("run"));
    std::fs::write(&study, text).unwrap();
    let paring = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paring"));
        command.env("PARING_FORECASTS", folder.path().join("forecasts.jsonl")).args(arguments);
        command.timeout(Duration::from_secs(1800)).assert()
    };
    let (study, run) = (study.to_str().unwrap(), out.to_str().unwrap());
    paring(&["compress", study, "--out", run]).success();
    let few = ["explain", run, "--replicates", "1", "--groups", "2"];
    paring(&few)
        .success()
        .stdout(contains("device, from variant on this machine to variant on desk"));
    let read = || -> Vec<paring::record::Explanation> {
        let all: Vec<paring::record::Explanation> =
            serde_json::from_slice(&std::fs::read(out.join("explain.json")).unwrap()).unwrap();
        let record = serde_json::to_value(&all[0]).unwrap();
        assert!(all[0].narrative.iter().all(|sentence| sentence.holds(&record)));
        all
    };
    let found = read().remove(0);
    let causes: Vec<&str> = found.links.iter().map(|l| l.cause.as_str()).collect();
    assert_eq!(causes, ["graph rewrite", "quantization", "engine", "device", "all"]);
    let change = |l: &paring::record::Link| l.change.unwrap().value;
    let (all, parts) = found.links.split_last().unwrap();
    assert!((parts.iter().map(change).sum::<f64>() - change(all)).abs() < 1e-12);
    // The board is this machine, so nothing is left to the device.
    assert_eq!((parts[3].flips, parts[3].largest_difference), (Some(0), Some(0.0)));
    assert_eq!(parts[3].target.as_deref(), Some("desk"));
    // A board of the study that is away is a caveat; one that somebody names is an error.
    drop(board);
    paring(&few).success().stdout(contains("caveat: desk was not asked: "));
    assert_eq!(read().remove(0).unreached[0].target, "desk");
    paring(&[&few[..], &["--target", "desk"]].concat()).code(3);
}
