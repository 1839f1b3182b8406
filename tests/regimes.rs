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
