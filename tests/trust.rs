//! What a study's folder may have run, and what an agent refuses before it does anything: strangers'
//! files, and the marks that they would leave.

mod common;

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use common::digits;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A stranger's folder, whose files make `mark` when something of theirs runs.
struct Stranger {
    folder: tempfile::TempDir,
}

impl Stranger {
    fn new(entry: &str, energy: &str) -> Stranger {
        let stranger = Stranger { folder: tempfile::tempdir().unwrap() };
        let (mark, text) = (stranger.mark(), |text: &str| text.to_string());
        let mark = mark.display();
        std::fs::write(
            stranger.at("ssh_config"),
            format!(
                "Host *\n  ProxyCommand touch '{mark}'; false\n  UserKnownHostsFile /dev/null\n"
            ),
        )
        .unwrap();
        let inventory = format!(
            "[[target]]\nname = \"theirs\"\nextends = \"x86-64\"\naddress = \"nobody@localhost\"\n{entry}\n"
        );
        std::fs::write(stranger.at("targets.toml"), inventory).unwrap();
        let target = if energy.is_empty() { "[[target]]\nname = \"theirs\"\n" } else { "" };
        let energy = energy.replace("MARK", &text(&mark.to_string()));
        let study = format!(
            "[study]\nname = \"theirs\"\nowner = \"a stranger\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n\
             [protocol]\nblocks = 1\nprobes = 0\nsolo_ms = 10\npaired_ms = 10\n{energy}{target}",
            digits("digits_cnn.onnx"),
            digits("digits.npz"),
        );
        std::fs::write(stranger.at("study.toml"), study).unwrap();
        stranger
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn mark(&self) -> PathBuf {
        self.at("mark")
    }

    fn paring(&self, arguments: &[&str]) -> Assert {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paring"));
        command.current_dir(self.folder.path()).env("HOME", self.at("home"));
        command.env_remove("PARING_INVENTORY").env_remove("XDG_CONFIG_HOME");
        command.args(arguments).timeout(Duration::from_secs(300)).assert()
    }

    /// The key and the file are named, and what would allow it; nothing of theirs has run.
    #[track_caller]
    fn refused(&self, arguments: &[&str], key: &str, file: &str) {
        let said = contains(format!("`{key}`")).and(contains(file)).and(contains("`--trust`"));
        self.paring(arguments).code(2).stderr(said);
        assert!(!self.mark().exists(), "{arguments:?} ran what is theirs");
    }
}

const RUN: [&str; 4] = ["run", "study.toml", "--out", "run"];

#[test]
fn a_study_s_ssh_configuration_runs_nothing_without_trust() {
    let stranger = Stranger::new("ssh_config = \"ssh_config\"", "");
    stranger.refused(&RUN, "ssh_config", "targets.toml");
    stranger.refused(&["compress", "study.toml", "--out", "run"], "ssh_config", "targets.toml");
    // Where paring is only run in the folder, too.
    stranger.refused(&["target", "check"], "ssh_config", "targets.toml");
    stranger.refused(&["target", "check", "theirs"], "ssh_config", "targets.toml");
    stranger.refused(&["probe", "theirs"], "ssh_config", "targets.toml");
    stranger.refused(&["runner", "--target", "theirs", "/bin/true"], "ssh_config", "targets.toml");
    stranger.refused(&["target", "clean", "arch=x86_64"], "ssh_config", "targets.toml");
    assert!(!stranger.at("run").exists());
    // What is not theirs goes on.
    stranger.paring(&["target", "list"]).success().stdout(contains("theirs"));
    // It would have run.
    stranger.paring(&["probe", "theirs", "--trust"]).code(3);
    assert!(stranger.mark().exists());
}

#[test]
fn the_user_s_own_inventory_needs_no_trust() {
    let stranger = Stranger::new("ssh_config = \"ssh_config\"", "");
    let mut command = Command::new(env!("CARGO_BIN_EXE_paring"));
    command.env("PARING_INVENTORY", stranger.at("targets.toml")).args(["probe", "theirs"]);
    command.assert().code(3);
    assert!(stranger.mark().exists());
}

#[test]
fn a_study_s_environment_and_commands_run_nothing_without_trust() {
    let variables = Stranger::new("env = { LD_PRELOAD = \"/tmp/theirs.so\" }", "");
    variables.refused(&RUN, "env", "targets.toml");
    let meter = Stranger::new("energy = { source = \"command\", command = \"touch x\" }", "");
    meter.refused(&RUN, "energy", "targets.toml");
    let option = Stranger::new("env = { --split-string = \"touch x\" }", "");
    option.paring(&[&RUN[..], &["--trust"]].concat()).code(2).stderr(contains(
        "`env` has the name `--split-string`; names have letters, digits and `_`",
    ));
    let energy = "[energy]\nsource = \"command\"\ncommand = \"touch 'MARK'; echo 1\"\nwindows = 1\n\
                  run_s = 0.5\nidle_s = 0.5\n";
    let stranger = Stranger::new("", energy);
    stranger.refused(&RUN, "command", "study.toml");
    stranger.paring(&[&RUN[..], &["--trust"]].concat()).success();
    assert!(stranger.mark().exists(), "it would have run");
    std::fs::remove_file(stranger.mark()).unwrap();
    // A run directory leads back to the study.
    stranger.refused(&["explain", "run"], "command", "study.toml");
}

#[test]
fn the_working_directory_builds_no_agent() {
    let stranger = Stranger::new("", "");
    let script = stranger.at("scripts/cross-build");
    std::fs::create_dir_all(script.parent().unwrap()).unwrap();
    std::fs::write(&script, format!("#!/bin/sh\ntouch '{}'\n", stranger.mark().display())).unwrap();
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    // The program away from its sources, as it is installed.
    let own = tempfile::tempdir().unwrap();
    let program = own.path().join("paring");
    std::fs::copy(env!("CARGO_BIN_EXE_paring"), &program).unwrap();
    std::fs::write(stranger.at("key.pub"), "ssh-ed25519 AAAA me@desk\n").unwrap();
    let mut command = Command::new(&program);
    command.current_dir(stranger.folder.path()).env("HOME", stranger.at("home"));
    command.env_remove("PARING_AGENTS").env_remove("XDG_CACHE_HOME");
    command.env("PARING_INVENTORY", stranger.at("own.toml"));
    command.args(["flash", "prepare", "card.img", "--target", "pi", "--extends", "raspberry-pi-5"]);
    command.args(["--key", "key.pub"]).assert().code(2).stderr(contains("no agent for aarch64"));
    assert!(!stranger.mark().exists());
}

/// A job with one model and one setting.
fn job(folder: &Path, change: impl Fn(&mut serde_json::Value)) -> PathBuf {
    let id = "0".repeat(64);
    let mut job = serde_json::json!({
        "schema": 1, "measurement_sha256": id, "seed": 0, "blocks": 1,
        "rules": { "warmup_min_ns": 1, "warmup_max_ns": 1, "solo_ns": 1, "paired_ns": 1, "burst_ns": 1,
                   "max_samples": 1, "limit_ns": 1_000_000_000, "retries": 0 },
        "inputs": "inputs", "inputs_sha256": id, "dims": {},
        "settings": [{ "batch": 1, "threads": 1, "streams": 1 }],
        "models": [{ "name": "m", "variant_id": id, "path": "m.onnx", "sha256": id,
                     "options": {}, "baseline": true }],
    });
    change(&mut job);
    let path = folder.join("job.json");
    std::fs::write(&path, job.to_string()).unwrap();
    path
}

#[test]
fn an_agent_refuses_absurd_work_before_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    let agent = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paring"));
        command.current_dir(folder.path()).timeout(Duration::from_secs(20));
        command.arg("agent").args(arguments).assert()
    };
    let refused = |change: &dyn Fn(&mut serde_json::Value), message: &str| {
        job(folder.path(), change);
        agent(&["run", "job.json", "journal"]).code(1).stderr(contains(message));
        assert!(!folder.path().join("journal").exists(), "{message}");
    };
    refused(&|job| job["settings"][0]["batch"] = 0.into(), "batch 0 is not from 1");
    refused(&|job| job["settings"][0]["threads"] = 1_000_000.into(), "1000000 threads");
    refused(&|job| job["blocks"] = u32::MAX.into(), "blocks, 1000000 are the most");
    refused(&|job| job["models"] = serde_json::json!([]), "0 baselines");
    job(folder.path(), |_| {});
    agent(&["nodes", "job.json", "0", "0"]).code(1).stderr(contains("batch 0 is not from 1"));
    for pid in ["0", "1"] {
        let message = format!("process {pid} is nobody's parent");
        agent(&["run", "job.json", "journal", "--follow", pid]).code(1).stderr(contains(&message));
        agent(&["block", "job.json", "0", "0", pid]).code(1).stderr(contains(&message));
        agent(&["partner", "job.json", "0", pid]).code(1).stderr(contains(&message));
    }
    for name in ["..", "../../etc", "a/b", "", "a b"] {
        let ended = agent(&["status", ".", name, "none", "0", "0"]);
        ended.code(1).stderr(contains("is no name of a job"));
    }
    // An ordinary one gets further.
    agent(&["run", "job.json", "journal"]).success();
    assert!(folder.path().join("journal").exists());
}
