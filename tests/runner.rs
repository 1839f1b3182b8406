//! Cargo's runner on an sshd of this machine: a program and its files go there, what it says and
//! leaves comes back.

#[path = "common/sshd_board.rs"]
mod sshd_board;

use assert_cmd::Command;
use predicates::str::contains;
use sshd_board::SshdBoard;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Says what it was given, and leaves a figure beside the one that it found.
const PROGRAM: &str = "#!/bin/sh\necho \"arguments: $*\"\necho complaint >&2\ncat data/words run/variants/a.onnx\n\
    echo \"run: $PARING_RUN\"; ls run/journal/host\ncat \"$CRITERION_HOME/base/estimates.json\"\n\
    mkdir -p \"$CRITERION_HOME/new\" && echo measured > \"$CRITERION_HOME/new/estimates.json\"\nexit 7\n";

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn paring(project: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paring"));
    command.current_dir(project).env("PARING_INVENTORY", project.join("targets.toml"));
    command
}

fn project(board: &SshdBoard) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let work = board.path("work folder");
    let text = format!(
        "[[target]]\nname = \"desk\"\nextends = \"x86-64\"\naddress = \"board\"\nssh_config = {:?}\nwork = {:?}\n",
        board.config(),
        work
    );
    write(&at("targets.toml"), &text);
    write(&at("bench.sh"), PROGRAM);
    std::fs::set_permissions(at("bench.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    write(&at("data/words"), "words of the data\n");
    write(&at("run/variants/a.onnx"), "a model\n");
    write(&at("run/journal/host/job.json"), "{}");
    write(&at("run/journal/host/blocks.jsonl"), "raw samples stay here");
    write(&at("criterion/base/estimates.json"), "the baseline\n");
    folder
}

#[test]
fn a_program_finds_its_files_there_and_its_figures_come_back() {
    let board = match SshdBoard::start() {
        Ok(board) => board,
        Err(why) => return eprintln!("skipped: {why}"),
    };
    let project = project(&board);
    for _ in 0..2 {
        let ended = paring(project.path())
            .env("PARING_RUN", "run")
            .env("CRITERION_HOME", project.path().join("criterion"))
            .args(["runner", "--target", "desk", "--with", "data", "./bench.sh"])
            .args(["--bench", "it's", "a b"])
            .assert()
            .code(7);
        let said = String::from_utf8_lossy(&ended.get_output().stdout).into_owned();
        for line in [
            "arguments: --bench it's a b",
            "complaint",
            "words of the data",
            "a model",
            "run: run",
            "job.json",
            "the baseline",
        ] {
            assert!(said.contains(line), "`{line}` is not in: {said}");
        }
        assert!(!said.contains("blocks.jsonl"), "{said}");
        let came = std::fs::read_to_string(project.path().join("criterion/new/estimates.json"));
        assert_eq!(came.unwrap(), "measured\n");
    }
}

#[test]
fn what_cannot_run_is_refused_by_name() {
    let board = match SshdBoard::start() {
        Ok(board) => board,
        Err(why) => return eprintln!("skipped: {why}"),
    };
    let project = project(&board);
    let refused = |arguments: &[&str], code: i32, message: &str| {
        paring(project.path())
            .arg("runner")
            .args(arguments)
            .assert()
            .code(code)
            .stderr(contains(message));
    };
    refused(&["--target", "desk", "./nothing"], 2, "no program at ./nothing");
    refused(&["--target", "dusk", "./bench.sh"], 2, "did you mean `desk`?");
    refused(&["--target", "desk", "--with", "nowhere", "./bench.sh"], 2, "read nowhere");
    refused(&["--target", "host", "./targets.toml"], 2, "run ./targets.toml");
    drop(board);
    refused(&["--target", "desk", "./bench.sh"], 3, "reach `board`");
}
