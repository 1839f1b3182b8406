//! From a card image to a table: prepared, written, booted on an emulated board, added, measured.
//!
//! Needs `scripts/cross-build aarch64-unknown-linux-musl` and what `scripts/emulated-image` and
//! `scripts/emulated-board` say that they need; `scripts/test --slow` sees to it.

mod common;

use assert_cmd::Command;
use common::skipped;
use predicates::str::contains;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// An emulated board that runs a card; gone with this.
struct Emulator {
    script: Child,
    /// Its port on this machine.
    port: u16,
}

impl Emulator {
    /// Boots a card and waits until it answers.
    fn boot(card: &Path, folder: &Path) -> Result<Emulator, String> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
        let port = listener.local_addr().map_err(|e| e.to_string())?.port();
        drop(listener);
        let mut command = std::process::Command::new(script("emulated-board"));
        command.arg(card).arg(port.to_string()).arg(folder);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut emulator = Emulator { script: command.spawn().map_err(|e| e.to_string())?, port };
        let said = BufReader::new(emulator.script.stdout.take().unwrap());
        match said.lines().map_while(Result::ok).find(|line| line.starts_with("[[target]]")) {
            Some(_) => Ok(emulator),
            None => {
                let mut why = String::new();
                let errors = emulator.script.stderr.take().unwrap();
                let _ = std::io::Read::read_to_string(&mut BufReader::new(errors), &mut why);
                Err(why.trim().to_string())
            }
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // The script takes the emulator with it when it is asked to end.
        let pid = self.script.id().to_string();
        let _ = std::process::Command::new("kill").arg(pid).status();
        let _ = self.script.wait();
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(name)
}

/// The tool, with targets of its own.
fn paring(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paring"));
    command.current_dir(folder).env("PARING_INVENTORY", folder.join("targets.toml"));
    command.timeout(Duration::from_secs(1800));
    command
}

/// A card that boots, or the reason why there is none; keys beside it.
fn card(folder: &Path) -> Result<PathBuf, String> {
    let card = folder.join("card.img");
    let made = std::process::Command::new(script("emulated-image")).arg(&card).output();
    let made = made.map_err(|e| e.to_string())?;
    if !made.status.success() {
        return Err(String::from_utf8_lossy(&made.stderr).trim().to_string());
    }
    let keygen = ["-q", "-t", "ed25519", "-N", "", "-f"];
    let mut command = std::process::Command::new("ssh-keygen");
    match command.args(keygen).arg(folder.join("key")).status() {
        Ok(status) if status.success() => Ok(card),
        _ => Err("ssh-keygen is not installed".into()),
    }
}

/// An ssh configuration in which the emulated board is `emulated`.
fn configuration(folder: &Path, port: u16) -> PathBuf {
    let at = |name: &str| folder.join(name).display().to_string();
    let text = format!(
        "Host emulated\n  HostName 127.0.0.1\n  Port {port}\n  User paring\n  IdentityFile {}\n  \
         IdentitiesOnly yes\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile /dev/null\n",
        at("key"),
        at("board/known_hosts"),
    );
    let path = folder.join("ssh_config");
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
#[ignore = "needs an emulator and an agent for it; scripts/test --slow sees to both"]
fn a_card_is_prepared_written_booted_and_measured() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let card = match card(folder.path()) {
        Ok(card) => card,
        Err(why) => return skipped(&why),
    };
    paring(folder.path())
        .args(["flash", "prepare"])
        .arg(&card)
        .args(["--target", "emulated-card", "--extends", "raspberry-pi-4", "--key", "key.pub"])
        .assert()
        .success();
    // A file in place of a card, larger than the image as cards are.
    std::fs::write(at("device"), vec![9; 600 << 20]).unwrap();
    let written = ["card-emulated-card.img", "device", "--any-device"];
    paring(folder.path()).args(["flash", "write", "--yes"]).args(written).assert().success();
    paring(folder.path()).args(["flash", "verify"]).args(written).assert().success();
    let board = match Emulator::boot(&at("device"), &at("board")) {
        Ok(board) => board,
        Err(why) => return skipped(&why),
    };
    let config = configuration(folder.path(), board.port);
    let begun = Instant::now();
    paring(folder.path())
        .args(["target", "add", "emulated", "--emulated", "--ssh-config"])
        .arg(&config)
        .assert()
        .success()
        .stdout(contains("raspberry-pi-4"));
    paring(folder.path())
        .arg("run")
        .arg(common::digits("study.toml"))
        .args(["--quick", "--target", "emulated", "--out"])
        .arg(at("run"))
        .assert()
        .success();
    eprintln!("from its address to its table: {:.0} s", begun.elapsed().as_secs_f64());
    paring(folder.path()).args(["target", "check", "emulated"]).assert().success();
    let journal = std::fs::read_to_string(at("run/journal/emulated/blocks.jsonl")).unwrap();
    assert!(journal.lines().all(|block| block.contains("\"emulated\":true")));
    let mut reader = csv::Reader::from_path(at("run/results.csv")).unwrap();
    let rows: Vec<BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 11);
    for row in &rows {
        assert_eq!((row["target"].as_str(), row["emulated"].as_str()), ("emulated", "true"));
        assert_eq!(row["arch"], "aarch64");
        assert!(row["latency_p50_ns"].parse::<u64>().unwrap() > 0, "{row:?}");
    }
}
