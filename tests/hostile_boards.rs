//! Boards that lie: what their answers may do to the machine that asks, on an sshd of this machine.

#[path = "common/sshd_board.rs"]
mod sshd_board;
#[path = "common/board_study.rs"]
mod board_study;
mod common;

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use paring::schema::Sha256Hex;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use sshd_board::SshdBoard;
use std::collections::BTreeMap;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
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

/// A project with a board, and a folder beside it that is none of the board's business.
struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new(board: &SshdBoard) -> Project {
        let project = Project { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir_all(project.at("project")).unwrap();
        std::fs::create_dir_all(project.at("outside")).unwrap();
        std::fs::write(project.at("outside/secret"), "untouched\n").unwrap();
        board_study::inventory(&project.at("project"), &[("desk", board)]);
        project
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn paring(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paring"));
        command.current_dir(self.at("project")).timeout(Duration::from_secs(300));
        command.env("PARING_INVENTORY", self.at("project/targets.toml"));
        command
    }

    /// Runs a shell script on the board in place of a bench; `$CRITERION_HOME` comes back.
    fn bench(&self, script: &str) -> Assert {
        let path = self.at("project/bench.sh");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        let mut command = self.paring();
        command.env("CRITERION_HOME", self.at("project/criterion"));
        command.args(["runner", "--target", "desk", "./bench.sh"]).assert()
    }

    /// An agent for the board that is a shell script.
    fn agent(&self, script: &str) -> PathBuf {
        let agents = self.at("agents");
        std::fs::create_dir_all(&agents).unwrap();
        let triple = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
        let name = format!("paring-agent-{}-{triple}", env!("CARGO_PKG_VERSION"));
        let text = format!("#!/bin/sh\n{script}\n");
        std::fs::write(agents.join(&name), &text).unwrap();
        std::fs::set_permissions(agents.join(&name), PermissionsExt::from_mode(0o755)).unwrap();
        let line = format!("{}  {name}\n", Sha256Hex::of(text.as_bytes()));
        std::fs::write(agents.join(format!("{name}.sha256")), line).unwrap();
        agents
    }

    /// What lies in the project and beside it, links not followed: mode and content.
    fn everything(&self) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
        fn walk(folder: &Path, found: &mut BTreeMap<PathBuf, (u32, Vec<u8>)>) {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                let (path, kind) = (entry.path(), entry.metadata().unwrap());
                if kind.is_dir() {
                    walk(&path, found);
                } else {
                    let odd = kind.file_type().is_fifo() || kind.file_type().is_symlink();
                    let content = if odd { vec![] } else { std::fs::read(&path).unwrap() };
                    found.insert(path, (kind.mode(), content));
                }
            }
        }
        let mut found = BTreeMap::new();
        walk(self.folder.path(), &mut found);
        found
    }

    /// Nothing has changed but the bench.
    #[track_caller]
    fn unharmed(&self, before: &BTreeMap<PathBuf, (u32, Vec<u8>)>) {
        let mut now = self.everything();
        now.retain(|path, _| !path.ends_with("bench.sh"));
        let mut before = before.clone();
        before.retain(|path, _| !path.ends_with("bench.sh"));
        let names = |all: &BTreeMap<PathBuf, _>| all.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&now), names(&before));
        assert!(now == before, "some content or mode has changed");
    }
}

#[test]
fn what_a_bench_leaves_writes_nothing_outside_of_its_figures() {
    let board = board!();
    let project = Project::new(&board);
    let before = project.everything();
    let outside = project.at("outside").display().to_string();
    // One answer plants a way out, the next goes it.
    for kind in ["a symbolic link", "a hard link", "a FIFO"] {
        let plant = match kind {
            "a symbolic link" => format!("ln -s '{outside}' \"$CRITERION_HOME/way\""),
            "a hard link" => "cd \"$CRITERION_HOME\" && echo a >one && ln one two".to_string(),
            _ => "mkfifo \"$CRITERION_HOME/way\"".to_string(),
        };
        project.bench(&plant).code(4).stderr(
            contains("the answer of `desk` holds")
                .and(contains(kind))
                .and(contains("way").or(contains("two"))),
        );
        project.unharmed(&before);
    }
    project
        .bench("mkdir \"$CRITERION_HOME/way\" && echo owned >\"$CRITERION_HOME/way/secret\"")
        .success();
    assert_eq!(std::fs::read_to_string(project.at("outside/secret")).unwrap(), "untouched\n");
    let found = std::fs::read_to_string(project.at("project/criterion/way/secret")).unwrap();
    assert_eq!(found, "owned\n");
}

#[test]
fn no_setuid_program_comes_back() {
    let board = board!();
    let project = Project::new(&board);
    project
        .bench("cp /bin/sh \"$CRITERION_HOME/shell\"; chmod 6777 \"$CRITERION_HOME/shell\"")
        .success();
    let found = std::fs::metadata(project.at("project/criterion/shell")).unwrap();
    assert_eq!(found.mode() & 0o7777, 0o644);
}

#[test]
fn a_link_of_this_machine_is_not_followed_on_the_way_to_a_board() {
    let board = board!();
    let project = Project::new(&board);
    std::fs::create_dir(project.at("project/data")).unwrap();
    std::os::unix::fs::symlink(project.at("outside"), project.at("project/data/way")).unwrap();
    std::fs::write(project.at("project/data/words"), "words\n").unwrap();
    let path = project.at("project/bench.sh");
    std::fs::write(&path, "#!/bin/sh\nls -R data\n").unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = project.paring();
    command.env("CRITERION_HOME", project.at("project/criterion"));
    command.args(["runner", "--target", "desk", "--with", "data", "./bench.sh"]);
    command.assert().success().stdout(contains("words").and(contains("secret").not()));
}

#[test]
fn endless_answers_are_cut_off_with_the_board_and_the_limit() {
    let board = board!();
    let project = Project::new(&board);
    let before = project.everything();
    project
        .bench("head -c 300000000 /dev/zero >\"$CRITERION_HOME/huge\"")
        .code(4)
        .stderr(contains("pack results on `desk`: the answer is longer than 268435456 bytes"));
    project.unharmed(&before);
    let agents = project.agent("exec cat /dev/zero");
    let mut probe = project.paring();
    probe.env("PARING_AGENTS", &agents).args(["probe", "desk"]).assert().code(4).stderr(contains(
        "`paring-agent probe` on `desk`: the answer is longer than 1048576 bytes; cut off",
    ));
}

#[test]
fn a_journal_without_end_is_cut_off_with_the_board_and_the_limit() {
    let board = board!();
    let project = Project::new(&board);
    let study = board_study::study(&project.at("project"), &["desk"], 1, 10);
    let own = Command::new(env!("CARGO_BIN_EXE_paring")).args(["agent", "probe"]).output().unwrap();
    let own = String::from_utf8(own.stdout).unwrap();
    // A block that failed, at length: a record like any other.
    let id = "0".repeat(64);
    let block = serde_json::json!({
        "schema": 1, "measurement_sha256": id, "started_at": "2026-01-01T00:00:00Z", "wall_ns": 1,
        "attempt": { "key": { "kind": "solo", "variant_id": id, "batch": 1, "round": 0 }, "number": 0 },
        "agent_version": "0.1.0", "emulated": false,
        "outcome": { "status": "failed", "reason": "x".repeat(20_000) },
    });
    let block = format!("{block}\n");
    std::fs::write(project.at("blocks"), block.repeat(1_000)).unwrap();
    let holder = r#"{"pid":2,"owner":"desk","job":"'$3'","job_sha256":"'$4'","since":"now"}"#;
    let agents = project.agent(&format!(
        "case \"$1\" in\nprobe) cat <<'END'\n{own}\nEND\n;;\n\
         start) touch \"$2/started\"; echo '{{\"schema\":1,\"holder\":{holder},\"state\":null,\"follows\":0}}' ;;\n\
         status) if [ -f \"$2/started\" ]; then\n\
           echo '{{\"schema\":1,\"holder\":{holder},\"state\":null,\"follows\":{}}}'; cat '{}'\n\
         else echo '{{\"schema\":1,\"holder\":null,\"state\":null,\"follows\":0}}'; fi ;;\nesac",
        1_000 * block.len(),
        project.at("blocks").display(),
    ));
    let mut run = project.paring();
    run.env("PARING_AGENTS", &agents).arg("run").arg(&study).arg("--out").arg(project.at("run"));
    run.assert()
        .code(4)
        .stderr(contains("its journal on `desk`: the answer is longer than 67108864 bytes"));
    let kept = std::fs::metadata(project.at("run/journal/desk/blocks.jsonl")).unwrap().len();
    assert!(kept <= 64 << 20, "{kept} bytes were kept");
}

#[test]
fn what_a_board_says_moves_no_cursor() {
    let board = board!();
    let project = Project::new(&board);
    let unharmed = |ended: Assert| {
        let output = ended.get_output();
        for stream in [&output.stdout, &output.stderr] {
            let text = String::from_utf8_lossy(stream);
            assert!(!text.contains(['\x1b', '\x07', '\u{9b}', '\u{202e}']), "{text:?}");
        }
        String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
    };
    // Its complaints.
    let agents = project.agent("printf '\\033]0;owned\\007\\033[2Jgone\\302\\2331m' >&2; exit 3");
    let mut probe = project.paring();
    probe.env("PARING_AGENTS", &agents).args(["probe", "desk"]);
    let said = unharmed(probe.assert().code(4));
    assert!(said.contains("\\u001b]0;owned\\u0007\\u001b[2Jgone"), "{said}");
    // What it calls itself.
    let own = Command::new(env!("CARGO_BIN_EXE_paring")).args(["agent", "probe"]).output().unwrap();
    let mut own: serde_json::Value = serde_json::from_slice(&own.stdout).unwrap();
    own["cpu"] = "Cortex\u{1b}[8m\u{202e}A76".into();
    own["board"] = "=cmd|'/c calc'!A0".into();
    own["emulated"] = true.into();
    let agents = project.agent(&format!("cat <<'END'\n{own}\nEND"));
    for more in [&[][..], &["--json"]] {
        let mut probe = project.paring();
        probe.env("PARING_AGENTS", &agents).args(["probe", "desk"]).args(more);
        let said = unharmed(probe.assert().success());
        assert!(said.contains("Cortex\\u001b[8m\\u202eA76"), "{said}");
    }
}
