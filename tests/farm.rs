//! Boards of a labgrid farm: coordinator and exporter on loopback, the board an sshd.

mod common;
#[path = "common/sshd_board.rs"]
mod sshd_board;

use assert_cmd::Command;
use common::{digits, skipped};
use predicates::str::contains;
use sshd_board::SshdBoard;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// A farm with one place, `bench`, tagged `board=rpi4`.
struct LabgridFarm {
    coordinator: String,
    folder: tempfile::TempDir,
    processes: Vec<Child>,
}

impl LabgridFarm {
    fn start(board: &SshdBoard) -> Result<LabgridFarm, String> {
        let found = std::process::Command::new("labgrid-client").arg("--help").output();
        if !found.is_ok_and(|output| output.status.success()) {
            return Err("labgrid is not installed".into());
        }
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
        let coordinator = listener.local_addr().map_err(|e| e.to_string())?.to_string();
        drop(listener);
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let mut farm = LabgridFarm { coordinator, folder, processes: vec![] };
        let user =
            std::process::Command::new("id").arg("-un").output().map_err(|e| e.to_string())?;
        let user = String::from_utf8_lossy(&user.stdout).trim().to_string();
        let service = format!(
            "rack:\n  NetworkService:\n    address: 127.0.0.1\n    username: {user}\n    port: {}\n",
            board.port()
        );
        std::fs::write(farm.folder.path().join("exporter.yaml"), service)
            .map_err(|e| e.to_string())?;
        let address = farm.coordinator.clone();
        farm.spawn("labgrid-coordinator", &["-l", &address]);
        farm.until(|| std::net::TcpStream::connect(&address).is_ok());
        farm.spawn("labgrid-exporter", &["-c", &address, "-n", "exp", "exporter.yaml"]);
        farm.client(&["-p", "bench", "create"]);
        farm.client(&["-p", "bench", "add-match", "exp/rack/*"]);
        farm.client(&["-p", "bench", "set-tags", "board=rpi4"]);
        farm.until(|| farm.client(&["-p", "bench", "show"]).contains("127.0.0.1"));
        Ok(farm)
    }

    fn spawn(&mut self, program: &str, arguments: &[&str]) {
        let mut command = std::process::Command::new(program);
        command.args(arguments).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.processes.push(command.spawn().unwrap());
    }

    #[track_caller]
    fn until(&self, mut holds: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < Duration::from_secs(30), "the farm does not start");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn client(&self, arguments: &[&str]) -> String {
        self.client_as("paring", arguments)
    }

    fn client_as(&self, user: &str, arguments: &[&str]) -> String {
        let mut command = std::process::Command::new("labgrid-client");
        command.args(arguments).env("LG_COORDINATOR", &self.coordinator);
        command.env("LG_USERNAME", user).env("LG_HOSTNAME", "desk");
        let output = command.output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn free(&self) -> bool {
        self.client(&["-p", "bench", "show"]).contains("acquired: None")
    }

    fn run(&self, study: &Path, out: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paring"));
        command
            .arg("run")
            .arg(study)
            .args(["--trust", "--out"])
            .arg(out)
            .timeout(Duration::from_secs(1800));
        command.env("LG_COORDINATOR", &self.coordinator);
        command.env("LG_USERNAME", "paring").env("LG_HOSTNAME", "desk");
        command
    }
}

impl Drop for LabgridFarm {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn study(folder: &Path, board: &SshdBoard, address: &str) -> PathBuf {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "x86-64",
        other => other,
    };
    let inventory = format!(
        "[[target]]\nname = \"farmed\"\nextends = {arch:?}\naddress = {address:?}\n\
         ssh_config = {:?}\nwork = {:?}\n",
        board.config(),
        board.path("work"),
    );
    std::fs::write(folder.join("targets.toml"), inventory).unwrap();
    let text = format!(
        "[study]\nname = \"farm\"\nowner = \"tests\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n\
         [protocol]\nblocks = 1\nsolo_ms = 10\npaired_ms = 10\n[[target]]\nname = \"farmed\"\n",
        digits("digits_cnn.onnx"),
        digits("digits.npz"),
    );
    let path = folder.join("study.toml");
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_place_is_acquired_measured_on_and_given_back() {
    let board = match SshdBoard::start() {
        Ok(board) => board,
        Err(why) => return skipped(&why),
    };
    let farm = match LabgridFarm::start(&board) {
        Ok(farm) => farm,
        Err(why) => return skipped(&why),
    };
    for (number, address) in ["labgrid://bench", "labgrid:board=rpi4"].iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let study = study(folder.path(), &board, address);
        let out = folder.path().join("run");
        farm.run(&study, &out).assert().success();
        let rows = std::fs::read_to_string(out.join("results.csv")).unwrap();
        assert_eq!(rows.lines().count(), 2, "{number}: {rows}");
        assert!(farm.free(), "the place is given back");
    }
    // On failure too: the board does not let us in.
    let folder = tempfile::tempdir().unwrap();
    let path = study(folder.path(), &board, "labgrid://bench");
    let keys = std::fs::read(board.path("authorized_keys")).unwrap();
    std::fs::write(board.path("authorized_keys"), "").unwrap();
    farm.run(&path, &folder.path().join("run"))
        .assert()
        .code(3)
        .stderr(contains("Permission denied"));
    assert!(farm.free(), "the place is given back");
    std::fs::write(board.path("authorized_keys"), keys).unwrap();
    // Somebody else's stays theirs.
    farm.client_as("anna", &["-p", "bench", "acquire"]);
    let refused = farm.run(&path, &folder.path().join("run"));
    let mut refused = refused;
    refused.assert().code(3).stderr(contains("already acquired by desk/anna"));
    assert!(farm.client(&["-p", "bench", "show"]).contains("acquired: desk/anna"));
}
