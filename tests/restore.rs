//! Putting back what was removed: bit for bit, with its structure, and one by one.

mod common;

use common::digits;
use paring::arrays::read_tensors;
use paring::data::{Dataset, DatasetRequest, DatasetRules};
use paring::engine::{self, ModelSource};
use paring::evaluate::Predictor;
use paring::graph::{Graph, Weights, remove};
use paring::schema::ScoreKind;
use paring::schema::{EngineOptions, VariantRecord};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn paring(arguments: &[&str]) -> assert_cmd::assert::Assert {
    assert_cmd::Command::new(env!("CARGO_BIN_EXE_paring")).args(arguments).assert()
}

/// A run of a model with a variant that was pruned, and one that was quantized after that.
fn run(folder: &Path, model: &str, prune: &str) -> PathBuf {
    let (study, out) = (folder.join("study.toml"), folder.join("run"));
    let text = format!(
        "[study]\nname = \"restore\"\nowner = \"tests\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n\
         splits = {{ calibrate = 0.2, select = 0.0, report = 0.8, seed = 1 }}\n\
         [[variant]]\nname = \"pruned\"\nsteps = [{prune}]\n\
         [[variant]]\nname = \"both\"\nfrom = \"pruned\"\nsteps = [{{ quantize = \"int8\" }}]\n",
        digits(model),
        digits("digits.npz"),
    );
    std::fs::write(&study, text).unwrap();
    paring(&["compress", study.to_str().unwrap(), "--out", out.to_str().unwrap()]).success();
    out
}

fn record(run: &Path, name: &str) -> VariantRecord {
    let bytes = std::fs::read(run.join(format!("variants/{name}.json"))).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// Confidences on the first samples of the data.
fn answers(model: &Path) -> Vec<Option<f64>> {
    let signature = engine::describe(ModelSource::File(model)).unwrap();
    let (columns, extras, rules) = (vec![], vec![], DatasetRules::default());
    let wanted = DatasetRequest { inputs: &signature.inputs, columns, extras, rules };
    let data = Dataset::load(&digits("digits.npz"), &wanted).unwrap();
    let (dims, options) = (BTreeMap::new(), EngineOptions::default());
    let source = ModelSource::File(model);
    let predictor =
        Predictor::load(source, 1, &dims, &options, 0, ScoreKind::Probabilities).unwrap();
    let first: Vec<usize> = (0..50).collect();
    let found = predictor.predict(&data, &first, &|_| ()).unwrap();
    found.into_iter().map(|p| p.confidence).collect()
}

const LEAST_SQUARES: &str =
    "{ prune = \"channels\", ratio = 0.25, criterion = \"obs\", recover = \"least-squares\" }";
const HEADS: &str = "{ prune = \"heads\", count = 1 }, { prune = \"channels\", ratio = 0.5 }";

#[test]
fn all_is_the_baseline_bit_for_bit() {
    for (model, prune) in [("digits_cnn.onnx", LEAST_SQUARES), ("digits_transformer.onnx", HEADS)] {
        let folder = tempfile::tempdir().unwrap();
        let run = run(folder.path(), model, prune);
        assert!(record(&run, "both").removed_count() > 2);
        paring(&["restore", run.to_str().unwrap(), "--variant", "both", "--all"])
            .success()
            .stdout(contains("bit for bit"));
        let restored = run.join("restored/both.all.onnx");
        let (back, given) = (Graph::load(&restored).unwrap(), Graph::load(&digits(model)).unwrap());
        for name in given.initializer_names() {
            assert_eq!(back.weights(name).unwrap(), given.weights(name).unwrap(), "{name}");
        }
        assert_eq!(answers(&restored), answers(&digits(model)));
    }
}

#[test]
fn pruned_is_the_structure_again_with_later_steps() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), "digits_cnn.onnx", LEAST_SQUARES);
    paring(&["restore", run.to_str().unwrap(), "--variant", "both", "--pruned"]).success();
    let (whole, both) = (record(&run, "both.unpruned"), record(&run, "both"));
    assert_eq!((whole.removed_count(), whole.precision()), (0, both.precision()));
    assert_eq!(whole.weights, record(&run, "baseline").weights);
}

#[test]
fn single_components_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), "digits_cnn.onnx", LEAST_SQUARES);
    let removed = record(&run, "both").components_removed;
    let (coupling, ids) = removed.iter().next().unwrap();
    let path = run.to_str().unwrap();
    paring(&["restore", path, "--variant", "both", "--component", &ids[0], &ids[1]]).success();
    let files = std::fs::read_dir(run.join("variants")).unwrap().flatten();
    let mut names = files.map(|e| e.file_name().to_string_lossy().to_string());
    let name = names.find(|n| n.contains(".restored-") && n.ends_with(".json")).unwrap();
    let mut expected = removed.clone();
    expected.get_mut(coupling).unwrap().retain(|id| *id != ids[0] && *id != ids[1]);
    let sorted = |mut map: BTreeMap<String, Vec<String>>| {
        map.values_mut().for_each(|ids| ids.sort());
        map
    };
    let back = record(&run, name.strip_suffix(".json").unwrap());
    assert_eq!(sorted(back.components_removed), sorted(expected));
    paring(&["restore", path, "--variant", "both", "--component", "stem:999"])
        .code(2)
        .stderr(contains("`stem:999` was not removed"));
}

#[test]
fn a_paring_that_is_missing_or_changed_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), "digits_cnn.onnx", LEAST_SQUARES);
    let restore = || paring(&["restore", run.to_str().unwrap(), "--variant", "both", "--all"]);
    let paring = record(&run, "both").parings[0].clone();
    let path = run.join(format!("parings/{paring}.safetensors"));
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    restore().code(5).stderr(contains("failed the integrity check").and(contains(paring.as_str())));
    std::fs::remove_file(&path).unwrap();
    restore().code(5).stderr(contains("is missing"));
}

#[test]
fn weights_layers_and_blocks_come_back_too() {
    let folder = tempfile::tempdir().unwrap();
    let steps = "{ prune = \"blocks\", count = 1, recover = \"least-squares\" }, \
                 { prune = \"layers\", count = 1 }, \
                 { prune = \"weights\", pattern = \"2:4\", criterion = \"obs\", recover = \"least-squares\" }";
    let run = run(folder.path(), "digits_cnn.onnx", steps);
    let out = run.to_str().unwrap();
    let pruned = record(&run, "pruned");
    let layers: Vec<&String> = pruned.components_removed.values().flatten().collect();
    assert!(layers.iter().any(|id| id.ends_with("/weights")), "{layers:?}");
    let block = layers.iter().find(|id| ["res1", "res2"].contains(&id.as_str())).unwrap();
    for variant in ["pruned", "both"] {
        paring(&["restore", out, "--variant", variant, "--all"])
            .success()
            .stdout(contains("bit for bit"));
        paring(&["restore", out, "--variant", variant, "--component", block]).success();
        paring(&["restore", out, "--variant", variant, "--pruned"]).success();
    }
    assert_eq!(record(&run, "pruned.unpruned").removed_count(), 0);
    assert_eq!(record(&run, "pruned.unpruned").params, record(&run, "baseline").params);
}

/// What docs/pruning.md shows for PyTorch: the original's tensors, cut by the kept indices, are the variant's.
#[test]
fn kept_indices_cut_the_original_alike() {
    let folder = tempfile::tempdir().unwrap();
    let steps = "{ prune = \"channels\", ratio = 0.25 }, { prune = \"weights\", ratio = 0.5 }";
    let run = run(folder.path(), "digits_cnn.onnx", steps);
    let kept = read_tensors(&run.join("variants/pruned.kept.safetensors")).unwrap();
    let load = |name: &str| Graph::load(&run.join("variants").join(name)).unwrap();
    let (base, variant) = (load("baseline.onnx"), load("pruned.onnx"));
    let mut state = BTreeMap::new();
    for (key, array) in &kept {
        let (name, what) = key.rsplit_once('@').unwrap();
        let weights = state.entry(name).or_insert_with(|| base.weights(name).unwrap());
        if what == "mask" {
            let values = weights.to_f32().unwrap().into_iter().zip(array.to_bytes());
            let values: Vec<f32> = values.map(|(value, bit)| value * f32::from(bit)).collect();
            *weights = Weights::f32(&weights.dims, &values);
            continue;
        }
        let (axis, indices) = (what.parse().unwrap(), array.as_integers().unwrap());
        let width = weights.dims[axis] as i64;
        let gone: Vec<usize> =
            (0..width).filter(|i| !indices.contains(i)).map(|i| i as usize).collect();
        *weights = remove(weights, axis, &gone).unwrap().0;
    }
    assert!(state.len() > 20 && kept.keys().any(|key| key.ends_with("@mask")));
    for (name, weights) in state {
        assert_eq!(variant.weights(name).unwrap().to_f32(), weights.to_f32(), "{name}");
    }
}

/// All names in a folder and below, sorted.
fn names(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path().is_dir() {
            true => found.extend(names(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found.sort();
    found
}

/// Every way to restore ends with 5, says why, and leaves no file that was not there.
#[track_caller]
fn nothing_is_restored(run: &Path, said: &str) {
    let path = run.to_str().unwrap();
    let removed = record(run, "pruned").components_removed;
    let id = removed.values().next().unwrap()[0].clone();
    let before = names(run);
    for what in [&["--all"][..], &["--pruned"], &["--component", &id]] {
        paring(&[&["restore", path, "--variant", "both"], what].concat())
            .code(5)
            .stderr(contains(said));
        assert_eq!(names(run), before, "{what:?}");
    }
}

#[test]
fn without_its_ledger_nothing_is_restored() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), "digits_cnn.onnx", LEAST_SQUARES);
    let ledger = run.join("ledger.jsonl");
    let whole = std::fs::read_to_string(&ledger).unwrap();
    std::fs::remove_file(&ledger).unwrap();
    nothing_is_restored(&run, "lacks the decisions that variant `both` was made by");
    // All but the decisions of the last variant are there.
    let lines: Vec<&str> = whole.lines().collect();
    let first = lines.iter().position(|line| line.contains("quantize")).unwrap();
    let kept: Vec<String> = lines[..first].iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(&ledger, kept.concat()).unwrap();
    nothing_is_restored(&run, "lacks the decisions that variant `both` was made by");
}

#[test]
fn bit_for_bit_is_not_said_of_a_baseline_that_was_changed() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), "digits_cnn.onnx", LEAST_SQUARES);
    let path = run.join("variants/baseline.onnx");
    let mut graph = Graph::load(&path).unwrap();
    let name = graph.initializer_names().first().unwrap().to_string();
    let mut weights = graph.weights(&name).unwrap();
    weights.bytes[0] ^= 1;
    graph.set_weights(&name, weights);
    graph.save(&path).unwrap();
    nothing_is_restored(&run, "baseline.onnx is not the file that variant `baseline`");
    // Its record made to fit: the decisions know another baseline.
    let mut record = record(&run, "baseline");
    record.file_sha256 = paring::schema::Sha256Hex::of_file(&path).unwrap();
    record.variant_id = VariantRecord::identity(&record.file_sha256, &record.options);
    let text = serde_json::to_vec_pretty(&record).unwrap();
    std::fs::write(run.join("variants/baseline.json"), text).unwrap();
    nothing_is_restored(&run, "did not make variant `pruned`");
}

#[test]
fn a_variant_whose_file_was_changed_is_not_restored_from() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), "digits_cnn.onnx", LEAST_SQUARES);
    std::fs::copy(run.join("variants/pruned.onnx"), run.join("variants/both.onnx")).unwrap();
    nothing_is_restored(&run, "both.onnx is not the file that variant `both`");
}
