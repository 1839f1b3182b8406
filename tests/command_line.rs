//! The program as a user meets it: what it writes, what it refuses, how it goes on.

mod common;

use assert_cmd::Command;
use common::{digits, shared, skipped};
use predicates::str::contains;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn paring() -> Command {
    Command::new(env!("CARGO_BIN_EXE_paring"))
}

/// A study of the digits model in `folder`, with the given variants and protocol.
fn study(folder: &Path, rest: &str) -> PathBuf {
    let text = format!(
        "[study]\nname = \"test\"\nowner = \"tests\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n{rest}",
        digits("digits_cnn.onnx"),
        digits("digits.npz"),
    );
    let path = folder.join("study.toml");
    std::fs::write(&path, text).unwrap();
    path
}

const TWO: &str = "[protocol]\nblocks = 2\nsolo_ms = 10\npaired_ms = 10\n\
    [[variant]]\nname = \"half\"\nsteps = [{ prune = \"channels\", ratio = 0.5 }]\n\
    [[variant]]\nname = \"half-int8\"\nfrom = \"half\"\nsteps = [{ quantize = \"int8\" }]\n";

fn rows(out: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(out.join("results.csv")).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

#[track_caller]
fn refused(arguments: &[&str], code: i32, message: &str) {
    let ended = paring().args(arguments).assert().code(code).stderr(contains(message));
    let said = String::from_utf8_lossy(&ended.get_output().stderr).to_string();
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn a_run_ends_with_a_row_a_variant() {
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = (study(folder.path(), TWO), folder.path().join("run"));
    let (study, to) = (study.to_str().unwrap(), out.to_str().unwrap());
    paring()
        .args(["run", study, "--out", to])
        .assert()
        .success()
        .stdout(contains("half-int8"))
        .stdout(contains("written to"));
    let rows = rows(&out);
    let names: Vec<&str> = rows.iter().map(|r| r["variant"].as_str()).collect();
    assert_eq!(names, ["baseline", "half", "half-int8"]);
    for row in &rows {
        assert!(row["latency_p50_ns"].parse::<u64>().unwrap() > 0);
        assert!(row["peak_rss_bytes"].parse::<u64>().unwrap() > 1 << 20);
        assert_eq!(row["energy_per_inference_uj"], "");
        assert!(!row["energy_missing"].is_empty());
        assert_eq!(row["verdict"], "", "two blocks are too few for a verdict");
    }
    assert_eq!(rows[2]["parent"], "half");
    assert_eq!(
        rows[2]["recipe"],
        "prune channels, ratio 0.5, criterion l1; quantize int8, per tensor, minmax"
    );
    assert!(rows[1]["components_removed"].parse::<usize>().unwrap() > 100);
    // A finished run is not measured again.
    let journal = out.join("journal/host/blocks.jsonl");
    let before = std::fs::read(&journal).unwrap();
    paring().args(["run", study, "--out", to]).assert().success();
    assert!(std::fs::read(&journal).unwrap() == before, "blocks were measured again");
}

#[test]
fn what_a_machine_cannot_do_is_refused_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    for (rules, message) in [
        ("affinity = [90000]", "`host` has no processor 90000; it has 0 to "),
        ("threads = 1000\nstreams = 1000", "1000 threads in 1000 streams are too many"),
        ("solo_ms = 99999999", "`solo_ms` under [protocol] must be 3600000 at most"),
        ("probes = 99999", "`probes` under [protocol] must be 10000 at most"),
    ] {
        let study = study(folder.path(), &format!("[protocol]\n{rules}\n"));
        let to = out.to_str().unwrap();
        refused(&["run", study.to_str().unwrap(), "--out", to], 2, message);
        refused(&["run", study.to_str().unwrap(), "--dry-run"], 2, message);
        assert!(!out.exists(), "{rules}");
    }
}

#[test]
fn another_target_keeps_the_rows_of_the_first_and_both_are_shown_again() {
    if !cfg!(target_arch = "x86_64") {
        return skipped("the second target is a profile of x86-64");
    }
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = (study(folder.path(), TWO), folder.path().join("a run"));
    let (study, to) = (study.to_str().unwrap(), out.to_str().unwrap());
    let run = |target: &str| {
        paring().args(["run", study, "--out", to, "--target", target]).assert().success()
    };
    run("host").stderr(contains(format!("--target host --out '{to}'` goes on")));
    run("x86-64").stdout(contains("since it was gone on with"));
    let targets: Vec<String> = rows(&out).iter().map(|row| row["target"].clone()).collect();
    assert_eq!(targets, ["x86-64", "x86-64", "x86-64", "host", "host", "host"]);
    paring().args(["verify", to]).assert().success();
    let shown = paring().args(["show", to]).assert().success();
    let text = String::from_utf8_lossy(&shown.get_output().stdout).into_owned();
    assert!(text.contains("x86-64: ") && text.contains("\nhost: "), "{text}");
    let tables = text.lines().filter(|line| line.starts_with('─'));
    assert!(
        tables.clone().count() == 6 && tables.clone().all(|l| l.chars().count() <= 80),
        "{text}"
    );
    let listed = paring().arg("list").arg(folder.path()).arg("--json").output().unwrap();
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed[0]["targets"], serde_json::json!(["host", "x86-64"]), "{listed}");
    assert_eq!(listed[0]["state"], "finished");
    // Not the bench that a folder with results and without a protocol is.
    std::fs::write(out.join("protocol.json"), "{").unwrap();
    let listed = paring().arg("list").arg(folder.path()).arg("--json").output().unwrap();
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!((&listed[0]["state"], &listed[0]["study"]), (&"damaged".into(), &"".into()));
}

#[test]
fn identical_runs_make_identical_variants_parings_and_ledgers() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(folder.path(), TWO);
    let files = |out: &str| {
        let out = folder.path().join(out);
        paring().arg("compress").arg(&study).arg("--out").arg(&out).assert().success();
        let mut found: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
        for part in ["variants", "parings"] {
            for entry in std::fs::read_dir(out.join(part)).unwrap().flatten() {
                let name = Path::new(part).join(entry.file_name());
                found.insert(name, std::fs::read(entry.path()).unwrap());
            }
        }
        let ledger = std::fs::read_to_string(out.join("ledger.jsonl")).unwrap();
        let entries = ledger.lines().map(|line| {
            let mut entry: serde_json::Value = serde_json::from_str(line).unwrap();
            entry["time"].take();
            entry["prev_sha256"].take();
            entry
        });
        (found, entries.collect::<Vec<_>>())
    };
    let (first, second) = (files("a"), files("b"));
    assert!(first.0.len() > 10 && first.1.len() > 10);
    assert!(first == second);
}

#[test]
fn a_killed_run_goes_on_and_measures_no_block_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = (study(folder.path(), TWO), folder.path().join("run"));
    let journal = out.join("journal/host/blocks.jsonl");
    let lines = || std::fs::read_to_string(&journal).map_or(0, |text| text.lines().count());
    for kill_at in [1, 4] {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_paring"))
            .args(["run", "--quiet"])
            .arg(&study)
            .arg("--out")
            .arg(&out)
            .spawn()
            .unwrap();
        while lines() < kill_at && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let before = std::fs::read_to_string(&journal).unwrap();
    paring().arg("run").arg(&study).arg("--out").arg(&out).assert().success();
    let after = std::fs::read_to_string(&journal).unwrap();
    let whole = before.rfind('\n').map_or(0, |last| last + 1);
    assert!(after.starts_with(&before[..whole]), "what was measured stays");
    let mut attempts: BTreeMap<String, usize> = BTreeMap::new();
    for line in after.lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        *attempts.entry(record["attempt"].to_string()).or_default() += 1;
    }
    assert!(attempts.len() >= 10, "{attempts:?}");
    assert!(attempts.values().all(|count| *count == 1), "{attempts:?}");
    assert_eq!(rows(&out).len(), 3);
}

#[test]
fn a_variant_that_equals_its_baseline_is_neither_faster_nor_slower() {
    let folder = tempfile::tempdir().unwrap();
    let rest =
        "[protocol]\nblocks = 9\nsolo_ms = 20\npaired_ms = 150\n[[variant]]\nname = \"again\"\n";
    let (study, out) = (study(folder.path(), rest), folder.path().join("run"));
    paring().arg("run").arg(study).arg("--out").arg(&out).assert().success();
    let row = &rows(&out)[1];
    // A machine that others keep busy gives no verdict, and says why.
    let busy = row["verdict"].is_empty() && row["invalid_reason"].contains("quiet");
    assert!(row["verdict"] == "cannot tell" || busy, "{row:?}");
    assert_eq!(row["flips"], "0");
}

#[test]
fn eval_scores_the_published_model() {
    let Some(folder) = shared("mlperf-tiny") else { return skipped("no MLPerf Tiny data") };
    paring()
        .arg("eval")
        .arg(folder.join("kws_dscnn_f32.onnx"))
        .arg("--data")
        .arg(folder.join("kws_dev.npz"))
        .assert()
        .success()
        .stdout(contains("accuracy 91.80 %"));
}

#[test]
fn init_writes_a_study_that_runs_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let study = folder.path().join("new.toml");
    let to = study.to_str().unwrap();
    let (model, data) = (digits("digits_cnn.onnx"), digits("digits.npz"));
    let arguments =
        ["init", model.to_str().unwrap(), "--data", data.to_str().unwrap(), "--out", to];
    paring().args(arguments).assert().success();
    paring().args(["run", to, "--dry-run"]).assert().success().stdout(contains("pruned-0.125"));
    refused(&arguments, 2, "exists already");
}

#[test]
fn bad_models_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_string()
    };
    let data = digits("digits.npz");
    let eval = |model: &str, message: &str| {
        refused(&["eval", model, "--data", data.to_str().unwrap()], 2, message);
    };
    eval("nowhere.onnx", "read model nowhere.onnx");
    eval(&file("text.onnx", b"not a model"), "is not an ONNX model");
    eval(&file("empty.onnx", b""), "is not an ONNX model");
    let whole = std::fs::read(digits("digits_cnn.onnx")).unwrap();
    for cut in [100, whole.len() / 2, whole.len() - 10] {
        eval(&file("cut.onnx", &whole[..cut]), "is not an ONNX model, or it is truncated");
    }
    let mut graph = paring::graph::Graph::load(&digits("digits_cnn.onnx")).unwrap();
    graph.node_mut(3).unwrap().op_type = "Foo".into();
    let strange = folder.path().join("foo.onnx");
    let node = graph.nodes()[3].name.clone();
    graph.save(&strange).unwrap();
    let message = format!("does not implement operator Foo (node `{node}`)");
    eval(strange.to_str().unwrap(), &message);
}

#[test]
fn bad_studies_and_data_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let dry = |rest: &str, message: &str| {
        let study = study(folder.path(), rest);
        refused(&["run", study.to_str().unwrap(), "--dry-run"], 2, message);
    };
    dry("[[variant]]\nname = \"a\"\nstep = []\n", "unknown key `step`; did you mean `steps`?");
    dry(
        "[[variant]]\nname = \"a\"\nfrom = \"b\"\n",
        "made from `b`, which no earlier variant is called",
    );
    dry("slices = [\"age\"]\n", "has no array `age`; it has `image`, `labels`, `stroke_density`");
    dry("[[target]]\nname = \"pi9\"\n", "no target `pi9`; known are host, x86-64");
    dry("[task]\noutput = \"logits\"\n", "the model has no output `logits`; it has `probs`");
    let Some(tiny) = shared("mlperf-tiny") else { return skipped("no MLPerf Tiny data") };
    let (model, data) = (digits("digits_cnn.onnx"), tiny.join("kws_dev.npz"));
    let arguments = ["eval", model.to_str().unwrap(), "--data", data.to_str().unwrap()];
    refused(&arguments, 2, "has no array `image`; it has `mfcc`, `labels`");
}

#[test]
fn a_folder_that_is_not_ours_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("theirs");
    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("thesis.tex"), "years of work").unwrap();
    let study = study(folder.path(), TWO);
    let arguments = ["run", study.to_str().unwrap(), "--out", out.to_str().unwrap()];
    refused(&arguments, 2, "is not empty and not a run of paring; choose another --out");
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 1);
}

#[test]
fn a_changed_ledger_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = (study(folder.path(), TWO), folder.path().join("run"));
    let compress = || {
        let mut command = paring();
        command.arg("compress").arg(&study).arg("--out").arg(&out);
        command
    };
    compress().assert().success();
    let ledger = out.join("ledger.jsonl");
    let text = std::fs::read_to_string(&ledger).unwrap();
    std::fs::write(&ledger, text.replacen("stem:", "stum:", 1)).unwrap();
    compress().assert().failure().stderr(contains("line 2 of"));
}

#[test]
fn the_catalog_says_what_depends_on_what_and_what_stays() {
    let answer = paring()
        .args(["catalog", "--json"])
        .arg(digits("digits_transformer.onnx"))
        .arg("--data")
        .arg(digits("digits.npz"))
        .assert()
        .success();
    let found: serde_json::Value = serde_json::from_slice(&answer.get_output().stdout).unwrap();
    let couplings = found["couplings"].as_array().unwrap();
    let head = couplings.iter().find(|c| c["id"] == "encoder.0.attn/head").unwrap();
    assert_eq!((&head["kind"], head["components"].as_array().unwrap().len()), (&"head".into(), 4));
    assert_eq!(head["dependencies"]["readers"][0], "encoder.0.attn.out");
    assert_eq!(head["dependencies"]["reads"][0], "patch");
    // Columns and biases of q, k and v, rows of the output projection.
    assert_eq!(head["components"][0]["saves"]["params"], 3 * (64 * 16 + 16) + 16 * 64);
    assert!(head["components"][0]["scores"]["obs"].as_f64().unwrap() > 0.0);
    assert_eq!(found["refused"][0]["layer"], "head");
    paring()
        .arg("catalog")
        .arg(digits("digits_cnn.onnx"))
        .assert()
        .success()
        .stdout(contains("stays whole: node `head/Softmax` normalises over it"));
}

#[test]
fn the_ledger_says_beforehand_what_is_expected() {
    let folder = tempfile::tempdir().unwrap();
    let rest = "[[variant]]\nname = \"timed\"\nsteps = [{ prune = \"channels\", latency = 0.7, \
                on = \"host\", criterion = \"obs\", recover = \"least-squares\" }]\n";
    let (study, out) = (study(folder.path(), rest), folder.path().join("run"));
    paring()
        .args(["compress", study.to_str().unwrap(), "--out", out.to_str().unwrap()])
        .assert()
        .success();
    let ledger = std::fs::read_to_string(out.join("ledger.jsonl")).unwrap();
    let entries = ledger.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
    let pruned: Vec<serde_json::Value> = entries
        .map(|entry| entry["body"].clone())
        .filter(|body| body["operation"] == "prune channels")
        .collect();
    assert!(pruned.len() > 5);
    for body in &pruned {
        let expected = body["expected"].as_array().unwrap();
        let metrics: Vec<&str> = expected.iter().map(|e| e["metric"].as_str().unwrap()).collect();
        assert_eq!(metrics, ["output_error", "accuracy", "file_bytes"]);
        let bound = |key: &str| expected[1][key].as_f64().unwrap();
        assert!(bound("low") <= bound("delta") && bound("delta") <= bound("high"));
        assert!(bound("delta") <= 0.0 && bound("low") >= -1.0);
        assert!(body["inputs"]["cost_table_sha256"].is_string());
        assert!(body["reason"].as_str().unwrap().contains("what zeros in their place give"));
    }
    let table = std::fs::read_to_string(out.join("costs/host.json")).unwrap();
    assert!(table.contains("stem/Conv"), "{table}");
}

#[test]
fn steps_that_make_no_sense_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for (step, message) in [
        ("prune = \"weights\", pattern = \"4:2\"", "two of every four stay"),
        ("prune = \"weights\", count = 3", "`ratio`, `score`, `pattern`"),
        ("prune = \"blocks\", ratio = 0.5, allocate = \"uniform\"", "channels or heads"),
        ("prune = \"channels\", pattern = \"2:4\"", "belongs to `prune = \"weights\"`"),
        ("prune = \"channels\", latency = 0.5, on = \"pi4\"", "not yet on `pi4`"),
    ] {
        let rest = format!("[[variant]]\nname = \"a\"\nsteps = [{{ {step} }}]\n");
        let study = study(folder.path(), &rest);
        refused(&["run", study.to_str().unwrap(), "--dry-run"], 2, message);
    }
    let rest = "[[variant]]\nname = \"a\"\nimport = \"nowhere.onnx\"\n";
    let study = study(folder.path(), rest);
    refused(&["run", study.to_str().unwrap(), "--dry-run"], 2, "nowhere.onnx");
}

/// README's first command is `cargo run`, and there are two programs.
#[test]
fn cargo_run_knows_which_program_is_meant() {
    assert!(include_str!("../Cargo.toml").contains("default-run = \"paring\""));
    assert!(include_str!("../README.md").contains("cargo run --release -- run examples/digits"));
}

#[test]
fn a_profile_names_every_layer_with_weights_and_its_kernels() {
    let (model, data) = (digits("digits_cnn.onnx"), digits("digits.npz"));
    let model = model.to_str().unwrap();
    let output = paring()
        .args(["profile", model, "--data", data.to_str().unwrap(), "--json"])
        .output()
        .unwrap();
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let layers = found["layers"].as_array().unwrap();
    let counted: Vec<&serde_json::Value> = layers.iter().filter(|l| !l["macs"].is_null()).collect();
    assert_eq!(counted.len(), 12, "eleven convolutions and the head");
    assert!(counted.iter().all(|l| !l["kernels"].as_array().unwrap().is_empty()), "{counted:?}");
    refused(&["profile", model], 2, "give --data");
}
