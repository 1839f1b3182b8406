//! JSON schemas of studies, inventories and profiles: files that are shipped or shown fit them, and `taplo`, which editors use, refuses what the program refuses.

mod common;

use assert_cmd::Command;
use common::skipped;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn schema(file: &str) -> String {
    let ended =
        Command::new(env!("CARGO_BIN_EXE_paring")).args(["schema", file]).assert().success();
    String::from_utf8(ended.get_output().stdout.clone()).unwrap()
}

/// Every key has a sentence for whoever hovers over it.
#[test]
fn every_key_is_described() {
    fn walk(value: &serde_json::Value, place: &str, silent: &mut BTreeSet<String>) {
        if let Some(keys) = value["properties"].as_object() {
            for (key, schema) in keys {
                let kind =
                    ["prune", "quantize", "distill", "tune", "source"].contains(&key.as_str());
                if schema["description"].as_str().is_none_or(str::is_empty) && !kind {
                    silent.insert(format!("{place}.{key}"));
                }
            }
        }
        match value {
            serde_json::Value::Object(keys) => {
                keys.iter().for_each(|(key, value)| walk(value, key, silent));
            }
            serde_json::Value::Array(values) => {
                values.iter().for_each(|value| walk(value, place, silent));
            }
            _ => {}
        }
    }
    let mut silent = BTreeSet::new();
    for file in ["study", "targets", "profile"] {
        walk(&serde_json::from_str(&schema(file)).unwrap(), file, &mut silent);
    }
    assert!(silent.is_empty(), "keys without a description: {silent:?}");
}

/// The `taplo` beside the Python of the tests, or on the path.
fn taplo() -> Option<PathBuf> {
    let beside = std::env::var_os("PARING_PYTHON")
        .map(|python| PathBuf::from(python).with_file_name("taplo"));
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let others = std::env::split_paths(&folders).map(|folder| folder.join("taplo"));
    let found = beside.into_iter().chain(others).find(|path| path.is_file());
    if found.is_none() {
        skipped("files against their schemas, because taplo is not installed");
    }
    found
}

/// Complaints about files, by the schema of a kind; empty where they fit it.
fn complaints(taplo: &Path, kind: &str, files: &[PathBuf]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("schema.json");
    std::fs::write(&path, schema(kind)).unwrap();
    let mut command = std::process::Command::new(taplo);
    command.args(["lint", "--no-auto-config", "--colors", "never", "--schema"]);
    command.arg(format!("file://{}", path.display())).args(files).current_dir(folder.path());
    let output = command.output().unwrap();
    match output.status.success() {
        true => String::new(),
        false => String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn files_in(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect()
}

/// Blocks of TOML in a document that are whole studies, or parts of one, each made whole.
fn studies_shown_in(document: &str, folder: &Path) -> Vec<PathBuf> {
    const HEAD: &str = "[study]\nname = \"shown\"\nowner = \"docs\"\n[model]\npath = \"m.onnx\"\n[data]\npath = \"d.npz\"\n";
    let text = std::fs::read_to_string(root().join(document)).unwrap();
    let blocks = text.split("```toml\n").skip(1).filter_map(|rest| rest.split_once("```"));
    let blocks = blocks.map(|(block, _)| block);
    // Inventories and profiles are shown too.
    let of_studies = blocks.filter(|block| {
        [
            "[study]",
            "[[variant]]",
            "[protocol",
            "[[protocol",
            "[[regime]]",
            "[energy]",
            "[robustness]",
            "[task]",
        ]
        .iter()
        .any(|section| block.contains(section))
    });
    let whole = of_studies.map(|block| match block.contains("[study]") {
        true => block.to_string(),
        false => format!("{HEAD}{block}"),
    });
    let name = document.replace('/', "-");
    let written = whole.enumerate().map(|(number, text)| {
        let path = folder.join(format!("{name}-{number}.toml"));
        std::fs::write(&path, text).unwrap();
        path
    });
    written.collect()
}

#[test]
fn shipped_and_shown_files_fit_their_schemas() {
    let Some(taplo) = taplo() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut studies = files_in("examples/digits");
    studies.extend(files_in("tests/studies"));
    let shown: usize = [
        "README.md",
        "docs/study.md",
        "docs/pruning.md",
        "docs/quantization.md",
        "docs/distilling.md",
        "docs/governance.md",
        "docs/energy.md",
        "docs/boards.md",
        "docs/explaining.md",
    ]
    .into_iter()
    .map(|document| {
        let found = studies_shown_in(document, folder.path());
        studies.extend(found.iter().cloned());
        found.len()
    })
    .sum();
    assert!(shown > 5, "the documents show {shown} studies");
    assert_eq!(complaints(&taplo, "study", &studies), "");
    assert_eq!(complaints(&taplo, "profile", &files_in("targets")), "");
}

#[test]
fn what_the_program_refuses_the_schema_refuses() {
    let Some(taplo) = taplo() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("study.toml");
    let head = format!(
        "[study]\nname = \"a\"\nowner = \"b\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n",
        common::digits("digits_cnn.onnx"),
        common::digits("digits.npz"),
    );
    let ends = |code: i32| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_paring"));
        program.arg("run").arg(&path).arg("--dry-run").assert().code(code);
    };
    let variant = |step: &str| format!("{head}[[variant]]\nname = \"v\"\nsteps = [{{ {step} }}]\n");
    std::fs::write(
        &path,
        variant("prune = \"channels\", ratio = [0.1, 0.5]").replace("\"v\"", "\"v{ratio}\""),
    )
    .unwrap();
    assert_eq!(complaints(&taplo, "study", std::slice::from_ref(&path)), "");
    ends(0);
    for text in [
        head.replace("owner", "ownr"),
        head.replace("owner = \"b\"\n", ""),
        format!("{head}[protocoll]\nblocks = 3\n"),
        format!("{head}[task]\nkind = \"ranking\"\n"),
        format!("{head}[task]\nmetric = \"accurracy\"\n"),
        format!("{head}[protocol]\nblocks = 0\n"),
        format!("{head}[protocol]\nthreads = \"all\"\n"),
        format!("{head}[[protocol.require]]\nmin = 0.9\n"),
        format!("{head}[robustness]\nfog = [1.0]\n"),
        variant("prune = \"channels\", rato = 0.5"),
        variant("prune = \"channels\""),
        variant("prune = \"channels\", ratio = 0.5, count = 3"),
        variant("prune = \"channels\", ratio = 1.5"),
        variant("prune = \"channels\", ratio = \"half\""),
        variant("prune = \"filters\", ratio = 0.5"),
        variant("prune = \"weights\", count = 3"),
        variant("prune = \"channels\", ratio = 0.5, criterion = \"l3\""),
        variant("prune = \"channels\", ratio = 0.5, recover = \"bias\""),
        variant("prune = \"channels\", ratio = 0.5, quantize = \"int8\""),
        variant("quantize = \"int3\""),
        variant("quantize = \"f16\", per = \"channel\""),
        variant("quantize = \"int8\", per = \"row\""),
        variant("distill = false"),
        variant("tune = \"all\""),
        variant("layers = \"a\""),
    ] {
        std::fs::write(&path, &text).unwrap();
        assert_ne!(complaints(&taplo, "study", std::slice::from_ref(&path)), "", "{text}");
        ends(2);
    }
}

/// What `paring init` writes names its schema, which lies beside it, and fits it.
#[test]
fn a_new_study_names_its_schema() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let mut init = Command::new(env!("CARGO_BIN_EXE_paring"));
    init.arg("init").arg(common::digits("digits_cnn.onnx")).current_dir(at).assert().success();
    let text = std::fs::read_to_string(at.join("study.toml")).unwrap();
    let place = text.lines().next().unwrap().strip_prefix("#:schema ./").unwrap();
    assert_eq!(std::fs::read_to_string(at.join(place)).unwrap(), schema("study"));
    let Some(taplo) = taplo() else { return };
    let lint = |text: &str| {
        std::fs::write(at.join("study.toml"), text).unwrap();
        let mut command = std::process::Command::new(&taplo);
        command.args(["lint", "--no-auto-config"]).arg(at.join("study.toml")).current_dir(at);
        command.output().unwrap().status.success()
    };
    assert!(lint(&text), "{text}");
    assert!(!lint(&text.replace("owner", "ownr")), "the schema is not looked at");
}
