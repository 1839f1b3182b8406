//! Regimes: variants on further data, named by the study or added to a finished run.

mod common;
#[path = "common/runs.rs"]
mod runs;

use common::{digits, outputs};
use ndarray::{Array1, ArrayD, Axis};
use ndarray_npy::{NpzReader, NpzWriter};
use paring::arrays::Array;
use paring::graph::Graph;
use predicates::str::contains;
use runs::{compressed, files, paring};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Samples of the example as a camera with a weak lamp would see them, with their labels.
fn dark(folder: &Path, samples: usize) -> (PathBuf, ArrayD<f32>, Vec<i64>) {
    let mut given = NpzReader::new(File::open(digits("digits.npz")).unwrap()).unwrap();
    let pixels: ArrayD<f32> = given.by_name("image").unwrap();
    let labels: Array1<i64> = given.by_name("labels").unwrap();
    let pixels = pixels.slice_axis(Axis(0), (..samples).into()).mapv(|v| 0.2 * v);
    let labels: Vec<i64> = labels.iter().take(samples).copied().collect();
    let path = folder.join("dark.npz");
    let mut file = NpzWriter::new(File::create(&path).unwrap());
    file.add_array("image", &pixels).unwrap();
    file.add_array("labels", &Array1::from(labels.clone())).unwrap();
    let lamp: Vec<i64> = (0..samples as i64).map(|i| i % 2).collect();
    file.add_array("lamp", &Array1::from(lamp)).unwrap();
    file.finish().unwrap();
    (path, pixels.into_owned(), labels)
}

/// Share of right answers of a file of the run, counted here.
fn accuracy(file: &Path, pixels: &ArrayD<f32>, labels: &[i64]) -> f64 {
    let inputs = BTreeMap::from([("image".to_string(), Array::F32(pixels.clone()))]);
    let scores = outputs(&Graph::load(file).unwrap(), &inputs);
    let classes = scores.len() / labels.len();
    let right = scores.chunks(classes).zip(labels).filter(|(scores, label)| {
        let best = (0..classes).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap();
        best as i64 == **label
    });
    right.count() as f64 / labels.len() as f64
}

fn rows(run: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(run.join("regimes.csv")).unwrap();
    let rows = reader.deserialize::<BTreeMap<String, String>>();
    rows.map(Result::unwrap).collect()
}

#[test]
fn a_regime_is_added_to_a_finished_run_and_touches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let run = compressed(folder.path());
    let (data, pixels, labels) = dark(folder.path(), 200);
    let before = files(&run);
    let verb = |name: &str, data: &Path, more: &[&str]| {
        let given = ["regime", run.to_str().unwrap(), "--name", name, "--data"];
        paring(folder.path(), &[&given, [data.to_str().unwrap()].as_slice(), more].concat())
    };
    let said = verb("dark", &data, &["--slices", "lamp"]).success();
    said.stdout(contains("regime dark, 200 samples of")).stdout(contains("regimes.csv"));
    let after = files(&run);
    let written = ["ledger.jsonl", "run.manifest"];
    for (file, hash) in before.iter().filter(|(file, _)| !written.contains(&file.as_str())) {
        assert_eq!(after.get(file), Some(hash), "{file}");
    }
    let all = rows(&run);
    for variant in ["baseline", "pruned", "both"] {
        let own = all.iter().find(|row| {
            row["variant"] == variant && row["metric"] == "accuracy" && row["of"].is_empty()
        });
        let own = own.unwrap();
        let expected = accuracy(&run.join(format!("variants/{variant}.onnx")), &pixels, &labels);
        assert!((own["value"].parse::<f64>().unwrap() - expected).abs() < 1e-6, "{variant}");
        let part = |of: &str| all.iter().any(|row| row["variant"] == variant && row["of"] == of);
        assert!(part("lamp=0") && part("lamp=1") && part("class 3"));
    }
    paring(folder.path(), &["verify", run.to_str().unwrap()]).success();
    // The same again changes nothing; other data under the same name are refused.
    let evaluated = files(&run.join("regimes"));
    verb("dark", &data, &["--slices", "lamp"]).success();
    assert_eq!(files(&run.join("regimes")), evaluated);
    let (other, ..) = dark(folder.path(), 100);
    let refused = verb("dark", &other, &["--slices", "lamp"]).code(2);
    refused.stderr(contains("regime `dark` was evaluated on other data"));
}

#[test]
fn data_that_do_not_fit_are_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let run = compressed(folder.path());
    let before = files(&run);
    let refused = |name: &str, data: PathBuf, why: &str| {
        let given = ["regime", run.to_str().unwrap(), "--name", name, "--data"];
        let said = paring(folder.path(), &[&given, [data.to_str().unwrap()].as_slice()].concat());
        said.code(2).stderr(contains(why.to_string()));
        assert!(!run.join("regimes").exists());
        assert_eq!(files(&run).get("ledger.jsonl"), before.get("ledger.jsonl"));
    };
    refused("a/b", digits("digits.npz"), "regime name `a/b` must be made of letters");
    refused("own", digits("digits.npz"), "these are the study's own data");
    refused("gone", folder.path().join("gone.npz"), "gone.npz");
}

#[test]
fn a_study_names_regimes() {
    let folder = tempfile::tempdir().unwrap();
    let study = runs::study(folder.path());
    dark(folder.path(), 60);
    let text = std::fs::read_to_string(&study).unwrap();
    std::fs::write(&study, text + "[[regime]]\nname = \"dark\"\npath = \"dark.npz\"\n").unwrap();
    let out = folder.path().join("run");
    let given = ["compress", study.to_str().unwrap(), "--evaluate", "--json", "--out"];
    let said = paring(folder.path(), &[&given, [out.to_str().unwrap()].as_slice()].concat());
    let said: Value = serde_json::from_slice(&said.success().get_output().stdout).unwrap();
    assert_eq!(said["regimes"][0]["regime"]["samples"], 60);
    let beside = &said["regimes"][0]["variants"][1]["beside_report_split"]["accuracy"];
    let number = |value: &Value| value["value"].as_f64().unwrap();
    let row = rows(&out).into_iter().find(|row| {
        row["variant"] == "pruned" && row["metric"] == "accuracy" && row["of"].is_empty()
    });
    let row = row.unwrap();
    let cell = |column: &str| row[column].parse::<f64>().unwrap();
    assert!((number(&beside["excess"]) - cell("excess")).abs() < 1e-6);
    assert!((cell("change") - cell("report_change") - cell("excess")).abs() < 2e-6);
}

/// A study with a requirement on a regime; `place` is the regime's `path`, if it has any yet.
fn study_requiring(folder: &Path, name: &str, place: &str) -> PathBuf {
    let study = runs::study(folder);
    let text = std::fs::read_to_string(&study).unwrap();
    let text = text.replace(
        "[[variant]]\nname = \"pruned\"",
        &format!(
            "[[protocol.require]]\nmetric = \"accuracy_drop\"\nmax = 0.5\nregime = \"{name}\"\n\
             [[protocol.require]]\nmetric = \"accuracy_drop\"\nmax = 0.02\nslice = \"lamp\"\n\
             regime = \"{name}\"\n[[regime]]\nname = \"dark\"\nslices = [\"lamp\"]\n{place}\
             [[variant]]\nname = \"pruned\""
        ),
    );
    std::fs::write(&study, text).unwrap();
    study
}

/// Cells of `paring gate --json` on a variant.
fn gate_cells(folder: &Path, run: &Path, variant: &str, code: i32) -> Vec<Value> {
    let said = paring(folder, &["gate", run.to_str().unwrap(), "--variant", variant, "--json"]);
    let said: Value = serde_json::from_slice(&said.code(code).get_output().stdout).unwrap();
    said["gate"]["cells"].as_array().unwrap().clone()
}

#[test]
fn a_requirement_on_a_regime_is_judged_on_its_samples() {
    let folder = tempfile::tempdir().unwrap();
    let study = study_requiring(folder.path(), "dark", "path = \"dark.npz\"\n");
    dark(folder.path(), 200);
    let out = folder.path().join("run");
    let words = ["run", study.to_str().unwrap(), "--quick", "--out", out.to_str().unwrap()];
    paring(folder.path(), &words).success();
    let protocol = std::fs::read(out.join("protocol.json")).unwrap();
    let protocol: Value = serde_json::from_slice(&protocol).unwrap();
    let record = std::fs::read(out.join("regimes/dark/regime.json")).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    assert_eq!(protocol["require"][0]["regime"], "dark");
    assert_eq!(protocol["require"][0]["regime_sha256"], record["data_sha256"]);
    let cells = gate_cells(folder.path(), &out, "pruned", 5);
    // All samples, and two slices.
    assert_eq!(cells.len(), 3);
    let row = rows(&out).into_iter().find(|row| {
        row["variant"] == "pruned" && row["metric"] == "accuracy" && row["of"].is_empty()
    });
    let change: f64 = row.unwrap()["change"].parse().unwrap();
    assert!((cells[0]["observed"]["value"].as_f64().unwrap() + change).abs() < 1e-6);
    assert_eq!(cells[0]["label"], "accuracy_drop ≤ 0.5 in regime dark");
    assert!(cells.iter().all(|cell| cell["regime"] == "dark"));
    assert_eq!(cells[1]["part"], "lamp = 0");
    let undecided = cells.iter().find(|cell| !cell["deciding"].is_null()).unwrap();
    assert_eq!(undecided["deciding"]["at_hand"], 100, "samples of a slice of the regime");
    let run = out.to_str().unwrap();
    paring(folder.path(), &["verify", run]).success();
    let junit = folder.path().join("gate.xml");
    paring(folder.path(), &["gate", run, "--junit", junit.to_str().unwrap()]).code(5);
    assert!(std::fs::read_to_string(&junit).unwrap().contains("in regime dark (lamp = 0)"));
    let report = std::fs::read_to_string(out.join("report.md")).unwrap();
    assert!(
        report.contains("accuracy\\_drop ≤ 0.5 in regime dark")
            || report.contains("accuracy_drop ≤ 0.5 in regime dark"),
        "{report}"
    );

    // Other samples under the same name are another protocol.
    dark(folder.path(), 150);
    paring(folder.path(), &words)
        .code(2)
        .stderr(contains("with other samples for accuracy_drop ≤ 0.5 in regime dark"));
    paring(folder.path(), &["run", study.to_str().unwrap(), "--dry-run"])
        .success()
        .stdout(contains("no variant can pass accuracy_drop ≤ 0.02 of slice lamp in regime dark (lamp = 0) with 75 samples: at least 137 are needed"));
}

#[test]
fn a_requirement_waits_for_a_regime_that_has_no_data_yet() {
    let folder = tempfile::tempdir().unwrap();
    let study = study_requiring(folder.path(), "dark", "");
    let out = folder.path().join("run");
    let run = out.to_str().unwrap();
    let words = ["run", study.to_str().unwrap(), "--quick", "--out", run];
    paring(folder.path(), &words).success().stdout(contains("2 undecided (pruned, both)"));
    let cells = gate_cells(folder.path(), &out, "both", 5);
    let reason = cells[0]["reason"].as_str().unwrap();
    assert!(reason.contains("`paring regime RUN --name dark --data FILE`"), "{reason}");
    let (data, ..) = dark(folder.path(), 200);
    paring(folder.path(), &["regime", run, "--name", "dark", "--data", data.to_str().unwrap()])
        .success();
    // The slices that the study names hold for data that came later.
    assert_eq!(gate_cells(folder.path(), &out, "both", 5).len(), 3);
    assert_eq!(gate_cells(folder.path(), &out, "both", 5)[0]["verdict"], "pass");
    let results = std::fs::read_to_string(out.join("results.csv")).unwrap();
    assert!(!results.contains("accuracy_drop ≤ 0.5 in regime dark"), "{results}");
    paring(folder.path(), &["verify", run]).success();
}

#[test]
fn an_unknown_regime_is_refused_with_the_near_name() {
    let folder = tempfile::tempdir().unwrap();
    let study = study_requiring(folder.path(), "drak", "path = \"dark.npz\"\n");
    dark(folder.path(), 60);
    let words = ["run", study.to_str().unwrap(), "--dry-run"];
    paring(folder.path(), &words)
        .code(2)
        .stderr(contains("unknown regime `drak`; did you mean `dark`?"));
    let text = std::fs::read_to_string(&study).unwrap().replace("drak", "dark");
    let measured = text
        .replace("metric = \"accuracy_drop\"\nmax = 0.5", "metric = \"latency_p50_ms\"\nmax = 0.5");
    std::fs::write(&study, measured).unwrap();
    paring(folder.path(), &words)
        .code(2)
        .stderr(contains("`regime` goes with metrics of the task"));
    std::fs::write(&study, text.replace("slice = \"lamp\"", "slice = \"lamp = 7\"")).unwrap();
    paring(folder.path(), &words)
        .code(2)
        .stderr(contains("no sample of regime `dark` has lamp = `7`"));
}

#[test]
fn effects_are_attributed_on_a_regime_and_touch_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let run = runs::measured(folder.path());
    let out = run.to_str().unwrap();
    paring(folder.path(), &runs::explain(out, "3")).success();
    let (data, ..) = dark(folder.path(), 200);
    let explain = |more: &[&str]| paring(folder.path(), &[&runs::explain(out, "3"), more].concat());
    explain(&["--regime", "dark"]).code(2).stderr(contains("`paring regime RUN --name dark"));
    paring(folder.path(), &["regime", out, "--name", "dark", "--data", data.to_str().unwrap()])
        .success();
    explain(&["--regime", "drak"]).code(2).stderr(contains("did you mean `dark`?"));
    let before = files(&run);
    let said = explain(&["--regime", "dark"]).success();
    said.stdout(contains("both in regime dark: "));
    let after = files(&run);
    for file in ["effects.csv", "explain.json", "savings.csv", "results.csv", "regimes.csv"] {
        assert_eq!(after.get(file), before.get(file), "{file}");
    }
    let mut reader = csv::Reader::from_path(run.join("regimes/dark/effects.csv")).unwrap();
    let effects: Vec<BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    assert!(effects.iter().all(|row| row["regime"] == "dark"));
    let record = std::fs::read(run.join("regimes/dark/regime.json")).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    assert!(effects.iter().all(|row| row["data_sha256"] == record["data_sha256"]));
    // Shapley values of accuracy add up to the change on the regime.
    let own: Vec<_> =
        effects.iter().filter(|r| r["metric"] == "accuracy" && r["of"].is_empty()).collect();
    let sum: f64 = own.iter().map(|row| row["shapley"].parse::<f64>().unwrap()).sum();
    let change = rows(&run).into_iter().find(|row| {
        row["variant"] == "both" && row["metric"] == "accuracy" && row["of"].is_empty()
    });
    let change: f64 = change.unwrap()["change"].parse().unwrap();
    assert!((sum - change).abs() < 1e-6, "{sum} is not {change}");
    let report = std::fs::read_to_string(run.join("report.md")).unwrap();
    assert!(report.contains("both in regime dark: what each decision changed"), "{report}");
    assert!(report.contains("On 200 samples of regime dark, accuracy is"), "{report}");
    let page = std::fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.contains("In regime dark: "));
    paring(folder.path(), &["verify", out]).success();
}
