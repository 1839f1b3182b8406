//! `paring explain` where answers are not single classes: numbers, sets, pixels, scores; outputs that
//! are no numbers; models with several outputs; labels that are no classes; slices of a few samples.

mod common;

use common::{normal, outputs, paring};
use ndarray::{Array1, ArrayD, IxDyn};
use ndarray_npy::{NpzWriter, WritableElement};
use paring::arrays::{Array, Dtype};
use paring::graph::{self, DimensionSize, Graph, Node, Weights};
use paring::schema::{Evaluation, Explanation};
use paring::stats::{self, SeededGenerator};
use predicates::str::contains;
use rand::RngExt;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;

const SAMPLES: usize = 120;
const FEATURES: usize = 6;
const SIDE: usize = 6;

fn node(graph: &mut Graph, name: &str, op: &str, input: &[&str], output: &str) {
    graph.add_node(Node {
        name: name.into(),
        op_type: op.into(),
        input: input.iter().map(ToString::to_string).collect(),
        output: vec![output.into()],
        ..Node::default()
    });
}

fn weights(graph: &mut Graph, rng: &mut SeededGenerator, name: &str, shape: &[usize]) {
    let values: Vec<f32> = normal(rng, shape).iter().map(|v| 0.5 * v).collect();
    graph.set_weights(name, Weights::f32(shape, &values));
}

/// Two products with a Relu between, and `last` behind; a second output beside it.
fn products(rng: &mut SeededGenerator, width: usize, last: &str) -> Graph {
    let mut graph = Graph::empty("products", 13);
    graph.add_input(
        "x",
        Dtype::F32,
        &[DimensionSize::Symbol("N".into()), DimensionSize::Fixed(FEATURES)],
    );
    weights(&mut graph, rng, "first.weight", &[FEATURES, 12]);
    weights(&mut graph, rng, "second.weight", &[12, width]);
    node(&mut graph, "first/MatMul", "MatMul", &["x", "first.weight"], "first.out");
    node(&mut graph, "first/Relu", "Relu", &["first.out"], "hidden");
    node(&mut graph, "second/MatMul", "MatMul", &["hidden", "second.weight"], "second.out");
    node(&mut graph, "last", last, &["second.out"], "y");
    graph.add_output("second.out");
    graph.add_output("y");
    graph
}

/// Two convolutions with a Relu between: three classes a pixel.
fn convolutions(rng: &mut SeededGenerator) -> Graph {
    let mut graph = Graph::empty("convolutions", 13);
    let sizes = [
        DimensionSize::Symbol("N".into()),
        DimensionSize::Fixed(1),
        DimensionSize::Fixed(SIDE),
        DimensionSize::Fixed(SIDE),
    ];
    graph.add_input("x", Dtype::F32, &sizes);
    weights(&mut graph, rng, "first.weight", &[8, 1, 3, 3]);
    weights(&mut graph, rng, "second.weight", &[3, 8, 1, 1]);
    let mut first = Node {
        name: "first/Conv".into(),
        op_type: "Conv".into(),
        input: vec!["x".into(), "first.weight".into()],
        output: vec!["first.out".into()],
        ..Node::default()
    };
    graph::set_ints(&mut first, "pads", vec![1, 1, 1, 1]);
    graph.add_node(first);
    node(&mut graph, "first/Relu", "Relu", &["first.out"], "hidden");
    node(&mut graph, "second/Conv", "Conv", &["hidden", "second.weight"], "y");
    graph.add_output("y");
    graph
}

/// A study of a model, whose labels follow from what it answers.
struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    fn new<T: WritableElement>(
        graph: &Graph,
        x: ArrayD<f32>,
        labels: ArrayD<T>,
        task: &str,
    ) -> Case {
        let folder = tempfile::tempdir().unwrap();
        graph.save(&folder.path().join("model.onnx")).unwrap();
        let mut npz = NpzWriter::new(File::create(folder.path().join("data.npz")).unwrap());
        // The last three samples are a slice of their own.
        let few = |s: usize| i64::from(s + 3 >= SAMPLES);
        npz.add_array("few", &Array1::from_iter((0..SAMPLES).map(few))).unwrap();
        npz.add_array("x", &x).unwrap();
        npz.add_array("labels", &labels).unwrap();
        let range = |from: usize, to: usize| {
            Array1::from_iter((from as i64..to as i64).collect::<Vec<_>>())
        };
        npz.add_array("calibrate", &range(0, 20)).unwrap();
        npz.add_array("select", &range(20, 30)).unwrap();
        npz.add_array("report", &range(30, SAMPLES)).unwrap();
        npz.finish().unwrap();
        let text = format!(
            "[study]\nname = \"tasks\"\nowner = \"tests\"\n[model]\npath = \"model.onnx\"\n\
             [data]\npath = \"data.npz\"\nslices = [\"few\"]\n\
             splits = {{ calibrate = \"calibrate\", select = \"select\", report = \"report\" }}\n\
             [protocol]\nprobes = 0\n[task]\noutput = \"y\"\n{task}\n\
             [[variant]]\nname = \"both\"\nsteps = [{{ prune = \"channels\", ratio = 0.25, \
             criterion = \"l2\" }}, {{ quantize = \"int8\" }}]\n\
             [[variant]]\nname = \"half\"\nengine = [\"f32_to_f16\"]\n"
        );
        std::fs::write(folder.path().join("study.toml"), text).unwrap();
        Case { folder }
    }

    fn run(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    fn compress(&self) -> assert_cmd::assert::Assert {
        let (study, out) = (self.folder.path().join("study.toml"), self.run());
        let arguments = ["compress", study.to_str().unwrap(), "--out", out.to_str().unwrap()];
        paring(self.folder.path(), &arguments)
    }

    /// The explanation of a variant, in which everything that always holds was looked at.
    fn explain(&self, variant: &str, more: &[&str]) -> Explanation {
        self.compress().success();
        let run = self.run();
        let arguments = ["explain", run.to_str().unwrap(), "--variant", variant, "--quiet"];
        let few = ["--replicates", "2", "--groups", "3"];
        paring(self.folder.path(), &[&arguments[..], &few, more].concat()).success();
        let bytes = std::fs::read(run.join("explain.json")).unwrap();
        let found: Explanation =
            serde_json::from_slice::<Vec<Explanation>>(&bytes).unwrap().remove(0);
        let record = serde_json::to_value(&found).unwrap();
        for sentence in &found.narrative {
            assert!(sentence.holds(&record), "{}", sentence.text);
        }
        for total in found.totals.iter().filter(|t| t.left_over.is_some()) {
            let left = total.left_over.unwrap();
            assert!(left.abs() < 1e-9 * total.baseline.abs().max(1.0), "{total:?}");
        }
        found
    }
}

/// Value of the whole change of a metric.
#[track_caller]
fn main_change(found: &Explanation, metric: &str) -> f64 {
    assert_eq!(found.main.metric, metric);
    let total = found.totals.iter().find(|t| t.metric == metric && t.of.is_none()).unwrap();
    let sum: f64 = found
        .effects
        .iter()
        .filter(|e| e.metric == metric && e.of.is_none())
        .map(|e| e.shapley.unwrap().value)
        .sum();
    assert!((sum - total.change.value).abs() < 1e-9 * total.baseline.abs().max(1.0));
    assert!(total.change.low <= total.change.value && total.change.value <= total.change.high);
    total.change.value
}

fn inputs(x: &ArrayD<f32>) -> BTreeMap<String, Array> {
    BTreeMap::from([("x".to_string(), Array::F32(x.clone()))])
}

/// What the second output says, row by row.
fn answers(graph: &Graph, x: &ArrayD<f32>, width: usize) -> Vec<f32> {
    let all = outputs(graph, &inputs(x));
    all[all.len() - SAMPLES * width..].to_vec()
}

#[test]
fn numbers_are_explained_by_their_error() {
    let mut rng = stats::generator(1, "regression");
    let graph = products(&mut rng, 2, "Identity");
    let x = normal(&mut rng, &[SAMPLES, FEATURES]);
    let right = answers(&graph, &x, 2);
    let labels: Vec<f64> =
        right.iter().map(|v| f64::from(*v) + 0.1 * rng.random::<f64>()).collect();
    let labels = ArrayD::from_shape_vec(IxDyn(&[SAMPLES, 2]), labels).unwrap();
    let case = Case::new(&graph, x, labels, "kind = \"regression\"");
    let found = case.explain("both", &["--robustness"]);
    assert!(main_change(&found, "mse") > 0.0, "what is removed makes errors larger");
    let says = |text: &str| found.narrative.iter().any(|s| s.text.contains(text));
    assert!(says(" report samples, mse is "), "{:?}", found.narrative);
    for metric in ["mae", "relative_l2", "r2", "slice_mse"] {
        assert!(found.effects.iter().any(|e| e.metric == metric), "{metric}");
    }
    let noisy = |e: &&paring::schema::Effect| e.of.as_deref() == Some("noise 0.3");
    let noisy: Vec<_> = found.effects.iter().filter(noisy).collect();
    assert!(noisy.iter().all(|e| e.metric == "robustness" && e.leave_one_out.is_some()));
    assert_eq!(noisy.len(), found.groups.len());
    // No links are flips, all have a change.
    assert!(found.links.iter().all(|l| l.flips.is_none() && l.change.is_some()));
    assert!(found.flow.iter().any(|l| l.similarity.is_some()));
}

#[test]
fn sets_are_explained_class_by_class_and_calibrated() {
    let mut rng = stats::generator(2, "multilabel");
    let graph = products(&mut rng, 3, "Sigmoid");
    let x = normal(&mut rng, &[SAMPLES, FEATURES]);
    let right = answers(&graph, &x, 3);
    let labels: Vec<i64> = right.iter().map(|v| i64::from(*v > 0.5)).collect();
    let labels = ArrayD::from_shape_vec(IxDyn(&[SAMPLES, 3]), labels).unwrap();
    let case = Case::new(&graph, x, labels, "kind = \"multilabel\"");
    let found = case.explain("both", &[]);
    assert!(main_change(&found, "f1_macro") < 0.0);
    let classes = found.effects.iter().filter(|e| e.metric == "class_f1").count();
    assert_eq!(classes, 3 * found.groups.len());
    assert!(found.effects.iter().any(|e| e.metric == "ece" && e.shapley.is_some()));
    let few = found.totals.iter().find(|t| t.of.as_deref() == Some("few=1")).unwrap();
    assert_eq!(few.samples, Some(3));
    assert!(found.narrative.iter().any(|s| s.text.contains("few=1 has only 3 report samples")));
}

#[test]
fn pixels_are_explained_class_by_class() {
    let mut rng = stats::generator(3, "segmentation");
    let graph = convolutions(&mut rng);
    let x = normal(&mut rng, &[SAMPLES, 1, SIDE, SIDE]);
    let right = answers(&graph, &x, 3 * SIDE * SIDE);
    let area = SIDE * SIDE;
    let class = |sample: usize, pixel: usize| {
        let at = |c: usize| right[(3 * sample + c) * area + pixel];
        (1..3).fold(0, |best, c| if at(c) > at(best) { c } else { best }) as i64
    };
    let labels = (0..SAMPLES).flat_map(|s| (0..area).map(move |p| (s, p)));
    let labels: Vec<i64> = labels.map(|(s, p)| class(s, p)).collect();
    let labels = ArrayD::from_shape_vec(IxDyn(&[SAMPLES, SIDE, SIDE]), labels).unwrap();
    let task = "kind = \"segmentation\"\nscores = \"logits\"";
    let found = Case::new(&graph, x, labels, task).explain("both", &[]);
    assert!(main_change(&found, "dice") < 0.0);
    assert!(found.effects.iter().any(|e| e.metric == "class_f1" && e.shapley.is_some()));
}

#[test]
fn scores_are_explained_by_their_ranking() {
    let mut rng = stats::generator(4, "scores");
    let graph = products(&mut rng, 1, "Identity");
    let x = normal(&mut rng, &[SAMPLES, FEATURES]);
    let right = answers(&graph, &x, 1);
    let labels: Vec<i64> = right.iter().map(|v| i64::from(*v > 0.4)).collect();
    let labels = ArrayD::from_shape_vec(IxDyn(&[SAMPLES]), labels).unwrap();
    let task = "kind = \"scores\"\nscores = \"logits\"\nthreshold = 0.4";
    let found = Case::new(&graph, x, labels, task).explain("both", &[]);
    assert!(main_change(&found, "auc") < 0.0);
    assert!(!found.flips.is_empty() && found.effects.iter().any(|e| e.metric == "flips"));
}

/// Sums beyond what half precision holds: infinite less infinite is no number.
#[test]
fn answers_that_are_no_numbers_are_counted_and_charged() {
    let mut rng = stats::generator(5, "overflow");
    let mut graph = products(&mut rng, 4, "Softmax");
    let large = normal(&mut rng, &[FEATURES, 12]);
    let large: Vec<f32> = large.iter().map(|v| 2.0e4 * v).collect();
    graph.set_weights("first.weight", Weights::f32(&[FEATURES, 12], &large));
    let x = normal(&mut rng, &[SAMPLES, FEATURES]);
    let right = answers(&graph, &x, 4);
    let top = |row: &[f32]| (1..4).fold(0, |best, c| if row[c] > row[best] { c } else { best });
    let labels: Vec<i64> = right.chunks(4).map(|row| top(row) as i64).collect();
    let labels = ArrayD::from_shape_vec(IxDyn(&[SAMPLES]), labels).unwrap();
    let case = Case::new(&graph, x, labels, "kind = \"classification\"");
    let found = case.explain("half", &[]);
    assert_eq!(found.unusable.baseline, 0);
    assert!(found.unusable.variant > 10, "{:?}", found.unusable);
    let own = found.effects.iter().find(|e| e.metric == "unusable").unwrap();
    assert_eq!(own.group, "engine");
    let share = found.unusable.variant as f64 / found.experiments.samples as f64;
    assert!((own.shapley.unwrap().value - share).abs() < 1e-12);
    let text = format!("Outputs are not numbers on {} of", found.unusable.variant);
    assert!(found.narrative.iter().any(|s| s.text.starts_with(&text)));
    assert!(found.flips.iter().any(|f| f.after.is_none()));
}

#[test]
fn labels_that_are_no_classes_are_named() {
    let mut rng = stats::generator(6, "labels");
    let graph = products(&mut rng, 4, "Softmax");
    let x = normal(&mut rng, &[SAMPLES, FEATURES]);
    let mut labels = vec![0i64; SAMPLES];
    labels[57] = 9;
    let labels = ArrayD::from_shape_vec(IxDyn(&[SAMPLES]), labels).unwrap();
    let case = Case::new(&graph, x, labels, "kind = \"classification\"");
    // Before anything is made.
    case.compress().code(2).stderr(contains(
        "the label of sample 57 is 9, the model has 4 classes: write labels from 0 to 3",
    ));
    assert!(!case.run().exists());
}

/// Right on one class, wrong on all others: how sure the accuracy is depends on the classes' shares alone.
#[test]
fn class_shares_that_were_chosen_beforehand_have_no_width() {
    let mut rng = stats::generator(8, "shares");
    let graph = products(&mut rng, 3, "Softmax");
    let x = normal(&mut rng, &[SAMPLES, FEATURES]);
    let top = |row: &[f32]| (1..3).fold(0, |best, c| if row[c] > row[best] { c } else { best });
    let labels = answers(&graph, &x, 3);
    let labels: Vec<i64> = labels.chunks(3).map(|row| [0, 2, 1][top(row)]).collect();
    let labels = ArrayD::from_shape_vec(IxDyn(&[SAMPLES]), labels).unwrap();
    let case = Case::new(&graph, x, labels, "kind = \"classification\"");
    let width = |found: &Evaluation| {
        let accuracy = found.accuracy.unwrap();
        assert!(accuracy.value > 0.1 && accuracy.value < 0.9, "{accuracy:?}");
        accuracy.high - accuracy.low
    };
    let evaluated = |more: &[&str]| {
        let [model, data] = ["model.onnx", "data.npz"].map(|name| case.folder.path().join(name));
        let given = ["eval", model.to_str().unwrap(), "--data", data.to_str().unwrap()];
        let how = ["--output", "y", "--json", "--quiet"];
        let ended = paring(case.folder.path(), &[&given[..], &how, more].concat()).success();
        let found: serde_json::Value = serde_json::from_slice(&ended.get_output().stdout).unwrap();
        width(&serde_json::from_value(found[0]["evaluation"].clone()).unwrap())
    };
    assert!(evaluated(&["--fixed-class-shares"]) < 0.5 * evaluated(&[]));
    let studied = |section: &str| {
        let path = case.folder.path().join("study.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.replace("[data]\n", &format!("[data]\n{section}"));
        std::fs::write(&path, text).unwrap();
        let (study, run) = (path.to_str().unwrap(), case.run());
        let asked = ["compress", study, "--evaluate", "--out", run.to_str().unwrap()];
        paring(case.folder.path(), &asked).success();
        let quality = paring::pipeline::Folders::new(&case.run()).quality("baseline");
        width(&serde_json::from_slice(&quality.read().unwrap()).unwrap())
    };
    let sampled = studied("");
    std::fs::remove_dir_all(case.run()).unwrap();
    assert!(studied("class_shares = \"fixed\"\n") < 0.5 * sampled);
}

/// A study whose experiments are measured in a few short blocks.
fn measured(energy: &str) -> Case {
    let mut rng = stats::generator(7, "measured");
    let graph = products(&mut rng, 4, "Softmax");
    let x = normal(&mut rng, &[SAMPLES, FEATURES]);
    let labels = ArrayD::from_shape_vec(IxDyn(&[SAMPLES]), vec![0i64; SAMPLES]).unwrap();
    let case = Case::new(&graph, x, labels, "kind = \"classification\"");
    let path = case.folder.path().join("study.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let short = "probes = 0\nblocks = 2\nsolo_ms = 10\npaired_ms = 10\n";
    std::fs::write(&path, text.replace("probes = 0\n", short) + energy).unwrap();
    case
}

#[test]
fn experiments_are_measured_and_energy_has_a_reason_where_there_is_no_sensor() {
    let case = measured("[energy]\nwindows = 1\nrun_s = 1\nidle_s = 1\n");
    let bare = case.folder.path().join("bare");
    std::fs::create_dir_all(bare.join("sys")).unwrap();
    let found = case.explain("both", &["--measure", "--sysfs-root", bare.to_str().unwrap()]);
    let of = |metric: &str| -> Vec<_> {
        let own = found.effects.iter().filter(|e| e.metric == metric);
        own.filter(|e| e.target.as_deref() == Some("host")).cloned().collect()
    };
    for metric in ["latency", "peak_rss_bytes", "peak_heap_bytes"] {
        let own = of(metric);
        assert_eq!(own.len(), found.groups.len(), "{metric}");
        for effect in own.iter().filter(|e| e.leave_one_out.is_none()) {
            // So few short blocks may all fall on a busy moment, which memory does not mind.
            let why = effect.missing.as_ref().map_or("", |why| why.0.as_str());
            assert!(metric == "latency" && why.contains("quiet machine"), "{effect:?}");
        }
    }
    for effect in of("energy_per_inference") {
        assert_eq!(effect.leave_one_out, None);
        let why = effect.missing.unwrap().0;
        assert!(why.contains("sensor"), "{why}");
    }
}

/// Whether the main thread of a block's process that measures into this folder is running.
fn a_block_runs(folder: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let read =
            |file: &str| std::fs::read_to_string(entry.path().join(file)).unwrap_or_default();
        let command = read("cmdline");
        let ours = command.contains("\0block\0") && command.contains(folder);
        ours && read("stat").rsplit(')').next().is_some_and(|rest| rest.starts_with(" R"))
    })
}

#[test]
fn a_simulated_sensor_gives_energy_by_decision() {
    let case = measured("[energy]\nwindows = 1\nrun_s = 1\nidle_s = 1\n");
    let root = case.folder.path().join("root");
    let sensor = root.join("sys/class/hwmon/hwmon0");
    std::fs::create_dir_all(&sensor).unwrap();
    std::fs::write(sensor.join("name"), "ina238\n").unwrap();
    let power = sensor.join("power1_input");
    std::fs::write(&power, "2000000\n").unwrap();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let run = case.folder.path().display().to_string();
    let meter = std::thread::spawn(move || {
        for tick in 0u64.. {
            if stopped.try_recv().is_ok() {
                break;
            }
            let aside = power.with_extension("new");
            let base = if a_block_runs(&run) { 10_000_000 } else { 2_000_000 };
            std::fs::write(&aside, format!("{}\n", base + 50_000 * (tick % 3))).unwrap();
            std::fs::rename(&aside, &power).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    });
    let found = case.explain("half", &["--measure", "--sysfs-root", root.to_str().unwrap()]);
    let own = found.effects.iter().find(|e| e.metric == "energy_per_inference").unwrap();
    stop.send(()).unwrap();
    meter.join().unwrap();
    let value = own.leave_one_out.unwrap_or_else(|| panic!("{:?}", own.missing));
    assert!(value.low <= value.value && value.value <= value.high, "{value:?}");
    assert_eq!((own.unit.as_str(), own.target.as_deref()), ("uj", Some("host")));
    let total = found.totals.iter().find(|t| t.metric == "energy_per_inference").unwrap();
    assert!((total.change.value - value.value).abs() < 1e-9, "one group is the whole");
}
