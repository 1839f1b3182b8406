//! Every variant must answer in ONNX Runtime as it does in the engine.
//!
//! Needs Python with onnxruntime: `scripts/test` makes one and names it in `PARING_PYTHON`.

mod common;

use common::{digits, python, shared, skipped};
use ndarray::{Array1, Array4};
use paring::data::{Dataset, DatasetRequest, DatasetRules};
use paring::engine::{self, ModelSource};
use paring::evaluate::Predictor;
use paring::schema::EngineOptions;
use paring::schema::ScoreKind;
use paring::stats;
use rand::RngExt;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

fn in_onnxruntime(python: &str, model: &Path, data: &Path, input: &str, plain: bool) -> Vec<i64> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnxruntime/classes.py");
    let mut command = Command::new(python);
    command.arg(script).arg(model).arg(data).arg(input);
    let output = command.args(plain.then_some("plain")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn in_the_engine(model: &Path, data: &Path) -> Vec<i64> {
    let signature = engine::describe(ModelSource::File(model)).unwrap();
    let wanted = DatasetRequest {
        inputs: &signature.inputs,
        columns: vec![],
        extras: vec![],
        rules: DatasetRules::default(),
    };
    let data = Dataset::load(data, &wanted).unwrap();
    let all: Vec<usize> = (0..data.len()).collect();
    let (dims, options) = (BTreeMap::new(), EngineOptions::default());
    let source = ModelSource::File(model);
    let predictor =
        Predictor::load(source, 1, &dims, &options, 0, ScoreKind::Probabilities).unwrap();
    let found = predictor.predict(&data, &all, &|_| ()).unwrap();
    found.iter().map(|p| p.class.unwrap()).collect()
}

/// Compresses a study and holds every variant against ONNX Runtime on all samples.
fn agree(study: &Path, data: &Path, input: &str) {
    let Some(python) = python() else { return skipped("no Python with onnxruntime") };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_paring"));
    command.arg("compress").arg(study).arg("--out").arg(&out).assert().success();
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(out.join("variants")).unwrap().flatten().map(|e| e.path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "onnx"));
    assert!(files.len() > 6);
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().to_string();
        // Of such pairs ONNX Runtime's fusions make integers: another function than the file says.
        let pairs = name.contains("qdq");
        let ours = in_the_engine(&file, data);
        let alike = |plain: bool| {
            let theirs = in_onnxruntime(&python, &file, data, input, plain);
            theirs.iter().zip(&ours).filter(|(a, b)| a == b).count()
        };
        if pairs {
            println!("{name}: {} of {} the same with its fusions", alike(false), ours.len());
        }
        let same = alike(pairs);
        println!("{name}: {same} of {} the same", ours.len());
        let narrow = ["int8", "int4", "measured"].iter().any(|word| name.contains(word));
        let least = if narrow { ours.len() * 99 / 100 } else { ours.len() };
        assert!(same >= least, "{name}: only {same} of {} agree", ours.len());
    }
}

#[test]
fn digits_variants_answer_alike() {
    agree(&digits("study.toml"), &digits("digits.npz"), "image");
}

#[test]
fn keyword_variants_answer_alike() {
    let Some(folder) = shared("mlperf-tiny") else { return skipped("no MLPerf Tiny data") };
    let study = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/studies/kws.toml");
    agree(&study, &folder.join("kws_dev.npz"), "mfcc");
}

#[test]
fn keyword_variants_in_every_precision_answer_alike() {
    let Some(folder) = shared("mlperf-tiny") else { return skipped("no MLPerf Tiny data") };
    let study = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/studies/kws-int8.toml");
    agree(&study, &folder.join("kws_dev.npz"), "mfcc");
}

/// Waves of three colours, from seeded numbers: there are no images for this model here.
fn waves(count: usize) -> Array4<f32> {
    let mut draw = stats::generator(5, "waves");
    let mut image = || {
        let waves: [[f32; 4]; 3] = std::array::from_fn(|_| std::array::from_fn(|_| draw.random()));
        move |y: usize, x: usize, colour: usize| {
            let [along, across, phase, height] = waves[colour];
            let angle = along * y as f32 + across * x as f32 + 6.3 * phase;
            127.5 + 127.0 * height * angle.sin()
        }
    };
    let images: Vec<_> = (0..count).map(|_| image()).collect();
    Array4::from_shape_fn((count, 32, 32, 3), |(n, y, x, colour)| images[n](y, x, colour))
}

#[test]
fn residual_variants_in_every_precision_answer_alike() {
    let Some(models) = shared("mlperf-tiny") else { return skipped("no MLPerf Tiny data") };
    let model = models.join("resnet8_f32.onnx");
    let input = engine::describe(ModelSource::File(&model)).unwrap().inputs[0].name.clone();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("waves.npz");
    let mut file = ndarray_npy::NpzWriter::new(std::fs::File::create(&data).unwrap());
    file.add_array(&input, &waves(200)).unwrap();
    file.add_array("labels", &Array1::from_iter((0..200).map(|i| i % 10i64))).unwrap();
    file.finish().unwrap();
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/studies/kws-int8.toml");
    let text = std::fs::read_to_string(own).unwrap();
    let shared = "../../../shared/data/mlperf-tiny/";
    let text = text
        .replace(&format!("{shared}kws_dscnn_f32.onnx"), &model.display().to_string())
        .replace(&format!("{shared}kws_dev.npz"), &data.display().to_string());
    let study = folder.path().join("resnet8-int8.toml");
    std::fs::write(&study, text).unwrap();
    agree(&study, &data, &input);
}
