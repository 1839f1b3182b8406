//! A model whose names are commands to terminals and formulas to spreadsheets, through the verbs that
//! print and write names.

mod common;

use assert_cmd::Command;
use common::digits;
use std::path::Path;

/// The digits network with `stem` replaced everywhere by other four bytes.
fn model(folder: &Path, name: &[u8; 4]) -> std::path::PathBuf {
    let mut bytes = std::fs::read(digits("digits_cnn.onnx")).unwrap();
    let places: Vec<usize> =
        bytes.windows(4).enumerate().filter(|(_, w)| w == b"stem").map(|(at, _)| at).collect();
    assert!(places.len() > 10);
    places.iter().for_each(|at| bytes[*at..at + 4].copy_from_slice(name));
    let path = folder.join("named.onnx");
    std::fs::write(&path, bytes).unwrap();
    path
}

/// What a verb prints to both of its streams, on a terminal's colours or without.
fn printed(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paring"));
    command.current_dir(folder).timeout(std::time::Duration::from_secs(300));
    let ended = command.args(arguments).assert().success();
    let output = ended.get_output();
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

#[test]
fn names_of_nodes_move_no_cursor_and_run_in_no_spreadsheet() {
    let folder = tempfile::tempdir().unwrap();
    model(folder.path(), b"=\x1b[m");
    let data = digits("digits.npz");
    let data = data.to_str().unwrap();
    let profile = ["profile", "named.onnx", "--data", data, "--csv", "layers.csv"];
    for arguments in [
        &profile[..],
        &["profile", "named.onnx", "--data", data, "--json", "--quiet"],
        &["catalog", "named.onnx"],
        &["catalog", "named.onnx", "--json", "--quiet"],
    ] {
        let said = printed(folder.path(), arguments);
        assert!(!said.contains('\x1b'), "{arguments:?}: {said:?}");
        assert!(said.contains("=\\u001b[m"), "{arguments:?} names no layer: {said}");
        if arguments.contains(&"--json") {
            let value: serde_json::Value = serde_json::from_str(&said).unwrap();
            assert!(value.to_string().contains("=\\u001b[m"), "the name reads back as it was");
        }
    }
    let mut reader = csv::Reader::from_path(folder.path().join("layers.csv")).unwrap();
    let layer = reader.headers().unwrap().iter().position(|name| name == "layer").unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert!(rows.iter().any(|row| row[layer].starts_with("'=\\u001b[m")), "{rows:?}");
    for cell in rows.iter().flatten() {
        let number = cell.parse::<f64>().is_ok();
        assert!(number || !cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
        assert!(!cell.contains('\x1b'), "{cell:?}");
    }
}

#[test]
fn colours_are_of_the_tool_alone() {
    let folder = tempfile::tempdir().unwrap();
    model(folder.path(), b"=\x1b[m");
    let bench = |model| ["bench", model, "--random-inputs", "--blocks", "1", "--color", "always"];
    let said = printed(folder.path(), &bench("named.onnx"));
    assert!(said.contains("\x1b[1m"), "the heading is bold: {said:?}");
    assert!(!said.replace("\x1b[m", "").contains("=\x1b"), "{said:?}");
    // No variant can be named after such a file.
    std::fs::copy(folder.path().join("named.onnx"), folder.path().join("a\x1b[31mb.onnx")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_paring"));
    let refused =
        command.current_dir(folder.path()).args(bench("a\x1b[31mb.onnx")).assert().code(2);
    let said = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(!said.contains('\x1b') && said.contains("a\\u001b[31mb"), "{said:?}");
}
