//! Adversarial attacks along gradients: `paring eval --attack`, and `attack` in a study.

mod common;

use common::{digits, paring, python, skipped};
use ndarray::{Array1, Array4, s};
use ndarray_npy::{NpzReader, NpzWriter};
use predicates::str::contains;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::Command;

const SAMPLES: usize = 48;

/// Some samples of the example, with labels and a slice.
fn samples(folder: &Path) -> String {
    first_samples(folder, SAMPLES)
}

fn first_samples(folder: &Path, count: usize) -> String {
    let mut stored = NpzReader::new(File::open(digits("digits.npz")).unwrap()).unwrap();
    let images: Array4<f32> = stored.by_name("image").unwrap();
    let labels: Array1<i64> = stored.by_name("labels").unwrap();
    let path = folder.join("some.npz");
    let mut some = NpzWriter::new(File::create(&path).unwrap());
    some.add_array("image", &images.slice(s![..count, .., .., ..])).unwrap();
    some.add_array("labels", &labels.slice(s![..count])).unwrap();
    let half: Array1<i64> = (0..count as i64).map(|at| at % 2).collect();
    some.add_array("half", &half).unwrap();
    some.finish().unwrap();
    path.to_str().unwrap().to_string()
}

fn attacked(folder: &Path, models: &[&str], data: &str, more: &[&str]) -> Vec<Value> {
    let mut arguments = vec!["eval", "--json", "--quiet", "--data", data];
    arguments.extend(models);
    arguments.extend(more);
    let ended = paring(folder, &arguments).success();
    let found: Value = serde_json::from_slice(&ended.get_output().stdout).unwrap();
    found.as_array().unwrap().iter().map(|one| one["evaluation"].clone()).collect()
}

/// Right answers by disturbance and strength.
fn right(evaluation: &Value) -> BTreeMap<String, f64> {
    let each = evaluation["robustness"].as_array().unwrap().iter().map(|score| {
        let name = format!("{} {}", score["disturbance"].as_str().unwrap(), score["strength"]);
        let samples = score["samples"].as_f64().unwrap();
        (name, (score["value"]["value"].as_f64().unwrap() * samples).round())
    });
    each.collect()
}

fn unsound(evaluation: &Value) -> Vec<Value> {
    let scores = evaluation["robustness"].as_array().unwrap().iter();
    scores.flat_map(|score| score["attack"]["unsound"].as_array().unwrap().clone()).collect()
}

#[test]
fn attacks_leave_as_much_right_as_in_numpy() {
    let Some(python) = python() else { return skipped("attacks in numpy and ONNX Runtime") };
    let folder = tempfile::tempdir().unwrap();
    let (model, data) = (digits("digits_cnn.onnx"), samples(folder.path()));
    let model = model.to_str().unwrap();
    let saved = folder.path().join("backward.onnx");
    paring(folder.path(), &["gradient", model, "--save", saved.to_str().unwrap()]).success();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gradients/attacks.py");
    let ran = Command::new(python)
        .args([script.to_str().unwrap(), saved.to_str().unwrap(), model, &data])
        .args(["image", "probs", "8", "0.06", "0.12"])
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let theirs: BTreeMap<String, [f64; 3]> = serde_json::from_slice(&ran.stdout).unwrap();
    let bounds = ["--attack", "linf=0.06,0.12", "--attack", "l2=0.06,0.12"];
    let effort = ["--attack-steps", "8", "--attack-restarts", "1"];
    let found = attacked(folder.path(), &[model], &data, &[bounds, effort].concat());
    let ours = right(&found[0]);
    assert_eq!(theirs.len(), 4);
    for (key, [_, fgsm, pgd]) in theirs {
        for (method, expected) in [("fgsm", fgsm), ("pgd", pgd)] {
            let own = ours[&format!("{method}_{key}")];
            // Rounding may decide a sample at the border.
            assert!((own - expected).abs() <= 1.0, "{method} {key}: {own} {expected}");
        }
    }
}

#[test]
fn attacks_are_sound_and_have_parts() {
    let folder = tempfile::tempdir().unwrap();
    let (model, data) = (digits("digits_cnn.onnx"), samples(folder.path()));
    let model = model.to_str().unwrap();
    let more =
        ["--attack", "linf=0.05,0.15", "--attack-steps", "10", "--slice", "half", "--robustness"];
    let found = attacked(folder.path(), &[model, model], &data, &more[..6]);
    assert_eq!(unsound(&found[0]), Vec::<Value>::new());
    let own = right(&found[0]);
    assert!(own["pgd_linf 0.15"] < own["pgd_linf 0.05"], "{own:?}");
    assert!(own["pgd_linf 0.15"] <= own["fgsm_linf 0.15"], "{own:?}");
    let score = &found[0]["robustness"][2];
    assert_eq!(score["disturbance"], "pgd_linf");
    let facts = &score["attack"];
    assert_eq!((&facts["gradients"], &facts["range"]), (&"own".into(), &"observed".into()));
    let parts = facts["parts"].as_array().unwrap();
    let samples = |of: &str| -> u64 {
        let own = parts.iter().filter(|part| part["of"].as_str().unwrap().starts_with(of));
        own.map(|part| part["samples"].as_u64().unwrap()).sum()
    };
    assert_eq!((samples("class "), samples("half = ")), (SAMPLES as u64, SAMPLES as u64));
    // The same model loses the same, and is fooled by what fools itself.
    let second = right(&found[1]);
    assert_eq!(second["pgd_linf 0.15"], own["pgd_linf 0.15"]);
    assert_eq!(second["transfer_linf 0.15"], own["pgd_linf 0.15"]);
}

#[test]
fn many_steps_halve_the_accuracy_where_a_single_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let model = digits("digits_cnn.onnx");
    let data = first_samples(folder.path(), 100);
    let effort = ["--attack", "linf=0.11", "--attack-steps", "10", "--attack-restarts", "1"];
    let found = attacked(folder.path(), &[model.to_str().unwrap()], &data, &effort);
    let (clean, right) =
        (found[0]["metrics"]["accuracy"]["value"]["value"].as_f64().unwrap(), right(&found[0]));
    assert_eq!(clean, 1.0);
    let (fgsm, pgd) = (right["fgsm_linf 0.11"], right["pgd_linf 0.11"]);
    assert!(fgsm > 50.0 && pgd <= 50.0, "{fgsm} {pgd}");
    assert_eq!(unsound(&found[0]), Vec::<Value>::new());
}

#[test]
fn bounds_ranges_and_tasks_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (model, data) = (digits("digits_cnn.onnx"), samples(folder.path()));
    let base = ["eval", model.to_str().unwrap(), "--data", &data];
    for (more, said) in [
        (&["--attack", "l1=0.1"][..], "unknown norm `l1`"),
        (&["--attack", "linf=-1"], "cannot have the strength -1"),
        (&["--attack", "linf=0.1", "--attack-range", "1,0"], "needs [LOW, HIGH]"),
    ] {
        let arguments = [&base[..], more].concat();
        paring(folder.path(), &arguments).code(2).stderr(contains(said));
    }
    // Of a study before anything is made.
    let study = folder.path().join("study.toml");
    let text = format!(
        "[study]\nname = \"attacks\"\nowner = \"tests\"\n[model]\npath = {model:?}\n[data]\npath = {data:?}\n\
         [task]\nkind = \"scores\"\n[robustness]\nattack = {{ linf = [0.1] }}\n\
         [[variant]]\nname = \"int8\"\nsteps = [{{ quantize = \"int8\" }}]\n"
    );
    std::fs::write(&study, text).unwrap();
    let compress = ["compress", study.to_str().unwrap(), "--evaluate"];
    paring(folder.path(), &compress).code(2).stderr(contains("needs one class a sample"));
    assert!(!folder.path().join("paring-runs").exists());
}

#[test]
fn variants_without_gradients_are_asked_what_fools_the_baseline() {
    let folder = tempfile::tempdir().unwrap();
    let (model, data) = (digits("digits_cnn.onnx"), samples(folder.path()));
    let study = folder.path().join("study.toml");
    let text = format!(
        "[study]\nname = \"attacks\"\nowner = \"tests\"\n[model]\npath = {model:?}\n[data]\npath = {data:?}\n\
         slices = [\"half\"]\nsplits = {{ calibrate = 0.25, select = 0.0, report = 0.75, seed = 1 }}\n\
         [robustness]\nattack = {{ linf = [0.1], steps = 6, restarts = 1 }}\n\
         [[variant]]\nname = \"int8\"\nsteps = [{{ quantize = \"int8\" }}]\n\
         [[variant]]\nname = \"dynamic\"\nsteps = [{{ quantize = \"int8-dynamic\" }}]\n"
    );
    std::fs::write(&study, text).unwrap();
    let out = folder.path().join("run");
    let compress = ["compress", study.to_str().unwrap(), "--evaluate", "--out"];
    paring(folder.path(), &[&compress[..], &[out.to_str().unwrap()]].concat()).success();
    let table = std::fs::read_to_string(out.join("robustness.csv")).unwrap();
    let mut reader = csv_rows(&table);
    let header = reader.remove(0);
    let column = |name: &str| header.iter().position(|own| own == name).unwrap();
    let rows = |variant: &str| -> Vec<(String, String, String)> {
        let own = reader.iter().filter(|row| row[0] == variant && row[column("of")].is_empty());
        let cell = |row: &Vec<String>, name| row[column(name)].clone();
        own.map(|row| (cell(row, "disturbance"), cell(row, "gradients"), cell(row, "without_own")))
            .collect()
    };
    let names = |rows: &[(String, String, String)]| -> Vec<String> {
        rows.iter().map(|(how, gradients, _)| format!("{how} {gradients}")).collect()
    };
    assert_eq!(names(&rows("baseline")), ["fgsm_linf own", "pgd_linf own"]);
    assert_eq!(
        names(&rows("int8")),
        ["fgsm_linf straight_through", "pgd_linf straight_through", "transfer_linf baseline"]
    );
    let dynamic = rows("dynamic");
    assert_eq!(names(&dynamic), ["transfer_linf baseline"]);
    assert!(dynamic[0].2.contains("passes no gradient"), "{dynamic:?}");
    assert!(table.contains("half = 1"), "{table}");
    explained_once(folder.path(), &out);
}

/// Explains a run twice: what is refused is refused once, and the second call makes no experiment.
fn explained_once(folder: &Path, run: &Path) {
    let out = run.to_str().unwrap();
    let explain = ["explain", out, "--replicates", "1", "--groups", "2", "--minutes", "20"];
    let journal = || std::fs::read_to_string(run.join("experiments/experiments.jsonl")).unwrap();
    paring(folder, &explain).success().stderr(contains("no effects on inputs under pgd_linf 0.1"));
    let first = journal();
    let lines = |variant: &str| {
        let own = first.lines().filter(|line| line.contains("\"disturbed\":\"pgd_linf 0.1\""));
        own.filter(|line| line.contains("\"refused\":") == (variant == "dynamic")).count()
    };
    assert!(lines("dynamic") > 0 && lines("int8") > 0, "{first}");
    paring(folder, &explain).success().stderr(contains("no effects on inputs under pgd_linf 0.1"));
    assert_eq!(journal(), first);
    let effects = std::fs::read_to_string(run.join("effects.csv")).unwrap();
    assert!(effects.contains("pgd_linf 0.1"), "{effects}");
}

#[test]
fn effects_under_an_attack_that_is_not_sound_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let (model, data) = (digits("digits_cnn.onnx"), digits("digits.npz"));
    let study = folder.path().join("study.toml");
    // Gradients go straight through rounding: what fools the baseline fools this variant more than they do.
    let text = format!(
        "[study]\nname = \"attacks\"\nowner = \"tests\"\n[model]\npath = {model:?}\n[data]\npath = {data:?}\n\
         splits = {{ calibrate = 0.25, select = 0.25, report = 0.5, seed = 7 }}\n\
         [robustness]\nnoise = [0.1]\n\
         attack = {{ linf = [0.1], steps = 10, restarts = 1, samples = 200 }}\n\
         [[variant]]\nname = \"int8\"\nsteps = [{{ quantize = \"int8\", per = \"tensor\" }}]\n"
    );
    std::fs::write(&study, text).unwrap();
    let run = folder.path().join("run");
    let out = run.to_str().unwrap();
    paring(folder.path(), &["compress", study.to_str().unwrap(), "--evaluate", "--out", out])
        .success();
    let explain = ["explain", out, "--replicates", "1", "--groups", "1", "--minutes", "20"];
    paring(folder.path(), &explain).success();
    let cells = |file: &str, wanted: &[&str]| -> Vec<Vec<String>> {
        let mut rows = csv_rows(&std::fs::read_to_string(run.join(file)).unwrap());
        let header = rows.remove(0);
        let place = |name: &&str| header.iter().position(|own| own == name).unwrap();
        let places: Vec<usize> = wanted.iter().map(place).collect();
        rows.iter().map(|row| places.iter().map(|at| row[*at].clone()).collect()).collect()
    };
    let scores = cells("robustness.csv", &["variant", "disturbance", "of", "value", "unsound"]);
    let score = |variant: &str| {
        let own = |row: &&Vec<String>| row[..3] == [variant, "pgd_linf", ""];
        let row = scores.iter().find(own).unwrap();
        (row[3].parse::<f64>().unwrap(), row[4].clone())
    };
    let ((before, _), (after, broken)) = (score("baseline"), score("int8"));
    assert!(broken.contains("the inputs found on the baseline"), "{broken}");
    let columns = ["metric", "of", "baseline", "variant_value", "sound", "unsound"];
    let effects = cells("effects.csv", &columns);
    let effect = |of: &str| {
        let own = |row: &&Vec<String>| row[..2] == ["robustness", of];
        effects.iter().find(own).unwrap().clone()
    };
    // The experiments' ends are the evaluated models, on the same samples in the same range.
    let attacked = effect("pgd_linf 0.1");
    for (found, expected) in attacked[2..4].iter().zip([before, after]) {
        assert!((found.parse::<f64>().unwrap() - expected).abs() < 1e-6, "{attacked:?}");
    }
    assert_eq!(attacked[4], "false");
    assert_eq!(attacked[5], format!("the variant: {broken}"));
    assert_eq!(effect("noise 0.1")[4..], ["", ""]);
    let record = std::fs::read_to_string(run.join("explain.json")).unwrap();
    assert!(record.contains("On inputs with pgd_linf 0.1 (not sound), accuracy is"), "{record}");
    assert!(record.contains("Figures on inputs with pgd_linf 0.1 are not sound: the variant:"));
}

/// Rows of a CSV without quoted line breaks.
fn csv_rows(text: &str) -> Vec<Vec<String>> {
    let row = |line: &str| {
        let mut cells = vec![String::new()];
        let mut quoted = false;
        for c in line.chars() {
            match c {
                '"' => quoted = !quoted,
                ',' if !quoted => cells.push(String::new()),
                c => cells.last_mut().unwrap().push(c),
            }
        }
        cells
    };
    text.lines().map(row).collect()
}
