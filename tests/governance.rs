//! The way through [docs/governance.md](../docs/governance.md), from a failing gate to a card: the document's
//! study and its commands as they are typed, in order, each with the exit code that stands beside it.

mod common;

use common::digits;
use std::path::Path;
use std::process::Command;

const HEADING: &str = "## From a failing gate to a card";

/// Fenced texts of a document's section, each with its language.
fn fenced(document: &str, heading: &str) -> Vec<(String, String)> {
    let (_, section) = document.split_once(heading).expect("the document has the section");
    let section = section.split("\n## ").next().unwrap();
    let mut found: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in section.lines() {
        match line.strip_prefix("```") {
            Some(language) if !inside => {
                found.push((language.into(), String::new()));
                inside = true;
            }
            Some(_) => inside = false,
            None if inside => {
                let (_, text) = found.last_mut().unwrap();
                text.push_str(line);
                text.push('\n');
            }
            None => {}
        }
    }
    found
}

/// A command as somebody types it, in a folder where `paring` is found: its answer, and the exit code.
fn typed(folder: &Path, command: &str) -> (String, i32) {
    let program = Path::new(env!("CARGO_BIN_EXE_paring")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-c", command])
        .current_dir(folder)
        .env("PATH", path)
        .env("PARING_FORECASTS", folder.join("forecasts.jsonl"))
        .env("PARING_DATA", folder.join("data"))
        .env("USER", "somebody")
        // The first load of a model has a time limit, which a busy machine does not keep.
        .env("PARING_FIRST_LOAD_SECONDS", "120")
        .output()
        .unwrap();
    let all = [output.stdout, output.stderr].concat();
    (String::from_utf8(all).unwrap(), output.status.code().unwrap())
}

/// The answer to a command, which ends with the exit code that stands behind it, or else with 0.
fn answer_as_stated(folder: &Path, command: &str) -> String {
    let expected = match command.rsplit_once("# exit code ") {
        Some((_, code)) => code.trim().parse().unwrap(),
        None => 0,
    };
    let (said, code) = typed(folder, command);
    assert_eq!(code, expected, "{command}\n{said}");
    said
}

#[test]
fn the_commands_of_the_document_lead_from_a_failing_gate_to_a_card() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = std::fs::read_to_string(root.join("docs/governance.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for name in ["digits_cnn.onnx", "digits.npz"] {
        std::fs::copy(digits(name), folder.path().join(name)).unwrap();
    }
    let mut answers = Vec::new();
    for (language, text) in fenced(&document, HEADING) {
        match language.as_str() {
            "toml" => std::fs::write(folder.path().join("study.toml"), text).unwrap(),
            "sh" => answers.extend(text.lines().map(|line| answer_as_stated(folder.path(), line))),
            other => panic!("a fenced text in `{other}`"),
        }
    }
    assert!(answers.len() >= 9, "{} commands", answers.len());
    let restoring = &answers[2];
    for expected in [
        "put back prune channels of plain",
        "fails without: prune channels of plain",
        "stopped: small.gated meets the requirements on the select split",
        "2 pass (mild, small.gated)",
    ] {
        assert!(restoring.contains(expected), "no `{expected}` in\n{restoring}");
    }
    let card = std::fs::read_to_string(folder.path().join("card.md")).unwrap();
    for expected in ["small.gated", "Rita Reviewer", "vision team", "misread digits"] {
        assert!(card.contains(expected), "no {expected} in\n{card}");
    }
    let ledger = std::fs::read_to_string(folder.path().join("run/ledger.jsonl")).unwrap();
    let trials = ledger.lines().filter(|line| line.contains("\"what\":\"trial\""));
    assert!(trials.count() >= 5, "every trial stands in the ledger");
}
