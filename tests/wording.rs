//! The words of the program: its help, and its answers to studies, files and command lines that it
//! refuses. A change of any sentence shows as a difference of a file in `snapshots`;
//! `INSTA_UPDATE=always cargo test --release --test wording` takes it over.

mod common;

use assert_cmd::Command;
use common::digits;
use insta::assert_snapshot;
use std::path::Path;

/// Standard output of the help of a verb.
fn help(words: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paring"));
    let ended = command.args(words.split_whitespace()).arg("--help").assert().success();
    String::from_utf8_lossy(&ended.get_output().stdout).into_owned()
}

/// Exit code and standard error of a command line in a folder.
fn said(folder: &Path, words: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paring"));
    command.current_dir(folder).env("PARING_FORECASTS", folder.join("forecasts.jsonl"));
    let ended = command.args(words.split_whitespace()).arg("--quiet").assert();
    let output = ended.get_output();
    let text = String::from_utf8_lossy(&output.stderr);
    let text = text.replace(folder.to_str().unwrap(), "<folder>");
    format!("{words}\n{}: {}", output.status.code().unwrap(), text.trim_end())
}

/// Model and samples of the example, and files that are none, in a new folder.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for name in ["digits_cnn.onnx", "digits.npz"] {
        std::fs::copy(digits(name), at.join(name)).unwrap();
    }
    let model = std::fs::read(digits("digits_cnn.onnx")).unwrap();
    std::fs::write(at.join("cut.onnx"), &model[..model.len() / 2]).unwrap();
    std::fs::write(at.join("broken.onnx"), b"no model at all\n".repeat(9)).unwrap();
    std::fs::write(at.join("broken.npz"), b"PK no archive").unwrap();
    std::fs::create_dir(at.join("occupied")).unwrap();
    std::fs::write(at.join("occupied/letter.txt"), "not a run\n").unwrap();
    folder
}

/// A study whose text a case changes; its variants are those of `variants`.
const HEAD: &str = "[study]\nname = \"small\"\nowner = \"tests\"\n[model]\npath = \"digits_cnn.onnx\"\n\
    [data]\npath = \"digits.npz\"\n";
const HALF: &str =
    "[[variant]]\nname = \"half\"\nsteps = [{ prune = \"channels\", ratio = 0.5 }]\n";

/// Answers to studies, each [`HEAD`] and a text, with one piece replaced by another.
fn refused_studies(cases: &[(&str, &str, &str)]) -> String {
    let folder = folder();
    let each = cases.iter().enumerate().map(|(number, (rest, from, to))| {
        let text = format!("{HEAD}{rest}");
        assert!(text.contains(from), "`{from}` is not in the study");
        std::fs::write(folder.path().join("study.toml"), text.replacen(from, to, 1)).unwrap();
        let answer = said(folder.path(), &format!("compress study.toml --out run-{number}"));
        format!(
            "{} -> {}\n    {}",
            from,
            to,
            answer.lines().skip(1).collect::<Vec<_>>().join("\n    ")
        )
    });
    each.collect::<Vec<_>>().join("\n").replace('\u{1b}', "<escape>")
}

fn answers(folder: &Path, lines: &[&str]) -> String {
    lines.iter().map(|line| said(folder, line)).collect::<Vec<_>>().join("\n\n")
}

#[test]
fn help_of_the_program() {
    assert_snapshot!("help", help(""));
}

#[test]
fn help_of_what_makes_variants() {
    assert_snapshot!("help of init", help("init"));
    assert_snapshot!("help of run", help("run"));
    assert_snapshot!("help of compress", help("compress"));
    assert_snapshot!("help of restore", help("restore"));
}

#[test]
fn help_of_what_looks_at_models() {
    assert_snapshot!("help of catalog", help("catalog"));
    assert_snapshot!("help of eval", help("eval"));
    assert_snapshot!("help of diff", help("diff"));
    assert_snapshot!("help of sensitivity", help("sensitivity"));
    assert_snapshot!("help of explain", help("explain"));
}

#[test]
fn help_of_what_measures() {
    assert_snapshot!("help of bench", help("bench"));
    assert_snapshot!("help of compare", help("compare"));
    assert_snapshot!("help of profile", help("profile"));
    assert_snapshot!("help of gradient", help("gradient"));
    assert_snapshot!("help of probe", help("probe"));
    assert_snapshot!("help of runner", help("runner"));
}

#[test]
fn help_of_what_keeps_records() {
    assert_snapshot!("help of gate", help("gate"));
    assert_snapshot!("help of note", help("note"));
    assert_snapshot!("help of show", help("show"));
    assert_snapshot!("help of list", help("list"));
    assert_snapshot!("help of verify", help("verify"));
    assert_snapshot!("help of key", help("key"));
    assert_snapshot!("help of key new", help("key new"));
    assert_snapshot!("help of sign", help("sign"));
    assert_snapshot!("help of approve", help("approve"));
    assert_snapshot!("help of card", help("card"));
}

#[test]
fn help_of_boards() {
    assert_snapshot!("help of target", help("target"));
    assert_snapshot!("help of target list", help("target list"));
    assert_snapshot!("help of target add", help("target add"));
    assert_snapshot!("help of target check", help("target check"));
    assert_snapshot!("help of target clean", help("target clean"));
    assert_snapshot!("help of target remove", help("target remove"));
    assert_snapshot!("help of target rename", help("target rename"));
    assert_snapshot!("help of flash", help("flash"));
    assert_snapshot!("help of flash prepare", help("flash prepare"));
    assert_snapshot!("help of flash write", help("flash write"));
    assert_snapshot!("help of flash verify", help("flash verify"));
}

#[test]
fn refused_keys_and_sections() {
    assert_snapshot!(refused_studies(&[
        (HALF, "ratio", "rato"),
        (HALF, "[data]", "[protocoll]\nblocks = 3\n[data]"),
        (HALF, "[study]", "this is no study"),
        (HALF, "owner = \"tests\"\n", ""),
        (HALF, "owner = \"tests\"", "owner = \" \""),
        (HALF, "[study]\nname = \"small\"\nowner = \"tests\"\n", ""),
        (HALF, "ratio = 0.5", "ratio = \"half\""),
        (HALF, "name = \"small\"", "name = 3"),
        (HALF, "ratio = 0.5", "ratio = 0.5, layers = [\"res*\"]"),
    ]));
}

#[test]
fn refused_tasks_and_data() {
    assert_snapshot!(refused_studies(&[
        (HALF, "[data]", "[task]\nmetric = \"acuracy\"\n[data]"),
        (HALF, "[data]", "[task]\nkind = \"clasification\"\n[data]"),
        (HALF, "[data]", "[task]\noutput = \"logits\"\n[data]"),
        (HALF, "digits.npz\"\n", "digits.npz\"\nslices = [\"nothing\"]\n"),
        (
            HALF,
            "digits.npz\"\n",
            "digits.npz\"\nsplits = { calibrate = 0.5, select = 0.5, report = 0.5 }\n"
        ),
        (HALF, "digits.npz", "nowhere.npz"),
        (HALF, "digits.npz", "broken.npz"),
        (HALF, "digits_cnn.onnx", "nowhere.onnx"),
        (HALF, "digits_cnn.onnx", "broken.onnx"),
        (HALF, "digits_cnn.onnx", "cut.onnx"),
    ]));
}

#[test]
fn refused_steps_and_variants() {
    assert_snapshot!(refused_studies(&[
        (HALF, "ratio = 0.5", "ratio = 1.5"),
        (HALF, "ratio = 0.5", "ratio = 0.5, count = 1"),
        (HALF, "ratio = 0.5", "ratio = 0.5, quantize = \"int8\""),
        (HALF, "ratio = 0.5", "ratio = 0.5, criterion = \"l3\""),
        (HALF, "ratio = 0.5", "ratio = 0.5, calibration = \"mse\""),
        (HALF, "ratio = 0.5", "ratio = 0.5, layers = \"nowhere*\""),
        (HALF, "ratio = 0.5", "macs = 0.01"),
        (HALF, "ratio = 0.5", "criterion = \"l1\""),
        (HALF, "{ prune = \"channels\", ratio = 0.5 }", "{ quantize = \"int7\" }"),
        (HALF, "{ prune = \"channels\", ratio = 0.5 }", "{ quantize = \"int8\", ratio = 0.5 }"),
        (HALF, "{ prune = \"channels\", ratio = 0.5 }", "{ shrink = \"int8\" }"),
        (HALF, "\"half\"", "\"half\"\nfrom = \"whole\""),
        (HALF, "\"half\"", "\"../../escaped\""),
        (HALF, "\"half\"", "\"half\\u001b[2J\""),
        (HALF, "[[variant]]", "[[variant]]\nname = \"half\"\n[[variant]]"),
        (HALF, "\"half\"", "\"half\"\nengine = [\"turbo\"]"),
        (HALF, "\"half\"\nsteps", "\"half\"\nimport = \"nowhere.onnx\"\n#"),
    ]));
}

#[test]
fn refused_targets_and_energy() {
    assert_snapshot!(refused_studies(&[
        (HALF, "[data]", "[[target]]\nname = \"nowhere\"\n[data]"),
        (HALF, "[data]", "[energy]\nsource = \"command\"\ncommand = \"true\"\n[data]"),
        (HALF, "[data]", "[energy]\nsource = \"guess\"\n[data]"),
        (HALF, "[data]", "[protocol]\nblocks = 0\n[data]"),
    ]));
}

/// A requirement in front of the data section, in a study with a column of slices.
fn required(text: &str) -> String {
    format!("[[protocol.require]]\n{text}\n[data]")
}

#[test]
fn refused_requirements() {
    let texts = [
        "metric = \"acuracy_drop\"\nmax = 0.01",
        "metric = \"ece_drop\"\nmax = 0.01",
        "metric = \"latency_p50\"\nmax = 1",
        "metric = \"accuracy\"",
        "metric = \"accuracy\"\nmin = 0.9\nmax = 1.0",
        "metric = \"accuracy\"\nmin = 95",
        "metric = \"accuracy\"\nmin = nan",
        "metric = \"accuracy\"\nmin = \"high\"",
        "metric = \"accuracy\"\nmin = 0.9\nclas = 3",
        "metric = \"accuracy\"\nmin = 0.9\nclass = 3",
        "metric = \"recall\"\nmin = 0.9\nclass = 12",
        "metric = \"recall\"\nmin = 0.9\nclass = \"all\"",
        "metric = \"accuracy\"\nmin = 0.9\nslice = \"density = 1\"",
        "metric = \"mse\"\nmax = 0.9",
        "metric = \"top_3\"\nmin = 0.9",
        "metric = \"robust_accuracy\"\nmin = 0.9",
        "metric = \"speedup\"\nmin = 1.5\ntarget = \"hots\"",
        "metric = \"accuracy\"\nmin = 0.9\ntarget = \"host\"",
        "metric = \"file_bytes\"\nmax = 9000\nbatch = 2",
        "metric = \"accuracy\"\nmin = 0.9\nstrength = 2.0",
    ];
    let texts = texts.map(required);
    let cases: Vec<(&str, &str, &str)> =
        texts.iter().map(|text| (HALF, "[data]", text.as_str())).collect();
    assert_snapshot!(refused_studies(&cases));
}

#[test]
fn refused_words_and_slices() {
    let sliced = "digits.npz\"\nslices = [\"stroke_density\"]\n[[protocol.require]]\n\
                  metric = \"accuracy\"\nmin = 0.9\nslice = ";
    let unknown = format!("{sliced}\"stroke_densty = 1\"\n");
    let no_such = format!("{sliced}\"stroke_density = 7\"\n");
    assert_snapshot!(refused_studies(&[
        (HALF, "digits.npz\"\n", &unknown),
        (HALF, "digits.npz\"\n", &no_such),
        (HALF, "[data]", "[protocol]\nrequire_words = [\"risk\"]\n[data]"),
        (HALF, "[data]", "[protocol]\nrequire_words = [\"rsk\"]\n[data]"),
        (HALF, "owner = \"tests\"", "owner = \"tests\"\nreview_by = \"next year\""),
        (
            HALF,
            "[data]",
            "[robustness]\nnoise = [0.1]\n[[protocol.require]]\nmetric = \"robust_accuracy\"\n\
             min = 0.5\ndisturbance = \"shift\"\n[data]"
        ),
    ]));
}

#[test]
fn refused_command_lines() {
    let folder = folder();
    let text = format!("{HEAD}{HALF}");
    std::fs::write(folder.path().join("study.toml"), text).unwrap();
    let model = "digits_cnn.onnx";
    let lines = [
        "run nowhere.toml".to_string(),
        "run occupied".into(),
        "run study.toml --out occupied --quick".into(),
        "run study.toml --dry-run --target nowhere".into(),
        "catalog nowhere.onnx".into(),
        "catalog broken.onnx".into(),
        "catalog .".into(),
        format!("catalog {model} --dims N=x"),
        format!("eval {model} --data nowhere.npz"),
        format!("eval {model} --data digits.npz --slice nothing"),
        format!("eval {model} --data digits.npz --output nothing"),
        "bench nowhere.onnx --random-inputs".into(),
        format!("bench {model} --random-inputs --engine turbo"),
        format!("bench {model}"),
        format!("profile {model}"),
        format!("profile {model} --data digits.npz --target nowhere"),
        "compare occupied".into(),
        "compare nowhere study.toml".into(),
        "probe nowhere".into(),
        "sensitivity nowhere".into(),
        "explain nowhere".into(),
        "restore nowhere --variant half --all".into(),
        "note nowhere words".into(),
        "verify nowhere".into(),
        "verify occupied".into(),
        "verify occupied --expect abc".into(),
        "gate nowhere".into(),
        "show nowhere".into(),
        "show occupied".into(),
        "list nowhere".into(),
        "explain nowhere --minutes x".into(),
        "target check nowhere".into(),
        "target remove nowhere".into(),
        "target remove host".into(),
        "target rename nowhere new".into(),
        "target add nowhere.invalid --name x/y".into(),
        "runner --target nowhere true".into(),
        "flash verify nowhere.img occupied/letter.txt".into(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_snapshot!(answers(folder.path(), &lines));
}

#[test]
fn refused_on_a_run() {
    let folder = folder();
    std::fs::write(folder.path().join("study.toml"), format!("{HEAD}{HALF}")).unwrap();
    std::fs::write(
        folder.path().join("other.toml"),
        format!("{HEAD}{HALF}").replace("0.5", "0.25"),
    )
    .unwrap();
    let made = said(folder.path(), "compress study.toml --out run");
    assert!(made.contains("\n0:"), "{made}");
    let lines = [
        "compress other.toml --out run",
        "explain run --variant nothing",
        "explain run --level channel",
        "restore run --variant nothing --all",
        "restore run --variant half",
        "restore run --variant half --component nothing:0",
        "note run words --on nothing",
        "sensitivity run",
        "compare run",
    ];
    assert_snapshot!(answers(folder.path(), &lines));
}
