//! The example workflow for CI: its commands run as they stand there, on a small study.

mod common;

use common::digits;
use std::path::Path;
use std::process::{Command, Output};

/// A step of the workflow that runs commands: its name and its script.
struct WorkflowStep {
    name: String,
    script: String,
}

/// The steps with a `run:`, by their indentation.
fn workflow_steps() -> Vec<WorkflowStep> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/github-action.yml");
    let text = std::fs::read_to_string(path).unwrap();
    let (mut steps, mut name) = (Vec::new(), String::new());
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(named) = line.trim_start().strip_prefix("- name: ") {
            name = named.to_string();
        }
        let Some(script) = line.trim_start().strip_prefix("run: ") else { continue };
        let indent = line.len() - line.trim_start().len();
        let mut script = script.to_string();
        if script == "|" {
            script.clear();
            let deeper =
                |line: &&str| line.trim().is_empty() || line.starts_with(&" ".repeat(indent + 1));
            while let Some(line) = lines.next_if(deeper) {
                script += line.trim_start();
                script.push('\n');
            }
        }
        steps.push(WorkflowStep { name: name.clone(), script });
    }
    steps
}

/// Runs a script as a runner does, with `variables` of the workflow.
fn run(folder: &Path, script: &str, variables: &[(&str, &str)]) -> Output {
    let programs = Path::new(env!("CARGO_BIN_EXE_paring")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]).current_dir(folder);
    command.env("PATH", path).env("PARING_FORECASTS", folder.join("forecasts.jsonl"));
    command.envs(variables.iter().copied()).output().unwrap()
}

/// A checkout with the study of a branch.
fn checkout(folder: &Path, branch: &str, rest: &str) {
    let at = folder.join(branch);
    std::fs::create_dir(&at).unwrap();
    let text = format!(
        "[study]\nname = \"small\"\nowner = \"tests\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n\
         [protocol]\nprobes = 0\nsolo_ms = 10\npaired_ms = 10\n{rest}",
        digits("digits_cnn.onnx"),
        digits("digits.npz"),
    );
    std::fs::write(at.join("study.toml"), text).unwrap();
}

fn said(output: &Output) -> String {
    format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

const REQUIREMENT: &str = "[[protocol.require]]\nmetric = \"file_bytes_ratio\"\nmax = LIMIT\n\
    [[variant]]\nname = \"half\"\nsteps = [{ prune = \"channels\", ratio = 0.5 }]\n";
const QUICK: [(&str, &str); 3] =
    [("STUDY", "study.toml"), ("TARGET", "host"), ("OPTIONS", "--quick")];

/// Runs the steps that are paring's, and gives what the one that judges said.
fn judged(folder: &Path) -> Output {
    let steps = workflow_steps();
    let names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
    let expected =
        ["Install", "Check the machine and the study", "Measure both", "Judge", "Comment"];
    assert_eq!(names, expected);
    let mut last = None;
    for step in &steps[1..4] {
        let output = run(folder, &step.script, &QUICK);
        assert!(
            step.name == "Judge" || output.status.success(),
            "{}: {}",
            step.name,
            said(&output)
        );
        last = Some(output);
    }
    last.unwrap()
}

#[test]
fn the_commands_of_the_workflow_run_as_they_stand_there() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let rest = REQUIREMENT.replace("LIMIT", "1.0");
    checkout(at, "base", &rest);
    checkout(at, "head", &rest);
    let output = judged(at);
    assert!(output.status.success(), "{}", said(&output));
    let written = |name: &str| std::fs::read_to_string(at.join(name)).unwrap();
    let comment = written("comment.md");
    assert!(comment.contains("| half |") || comment.contains("`half`"), "{comment}");
    assert!(written("junit.xml").contains("<testsuite"), "{}", written("junit.xml"));
    for uploaded in ["runs/head/report.html", "runs/head/results.csv"] {
        assert!(at.join(uploaded).is_file(), "{uploaded}");
    }
}

#[test]
fn a_requirement_that_is_not_met_fails_the_job() {
    let folder = tempfile::tempdir().unwrap();
    checkout(folder.path(), "base", &REQUIREMENT.replace("LIMIT", "1.0"));
    checkout(folder.path(), "head", &REQUIREMENT.replace("LIMIT", "0.01"));
    let output = judged(folder.path());
    assert_eq!(output.status.code(), Some(5), "{}", said(&output));
    assert!(std::fs::read_to_string(folder.path().join("junit.xml")).unwrap().contains("<failure"));
    assert!(folder.path().join("comment.md").is_file(), "the comment is written all the same");
}

/// What the workflow takes from the platform: names that a slip of the finger would break.
#[test]
fn files_that_are_commented_and_uploaded_are_those_that_are_written() {
    let steps = workflow_steps();
    let comment = steps.iter().find(|step| step.name == "Comment").unwrap();
    assert!(comment.script.contains("--body-file comment.md"), "{}", comment.script);
}
