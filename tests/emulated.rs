//! Agents of other architectures under user-mode emulation, behind an sshd: what they answer and that
//! every row says what they are. Speeds under emulation mean nothing.
//!
//! Needs `scripts/cross-build TRIPLE` and a kernel that starts such programs (binfmt_misc with
//! qemu-user-static); `scripts/test --slow` sees to both.

mod common;
#[path = "common/sshd_board.rs"]
mod sshd_board;

use assert_cmd::Command;
use common::{digits, skipped};
use predicates::str::contains;
use sshd_board::SshdBoard;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the 32-bit agent finds its C library here.
const ARM_LIBRARIES: &str = "/usr/arm-linux-gnueabihf";

/// The agent for a triple, where one was built and runs here.
fn agent(triple: &str) -> Result<PathBuf, String> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache");
    let folder = std::env::var_os("PARING_AGENTS").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| cache.unwrap_or_else(home).join("paring/agents"));
    let path = folder.join(format!("paring-agent-{}-{triple}", env!("CARGO_PKG_VERSION")));
    if !path.exists() {
        return Err(format!("no agent for {triple} was built"));
    }
    let said = std::process::Command::new(&path)
        .arg("--version")
        .env("QEMU_LD_PREFIX", ARM_LIBRARIES)
        .output();
    match said {
        Ok(output) if output.status.success() => Ok(folder),
        _ => Err(format!("programs for {triple} do not start on this machine")),
    }
}

fn paring(agents: &Path, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paring"));
    command.env("PARING_AGENTS", agents).env("PARING_INVENTORY", folder.join("targets.toml"));
    command.timeout(Duration::from_secs(900));
    command
}

fn rows_and_answers(triple: &str, profile: &str, cpu: &str, arch: &str) {
    let agents = match agent(triple) {
        Ok(agents) => agents,
        Err(why) => return skipped(&why),
    };
    let board = match SshdBoard::start() {
        Ok(board) => board,
        Err(why) => return skipped(&why),
    };
    let folder = tempfile::tempdir().unwrap();
    let inventory = format!(
        "[[target]]\nname = \"emulated\"\nextends = {profile:?}\naddress = \"board\"\n\
         ssh_config = {:?}\nwork = {:?}\nenv = {{ QEMU_CPU = {cpu:?}, TRACT_CPU_ARM32_NEON = \"true\", \
         QEMU_LD_PREFIX = {ARM_LIBRARIES:?} }}\n",
        board.config(),
        board.path("work"),
    );
    std::fs::write(folder.path().join("targets.toml"), inventory).unwrap();
    let study = folder.path().join("study.toml");
    let text = format!(
        "[study]\nname = \"emulated\"\nowner = \"tests\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n\
         [protocol]\nblocks = 1\nsolo_ms = 10\npaired_ms = 10\n\
         [[variant]]\nname = \"int8\"\nsteps = [{{ quantize = \"int8\" }}]\n\
         [[target]]\nname = \"host\"\n[[target]]\nname = \"emulated\"\n",
        digits("digits_cnn.onnx"),
        digits("digits.npz"),
    );
    std::fs::write(&study, text).unwrap();
    let out = folder.path().join("run");
    paring(&agents, folder.path()).arg("run").arg(&study).arg("--out").arg(&out).assert().success();
    let mut reader = csv::Reader::from_path(out.join("results.csv")).unwrap();
    let rows: Vec<BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    let said: Vec<(&str, &str, &str)> = rows
        .iter()
        .map(|row| (row["target"].as_str(), row["emulated"].as_str(), row["arch"].as_str()))
        .collect();
    let here = ("host", "false", std::env::consts::ARCH);
    assert_eq!(said, [here, here, ("emulated", "true", arch), ("emulated", "true", arch)]);
    let answers = paring(&agents, folder.path())
        .args(["eval", "--json", "--target", "emulated"])
        .arg(digits("digits_cnn.onnx"))
        .arg(out.join("variants/int8.onnx"))
        .arg("--data")
        .arg(digits("digits.npz"))
        .assert()
        .success();
    let found: serde_json::Value = serde_json::from_slice(&answers.get_output().stdout).unwrap();
    for model in found["elsewhere"].as_array().unwrap() {
        let (flips, samples) = (model["flips"].as_array().unwrap().len(), &model["samples"]);
        eprintln!("{triple}: {flips} of {samples} samples flip, {}", model["largest_difference"]);
        assert!(model["emulated"].as_bool().unwrap());
        // Float kernels add in another order; a class flips only where two were all but even.
        assert!(flips as f64 <= 0.01 * samples.as_f64().unwrap(), "{model}");
    }
    paring(&agents, folder.path())
        .env("PARING_FORECASTS", folder.path().join("forecasts.jsonl"))
        .arg("explain")
        .arg(&out)
        .args(["--replicates", "1", "--groups", "2"])
        .assert()
        .success()
        .stdout(contains("emulated is emulated"));
    let all = std::fs::read(out.join("explain.json")).unwrap();
    let all: Vec<paring::schema::Explanation> = serde_json::from_slice(&all).unwrap();
    assert_eq!(all[0].emulated, ["emulated"]);
    let device = all[0].links.iter().find(|link| link.cause == "device").unwrap();
    eprintln!("{triple}: by the device {:?}, {:?}", device.flips, device.largest_difference);
    assert!(device.largest_difference.is_some_and(|difference| difference > 0.0));
    let savings = std::fs::read_to_string(out.join("savings.csv")).unwrap();
    assert!(savings.contains(",emulated,true,") && savings.contains(",host,false,"), "{savings}");
}

#[test]
#[ignore = "needs agents of other architectures; scripts/test --slow builds them"]
fn a_64_bit_arm_agent_measures_and_answers() {
    rows_and_answers("aarch64-unknown-linux-musl", "raspberry-pi-4", "cortex-a72", "aarch64");
}

#[test]
#[ignore = "needs agents of other architectures; scripts/test --slow builds them"]
fn a_32_bit_arm_agent_measures_and_answers() {
    rows_and_answers("armv7-unknown-linux-gnueabihf", "raspberry-pi-3-32bit", "cortex-a7", "arm");
}
