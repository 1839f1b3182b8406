//! Images as they are read, against Pillow and NumPy.
//!
//! Needs Python with Pillow: `scripts/test` makes one and names it in `PARING_PYTHON`.

mod common;

use common::{python, skipped};
use paring::arrays::{Array, Dim, Dtype, InputNeed};
use paring::boards::FolderTrust;
use paring::data::{Dataset, DatasetRequest, DatasetRules};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Levels of 255 that a resized pixel may be off by: Pillow's weights are whole numbers.
const RESIZED_LEVELS: f32 = 1.0;
/// The same of filters whose weights go below 0.
const OVERSHOOTING_LEVELS: f32 = 2.0;

/// The rules of a case, read as a study has them.
fn rules(folder: &Path, case: &Value) -> DatasetRules {
    let keys = ["resize", "crop", "interpolation", "channels", "layout", "mean", "std"];
    let keys = keys.iter().filter_map(|key| Some(format!("{key} = {}\n", case.get(key)?)));
    let text = format!(
        "[study]\nname = \"images\"\nowner = \"tests\"\n[model]\npath = \"m.onnx\"\n[data]\npath = \".\"\n{}",
        keys.collect::<String>()
    );
    let path = folder.join("study.toml");
    std::fs::write(&path, text).unwrap();
    paring::study::load(&path, FolderTrust::Withheld).unwrap().data.rules
}

fn loaded(folder: &Path, need: &InputNeed, rules: DatasetRules) -> Vec<f32> {
    let inputs = std::slice::from_ref(need);
    let wanted = DatasetRequest { inputs, columns: vec![], extras: vec![], rules };
    let data = Dataset::load(folder, &wanted).unwrap();
    let all: Vec<usize> = (0..data.len()).collect();
    match &data.inputs_at(&all).unwrap()["x"] {
        Array::F32(found) => found.iter().copied().collect(),
        other => panic!("{}", other.dtype()),
    }
}

#[test]
fn images_are_what_pillow_and_numpy_make_of_them() {
    let Some(python) = python() else { return skipped("no Python with Pillow") };
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images/preprocess.py");
    let output = Command::new(python).arg(script).arg(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let cases: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(cases.len(), 15);
    for (number, case) in cases.iter().enumerate() {
        let files: Vec<&str> =
            case["files"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
        assert_eq!(files.len(), 3, "{case}");
        let table = format!("file\n{}\n", files.join("\n"));
        std::fs::write(folder.path().join("labels.csv"), table).unwrap();
        let shape = case["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize);
        let dims = [Dim::Symbol("N".into())].into_iter().chain(shape.map(Dim::Fixed)).collect();
        let need = InputNeed::batched("x", Dtype::F32, dims);
        let found = loaded(folder.path(), &need, rules(folder.path(), case));
        let expected = folder.path().join(format!("expected{number}.npz"));
        let expected = Dataset::inputs_alone(&expected, &[need], &DatasetRules::default()).unwrap();
        let Array::F32(expected) = &expected["x"] else { panic!() };
        let deep = files[0].starts_with("deep");
        let least_std = case["std"].as_array().map_or(1.0, |std| {
            std.iter().map(|s| s.as_f64().unwrap() as f32).fold(f32::INFINITY, f32::min)
        });
        let resized = case.get("resize").is_some() && case["interpolation"] != "nearest";
        let levels = match case["tolerance"].as_f64() {
            Some(levels) => levels as f32,
            // Of 16 bits, rounding is 257 times as fine.
            None if resized && deep => RESIZED_LEVELS / 257.0,
            None if resized && case.get("interpolation").is_some() => OVERSHOOTING_LEVELS,
            None if resized => RESIZED_LEVELS,
            None => 0.0,
        };
        let most = levels / 255.0 / least_std + 2e-6 / least_std;
        let pairs = found.iter().zip(expected.iter());
        let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert_eq!(found.len(), expected.len(), "{case}");
        assert!(worst <= most, "{case}: off by {worst}, {most} allowed");
        println!("{}: off by {worst} of {most}", files[0]);
    }
}
