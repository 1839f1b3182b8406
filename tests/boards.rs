//! From a board's address to its results.csv, and what may go wrong in between: every board is an
//! sshd of this machine.

mod common;
#[path = "common/sshd_board.rs"]
mod sshd_board;
#[path = "common/board_study.rs"]
mod board_study;

use assert_cmd::Command;
use board_study::{
    WORK, assert_complete, board_journal, in_background, inventory, line_count, measuring_process,
    paring, rows, study, wait_until,
};
use common::digits;
use predicates::str::contains;
use sshd_board::{SshdBoard, descendants, is_running};
use std::process::Child;
use std::time::Duration;

/// A board, or the reason why the test does not run.
macro_rules! board {
    () => {
        match SshdBoard::start() {
            Ok(board) => board,
            Err(why) => return common::skipped(&why),
        }
    };
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
    let blob = std::fs::read_dir(board.path(WORK).join("blobs")).unwrap().count();
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
    profile.args(["--trust", "--target", "desk", "--json", "--data"]).arg(digits("digits.npz"));
    let output = profile.output().unwrap();
    let found: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(found["target"], "desk");
    assert!(found["accounted"].as_f64().unwrap() > 0.9, "{found}");
    assert!(found["peaks"]["kernels"].as_array().is_some_and(|k| !k.is_empty()));
}

#[test]
fn a_step_measures_on_every_board_that_it_names() {
    let boards = [board!(), board!()];
    let folder = tempfile::tempdir().unwrap();
    inventory(folder.path(), &[("left", &boards[0]), ("right", &boards[1])]);
    let study = |targets: &str| {
        let text = format!(
            "[study]\nname = \"tuned\"\nowner = \"tests\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n\
             [protocol]\nprobes = 0\n{targets}[[variant]]\nname = \"tuned-{{on}}\"\n\
             steps = [{{ tune = true, on = [\"left\", \"right\"] }}]\n",
            digits("digits_cnn.onnx"),
            digits("digits.npz"),
        );
        let path = folder.path().join("study.toml");
        std::fs::write(&path, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_paring"));
        command.arg("compress").arg(path).args(["--trust", "--out"]).arg(folder.path().join("run"));
        command.timeout(Duration::from_secs(600)).assert()
    };
    study("").code(2).stderr(contains("measures on `left`, which is no target of the study"));
    study("[[target]]\nname = \"left\"\n[[target]]\nname = \"right\"\n").success();
    for name in ["left", "right"] {
        let costs = std::fs::read_dir(folder.path().join("run/costs")).unwrap();
        let own = format!("{name}.tune-");
        let path = costs.flatten().map(|entry| entry.path()).find(|path| {
            path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&own))
        });
        let table: serde_json::Value =
            serde_json::from_slice(&std::fs::read(path.unwrap()).unwrap()).unwrap();
        assert_eq!(table["target"], *name);
        let tried = table["tried"].as_array().unwrap();
        assert!(tried.iter().any(|form| form["speedup"]["value"].as_f64().is_some()), "{table}");
        assert!(folder.path().join(format!("run/variants/tuned-{name}.onnx")).exists());
    }
}

#[test]
fn a_killed_host_a_killed_agent_and_a_dead_link_lose_nothing() {
    let mut board = board!();
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = (study(folder.path(), &["desk"], 40, 100), folder.path().join("run"));
    inventory(folder.path(), &[("desk", &board)]);
    let local = out.join("journal/desk/blocks.jsonl");
    let mut host = in_background(&study, &out);
    wait_until("blocks are measured", || line_count(&board_journal(&board)) >= 2);
    host.kill().unwrap();
    host.wait().unwrap();
    let then = line_count(&board_journal(&board));
    wait_until("the board goes on alone", || line_count(&board_journal(&board)) > then);
    let mut host = in_background(&study, &out);
    wait_until("the host has caught up", || line_count(&local) > then);
    let agent = measuring_process(&board).unwrap();
    let block = descendants(agent);
    assert!(
        std::process::Command::new("kill")
            .args(["-9", &agent.to_string()])
            .status()
            .unwrap()
            .success()
    );
    wait_until("another agent goes on", || {
        measuring_process(&board).is_some_and(|pid| pid != agent)
    });
    assert!(block.iter().all(|pid| !is_running(*pid)));
    board.unplug();
    let then = line_count(&board_journal(&board));
    wait_until("the board goes on without a link", || {
        line_count(&board_journal(&board)) > then || measuring_process(&board).is_none()
    });
    board.boot().unwrap();
    assert!(host.wait().unwrap().success());
    assert_complete(&out, "desk", &board);
}

#[test]
fn a_spoilt_file_is_noticed_and_sent_again() {
    let board = board!();
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = (study(folder.path(), &["desk"], 4, 100), folder.path().join("run"));
    inventory(folder.path(), &[("desk", &board)]);
    let host = in_background(&study, &out);
    wait_until("blocks are measured", || line_count(&board_journal(&board)) >= 1);
    let blobs = std::fs::read_dir(board.path(WORK).join("blobs")).unwrap().flatten();
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
    assert_complete(&out, "desk", &board);
}

#[test]
fn a_broken_board_does_not_stop_the_others() {
    let (good, mut bad) = (board!(), board!());
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = (study(folder.path(), &["desk", "fake"], 2, 10), folder.path().join("run"));
    inventory(folder.path(), &[("desk", &good), ("fake", &bad)]);
    bad.replace_host_key();
    let message = "its host key is not the known one";
    paring(&study, &out)
        .assert()
        .code(3)
        .stderr(contains("`fake` has no rows"))
        .stderr(contains(message));
    assert_complete(&out, "desk", &good);
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
    wait_until("the first has the board", || measuring_process(&board).is_some());
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
    wait_until("blocks are measured", || line_count(&board_journal(&board)) >= 1);
    interrupt(&host);
    let ended = host.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(said.contains("left to go on by itself: desk; `paring run "), "{said}");
    assert!(measuring_process(&board).is_some());
    paring(&study, &out).arg("--cancel").assert().success();
    assert!(measuring_process(&board).is_none());
    let kept = line_count(&board_journal(&board));
    // Twice at once: stopped as well.
    let host = in_background(&study, &out);
    wait_until("it goes on where it stopped", || line_count(&board_journal(&board)) > kept);
    interrupt(&host);
    std::thread::sleep(Duration::from_millis(500));
    interrupt(&host);
    assert_eq!(host.wait_with_output().unwrap().status.code(), Some(130));
    assert!(measuring_process(&board).is_none());
    paring(&study, &out).assert().success();
    assert_complete(&out, "desk", &board);
}

#[test]
fn a_full_disk_is_named_and_the_same_command_goes_on_afterwards() {
    let board = board!();
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = (study(folder.path(), &["desk"], 4, 60), folder.path().join("run"));
    inventory(folder.path(), &[("desk", &board)]);
    let work = board.path(WORK);
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
    wait_until("blocks are measured", || line_count(&board_journal(&board)) >= 1);
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
    assert_complete(&out, "desk", &board);
    unmount().unwrap();
}

#[test]
fn explain_divides_the_way_to_a_board() {
    let board = board!();
    let folder = tempfile::tempdir().unwrap();
    inventory(folder.path(), &[("desk", &board)]);
    let text = format!(
        "[study]\nname = \"way\"\nowner = \"tests\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n\
         [protocol]\nprobes = 0\nblocks = 2\nsolo_ms = 10\npaired_ms = 10\n[[variant]]\n\
         name = \"both\"\nsteps = [{{ prune = \"channels\", ratio = 0.5, criterion = \"l1\" }}, {{ quantize = \"int8\" }}]\n[[target]]\nname = \"desk\"\n",
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
    paring(&["run", study, "--trust", "--out", run]).success();
    let few = ["explain", run, "--trust", "--replicates", "1", "--groups", "2"];
    paring(&few).success();
    let report = std::fs::read_to_string(out.join("report.md")).unwrap();
    let device = "| device | variant on this machine | variant on desk |";
    assert!(report.contains(device), "{report}");
    let read = || -> Vec<paring::schema::Explanation> {
        let all: Vec<paring::schema::Explanation> =
            serde_json::from_slice(&std::fs::read(out.join("explain.json")).unwrap()).unwrap();
        let record = serde_json::to_value(&all[0]).unwrap();
        assert!(all[0].narrative.iter().all(|sentence| sentence.holds(&record)));
        all
    };
    let found = read().remove(0);
    let causes: Vec<&str> = found.links.iter().map(|l| l.cause.as_str()).collect();
    assert_eq!(causes, ["graph rewrite", "quantization", "engine", "device", "all"]);
    let change = |l: &paring::schema::DeploymentStage| l.change.unwrap().value;
    let (all, parts) = found.links.split_last().unwrap();
    assert!((parts.iter().map(change).sum::<f64>() - change(all)).abs() < 1e-12);
    // The board is this machine, so nothing is left to the device.
    assert_eq!((parts[3].flips, parts[3].largest_difference), (Some(0), Some(0.0)));
    assert_eq!(parts[3].target.as_deref(), Some("desk"));
    // What the run timed there is held against the decisions.
    let layers: Vec<_> = found.layers.iter().filter(|l| l.target == "desk").collect();
    assert!(layers.iter().any(|l| !l.groups.is_empty() && l.before_ns > 0.0 && l.after_ns > 0.0));
    // A board of the study that is away is a caveat; one that somebody names is an error.
    drop(board);
    paring(&few).success().stdout(contains("desk was not asked: "));
    assert_eq!(read().remove(0).unreached[0].target, "desk");
    paring(&[&few[..], &["--target", "desk"]].concat()).code(3);
}
