//! `paring gradient`, and steps whose criterion looks at gradients.

mod common;

use common::{digits, paring, python, skipped};
use ndarray::{Array1, Array4, s};
use ndarray_npy::{NpzReader, NpzWriter};
use paring::graph::{Graph, violations};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::Value;
use std::fs::File;
use std::path::Path;
use std::process::Command;

fn answer(folder: &Path, arguments: &[&str]) -> Value {
    let ended = paring(folder, arguments).success();
    serde_json::from_slice(&ended.get_output().stdout).unwrap()
}

/// Images and labels of some samples of the example; without labels on request.
fn samples(folder: &Path, labelled: bool) -> String {
    let mut stored = NpzReader::new(File::open(digits("digits.npz")).unwrap()).unwrap();
    let images: Array4<f32> = stored.by_name("image").unwrap();
    let labels: Array1<i64> = stored.by_name("labels").unwrap();
    let path = folder.join(if labelled { "labelled.npz" } else { "bare.npz" });
    let mut some = NpzWriter::new(File::create(&path).unwrap());
    some.add_array("image", &images.slice(s![..64, .., .., ..])).unwrap();
    if labelled {
        some.add_array("labels", &labels.slice(s![..64])).unwrap();
    }
    some.finish().unwrap();
    path.to_str().unwrap().to_string()
}

#[test]
fn layers_have_norms_whose_shares_add_up() {
    let folder = tempfile::tempdir().unwrap();
    for (model, layers) in [("digits_cnn.onnx", 23), ("digits_transformer.onnx", 30)] {
        let model = digits(model);
        let data = samples(folder.path(), true);
        let arguments = ["gradient", model.to_str().unwrap(), "--data", &data, "--json"];
        let found = answer(folder.path(), &arguments);
        assert_eq!((&found["labels"], &found["passes"]), (&"data".into(), &32.into()));
        assert_eq!(found["refusals"], Value::Array(vec![]));
        let all = found["layers"].as_array().unwrap();
        assert!(all.len() >= layers, "{}", all.len());
        let share: f64 = all.iter().map(|layer| layer["share"].as_f64().unwrap()).sum();
        assert!((share - 1.0).abs() < 1e-9, "{share}");
        assert!(all.iter().all(|layer| layer["outputs_norm"].as_f64().unwrap() > 0.0));
        assert!(found["inputs"][0]["norm"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn what_stands_in_for_labels_and_data_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let model = digits("digits_cnn.onnx");
    let data = samples(folder.path(), false);
    let arguments = ["gradient", model.to_str().unwrap(), "--data", &data];
    paring(folder.path(), &arguments).success().stdout(contains("its own predictions"));
    paring(folder.path(), &arguments[..2]).success().stdout(contains("give --data FILE"));
}

#[test]
fn the_saved_graph_is_valid_and_runs_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let (model, saved) = (digits("digits_transformer.onnx"), folder.path().join("backward.onnx"));
    let arguments = ["gradient", model.to_str().unwrap(), "--save", saved.to_str().unwrap()];
    paring(folder.path(), &arguments).success().stdout(contains("backward graph in"));
    let graph = Graph::load(&saved).unwrap();
    assert!(violations(&graph).is_empty(), "{:?}", violations(&graph));
    assert_eq!(graph.inputs(), ["image", "probs/labels"]);
    assert!(graph.outputs().starts_with(&["probs", "loss"]));
    let Some(python) = python() else { return skipped("the saved graph in ONNX Runtime") };
    let script = "import sys, numpy, onnxruntime as o\n\
        s = o.InferenceSession(sys.argv[1], providers=['CPUExecutionProvider'])\n\
        f = {'image': numpy.ones((1, 1, 8, 8), 'float32'), 'probs/labels': numpy.array([3])}\n\
        print(sum(float((v ** 2).sum()) for v in s.run(None, f)[2:]) > 0)";
    let ran = Command::new(python).args(["-c", script]).arg(&saved).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ran.stdout).trim(), "True");
}

fn study(folder: &Path, data: &str, steps: &str) -> std::path::PathBuf {
    let (model, path) = (digits("digits_cnn.onnx"), folder.join("study.toml"));
    let text = format!(
        "[study]\nname = \"gradients\"\nowner = \"tests\"\n[model]\npath = {model:?}\n[data]\npath = {data:?}\n\
         splits = {{ calibrate = 0.5, select = 0.0, report = 0.5, seed = 1 }}\n{steps}"
    );
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn components_go_by_gradients_where_there_are_labels() {
    let folder = tempfile::tempdir().unwrap();
    let steps: String = ["taylor", "fisher", "movement"]
        .iter()
        .map(|criterion| {
            format!(
                "[[variant]]\nname = \"{criterion}\"\nsteps = [{{ prune = \"channels\", ratio = 0.25, criterion = \"{criterion}\" }}]\n"
            )
        })
        .collect();
    let labelled = study(folder.path(), &samples(folder.path(), true), &steps);
    let out = folder.path().join("run");
    let arguments = ["compress", labelled.to_str().unwrap(), "--out", out.to_str().unwrap()];
    paring(folder.path(), &arguments).success();
    let ledger = std::fs::read_to_string(out.join("ledger.jsonl")).unwrap();
    for criterion in ["taylor", "fisher", "movement"] {
        assert!(ledger.contains(&format!("\"criterion\":\"{criterion}\"")), "{criterion}");
    }
    let bare = study(folder.path(), &samples(folder.path(), false), &steps);
    let out = folder.path().join("bare");
    let arguments = ["compress", bare.to_str().unwrap(), "--out", out.to_str().unwrap()];
    let refused = "criterion `taylor` needs calibration samples with labels";
    paring(folder.path(), &arguments).failure().stderr(contains(refused));
}

#[test]
fn criteria_are_held_against_measured_ablations() {
    let folder = tempfile::tempdir().unwrap();
    let (model, data) = (digits("digits_cnn.onnx"), samples(folder.path(), true));
    let model = model.to_str().unwrap();
    let base = ["catalog", model, "--data", &data, "--probes", "0"];
    let asked = ["--criteria", "taylor,l1,obs", "--ablations", "24"];
    let found = answer(folder.path(), &[&base[..], &asked, &["--json"]].concat());
    assert_eq!(found["criteria"], serde_json::json!(["taylor", "l1", "obs"]));
    let ablations = &found["ablations"];
    let each = ablations["ablations"].as_array().unwrap();
    assert_eq!((each.len(), &ablations["labels"]), (24, &"data".into()));
    let couplings = found["couplings"].as_array().unwrap();
    let first = &each[0];
    let coupling = couplings.iter().find(|own| own["id"] == first["coupling"]).unwrap();
    let components = coupling["components"].as_array().unwrap();
    assert!(components.iter().any(|own| own["id"] == first["component"]));
    // The first that is named ranks.
    let score = |own: &Value| own["scores"]["taylor"].as_f64().unwrap();
    assert!(components.windows(2).all(|pair| score(&pair[0]) <= score(&pair[1])));
    let comparison = &ablations["comparison"];
    assert_eq!(comparison["components"], 24);
    let rows = comparison["criteria"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    for row in rows {
        let [low, value, high] =
            ["low", "value", "high"].map(|side| row["loss"][side].as_f64().unwrap());
        assert!(-1.0 <= low && low <= value && value <= high && high <= 1.0, "{row}");
    }
    assert!(
        ["best", "undecided", "none_predicts"]
            .contains(&comparison["overall"]["kind"].as_str().unwrap())
    );
    paring(folder.path(), &[&base[..], &asked].concat())
        .success()
        .stdout(contains("least important by taylor:").and(contains("rank correlation")));
    paring(folder.path(), &["catalog", model, "--ablations", "3"])
        .code(2)
        .stderr(contains("name a file of them with --data"));
    paring(folder.path(), &["catalog", model, "--criteria", "magic"])
        .code(2)
        .stderr(contains("unknown criterion `magic`"));
}
