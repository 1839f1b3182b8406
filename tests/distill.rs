//! Distilling: deterministic, better than its start on samples it did not train on, recorded, undone bit
//! for bit, replayed; and everything that it refuses.

mod common;

use common::{digits, paring};
use ndarray::{ArrayD, IxDyn};
use paring::arrays::{Array, Dtype};
use paring::catalog::Calibration;
use paring::compress::distillation::{Distillation, DistillationInputs, distill};
use paring::compress::{
    CompressError, DecisionRule, PostTrainingQuantization, QuantizationFormat,
    QuantizationGranularity, StepResult, quantize,
};
use paring::data::{Dataset, DatasetRequest, DatasetRules};
use paring::engine::{self, ModelSource};
use paring::graph::{DimensionSize, Graph, Node, Weights};
use paring::schema::{
    Decision, EngineOptions, LedgerEntry, LedgerEntryKind, TaskKind, TrainingEnd, VariantRecord,
};
use predicates::str::contains;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const STUDY: &str = r#"
[study]
name = "distill"
owner = "tests"
[model]
path = MODEL
[data]
path = DATA
splits = { calibrate = 0.1, select = 0.05, report = 0.1, seed = 3 }
[protocol]
probes = 0
[[variant]]
name = "pruned"
steps = [{ prune = "channels", ratio = 0.5, criterion = "obs", recover = "least-squares" }]
[[variant]]
name = "trained"
steps = [
  { prune = "channels", ratio = 0.5, criterion = "obs", recover = "least-squares" },
  { distill = true, epochs = 60, rate = 0.004 },
]
"#;

/// A run of the study in a folder.
fn run(folder: &Path, out: &str) -> PathBuf {
    let study = folder.join("study.toml");
    let quoted = |path: PathBuf| format!("{path:?}");
    let text = STUDY.replace("MODEL", &quoted(digits("digits_cnn.onnx")));
    std::fs::write(&study, text.replace("DATA", &quoted(digits("digits.npz")))).unwrap();
    let out = folder.join(out);
    paring(folder, &["compress", study.to_str().unwrap(), "--out", out.to_str().unwrap()])
        .success();
    out
}

fn record(run: &Path, name: &str) -> VariantRecord {
    let bytes = std::fs::read(run.join(format!("variants/{name}.json"))).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn distilled(run: &Path) -> Decision {
    let ledger = std::fs::read_to_string(run.join("ledger.jsonl")).unwrap();
    let entries = ledger.lines().map(|line| serde_json::from_str::<LedgerEntry>(line).unwrap());
    let decisions = entries.filter(|entry| entry.kind == LedgerEntryKind::Decision);
    let mut decisions =
        decisions.map(|entry| serde_json::from_value::<Decision>(entry.body).unwrap());
    decisions.find(|decision| decision.operation == "distill").unwrap()
}

#[test]
fn a_run_is_repeated_recorded_undone_and_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (run(folder.path(), "a"), run(folder.path(), "b"));
    let trained = record(&first, "trained");
    assert_eq!(trained.file_sha256, record(&second, "trained").file_sha256);
    assert_ne!(trained.file_sha256, record(&first, "pruned").file_sha256);
    assert_eq!(trained.weights, record(&first, "pruned").weights);

    let decision = distilled(&first);
    let training = decision.training.clone().unwrap();
    assert_eq!((training.epochs, training.epochs_done), (60, 60));
    assert_eq!(training.end, TrainingEnd::Epochs);
    assert!(training.best_epoch > 0 && !training.labels_used);
    let held = |epoch| training.curve.iter().find(|own| own.epoch == epoch).unwrap().held_out;
    assert!(held(training.best_epoch) < held(0), "{:?}", training.curve);
    assert!(decision.inputs.calibration_sha256.is_some() && training.select_sha256.is_some());
    assert!(training.changes.iter().all(|change| change.norm_before.is_finite()));
    assert!(training.changes.iter().any(|change| change.norm_of_change > 0.0));

    let restore = |what: &[&str]| {
        let words =
            [&["restore", first.to_str().unwrap(), "--variant", "trained"][..], what].concat();
        paring(folder.path(), &words).success()
    };
    restore(&["--all"]).stdout(contains("bit for bit"));
    let given = Graph::load(&digits("digits_cnn.onnx")).unwrap();
    let back = Graph::load(&first.join("restored/trained.all.onnx")).unwrap();
    for name in given.initializer_names() {
        assert_eq!(back.weights(name).unwrap(), given.weights(name).unwrap(), "{name}");
    }
    let id = trained.components_removed.values().next().unwrap()[0].clone();
    restore(&["--component", &id]);
    let ledger = std::fs::read_to_string(first.join("ledger.jsonl")).unwrap();
    let trainings = ledger.matches(r#""operation":"distill""#).count();
    assert_eq!(trainings, 2, "the training is done again with the component");
}

#[test]
fn a_quantized_variant_with_learned_scales_is_repeated_verified_and_undone() {
    let folder = tempfile::tempdir().unwrap();
    let run = |out: &str| {
        let study = folder.path().join("study.toml");
        let quoted = |path: PathBuf| format!("{path:?}");
        let text = STUDY.split("[[variant]]").next().unwrap();
        let text = text.replace("MODEL", &quoted(digits("digits_cnn.onnx")));
        let text = text.replace("DATA", &quoted(digits("digits.npz")));
        let variants = [("int8", "int8\", per = \"tensor"), ("int4", "int4-weights")].map(
            |(name, format)| {
                format!("[[variant]]\nname = \"{name}\"\nsteps = [{{ quantize = \"{format}\", recover = \"distill\" }}]\n")
            },
        );
        std::fs::write(&study, format!("{text}{}", variants.concat())).unwrap();
        let out = folder.path().join(out);
        let words = ["compress", study.to_str().unwrap(), "--out", out.to_str().unwrap()];
        paring(folder.path(), &words).success();
        out
    };
    let (first, second) = (run("a"), run("b"));
    paring(folder.path(), &["verify", first.to_str().unwrap()]).success();
    let given = Graph::load(&digits("digits_cnn.onnx")).unwrap();
    for name in ["int8", "int4"] {
        assert_eq!(record(&first, name).file_sha256, record(&second, name).file_sha256);
        let mut made = Graph::load(&first.join(format!("variants/{name}.onnx"))).unwrap();
        assert_eq!(made.take_property("paring.learned_scales"), None);
        let words = ["restore", first.to_str().unwrap(), "--variant", name, "--all"];
        paring(folder.path(), &words).success().stdout(contains("bit for bit"));
        let mut back = Graph::load(&first.join(format!("restored/{name}.all.onnx"))).unwrap();
        assert_eq!(back.take_property("paring.learned_scales"), None);
        for initializer in given.initializer_names() {
            let (back, given) = (back.weights(initializer), given.weights(initializer));
            assert_eq!(back.unwrap(), given.unwrap(), "{initializer}");
        }
    }
    let training = distilled(&first).training.unwrap();
    assert!(training.best_epoch > 0, "{:?}", training.curve);
    let scales = training.changes.iter().filter(|own| own.tensor.ends_with("#scales"));
    let moved: Vec<bool> = scales.map(|own| own.norm_of_change > 0.0).collect();
    assert!(moved.len() > 3 && moved.iter().filter(|moved| **moved).count() > 3, "{moved:?}");
}

/// The first samples of the digits, and their labels.
fn samples(count: usize) -> Calibration {
    samples_from(0, count)
}

fn samples_from(start: usize, count: usize) -> Calibration {
    let model = digits("digits_cnn.onnx");
    let signature = engine::describe(ModelSource::File(&model)).unwrap();
    let (columns, extras, rules) = (vec![], vec![], DatasetRules::default());
    let wanted = DatasetRequest { inputs: &signature.inputs, columns, extras, rules };
    let data = Dataset::load(&digits("digits.npz"), &wanted).unwrap();
    let first: Vec<usize> = (start..start + count).collect();
    Calibration {
        inputs: data.inputs_at(&first).unwrap(),
        labels: data.labels[start..start + count].to_vec(),
        rule: Some(DecisionRule::default()),
        batch: 1,
        dims: BTreeMap::new(),
        sha256: data.sha256_of(&first),
    }
}

fn spoilt(graph: &Graph) -> Graph {
    let mut graph = graph.clone();
    let name = graph.initializer_names().into_iter().find(|name| {
        graph.dims(name).is_some_and(|dims| dims.len() == 4 && dims.iter().product::<usize>() > 100)
    });
    let name = name.unwrap().to_string();
    let weights = graph.weights(&name).unwrap();
    let mut values = weights.to_f32().unwrap();
    values.iter_mut().enumerate().for_each(|(i, v)| *v *= if i % 3 == 0 { 0.0 } else { 0.9 });
    graph.set_weights(&name, Weights::f32(&weights.dims, &values));
    graph
}

fn train(
    student: Graph,
    how: &Distillation,
    calibration: &Calibration,
) -> Result<StepResult, CompressError> {
    let teacher = Graph::load(&digits("digits_cnn.onnx")).unwrap();
    let inputs = DistillationInputs {
        teacher: &teacher,
        calibration: Some(calibration),
        select: None,
        seed: 1,
    };
    distill(student, Default::default(), how, &inputs, &|_| {})
}

#[test]
fn a_training_that_a_time_limit_ended_is_repeated_epoch_by_epoch() {
    let given = Graph::load(&digits("digits_cnn.onnx")).unwrap();
    let (student, calibration) = (spoilt(&given), samples(64));
    let limited = Distillation { limit_s: Some(1), epochs: Some(100_000), ..short() };
    let made = train(student.clone(), &limited, &calibration).unwrap();
    let decision = made.decisions.last().unwrap();
    let record = decision.training.clone().unwrap();
    assert_eq!((record.end, record.limit_s), (TrainingEnd::TimeLimit, Some(1)));
    assert!(record.epochs_done < record.epochs);
    assert!(decision.reason.contains("ended by the time limit"), "{}", decision.reason);
    let again = limited.as_done(&record);
    assert_eq!((again.limit_s, again.stopped_after), (None, Some(record.epochs_done)));
    let repeated = train(student, &again, &calibration).unwrap();
    assert_eq!(repeated.graph.encode(), made.graph.encode());
    let second = repeated.decisions.last().unwrap().training.clone().unwrap();
    assert_eq!((second.curve, second.end), (record.curve, record.end));
}

#[test]
fn a_dry_run_estimates_the_time_of_training() {
    let folder = tempfile::tempdir().unwrap();
    let study = folder.path().join("study.toml");
    let quoted = |path: PathBuf| format!("{path:?}");
    let text = STUDY.replace("MODEL", &quoted(digits("digits_cnn.onnx")));
    let text = text.replace("DATA", &quoted(digits("digits.npz")));
    let limited = "[[variant]]\nname = \"limited\"\nsteps = [{ distill = true, epochs = 100000, limit_s = 7 }]\n";
    std::fs::write(&study, text + limited).unwrap();
    let ended = paring(folder.path(), &["run", study.to_str().unwrap(), "--dry-run", "--json"]);
    let ended = ended.success();
    let plan: serde_json::Value = serde_json::from_slice(&ended.get_output().stdout).unwrap();
    let training = plan["training_estimate_s"].as_array().unwrap();
    assert_eq!(training.len(), 2, "{plan}");
    assert_eq!(
        (&training[0]["variant"], &training[1]["variant"]),
        (&"trained".into(), &"limited".into())
    );
    let seconds = |at: usize| training[at]["s"].as_f64().unwrap();
    assert!(seconds(0) > 0.0);
    // The time limit is shorter than any machine would take.
    assert_eq!(seconds(1), 7.0);
}

#[test]
fn labels_of_samples_are_no_labels_of_pixels() {
    let mut graph = Graph::empty("pixels", 17);
    let sizes = [1, 1, 5, 5].map(DimensionSize::Fixed);
    graph.add_input("x", Dtype::F32, &sizes);
    graph.set_weights("w", Weights::f32(&[2, 1, 1, 1], &[1.0, -1.0]));
    graph.add_node(Node {
        op_type: "Conv".into(),
        name: "head".into(),
        input: vec!["x".into(), "w".into()],
        output: vec!["y".into()],
        ..Node::default()
    });
    graph.add_output("y");
    let values = (0..40 * 25).map(|i| (i % 7) as f32 - 3.0).collect();
    let x = ArrayD::from_shape_vec(IxDyn(&[40, 1, 5, 5]), values).unwrap();
    let calibration = Calibration {
        inputs: BTreeMap::from([("x".to_string(), Array::F32(x))]),
        labels: vec![1; 40],
        rule: Some(DecisionRule { kind: TaskKind::Segmentation, ..DecisionRule::default() }),
        ..samples(1)
    };
    let inputs = DistillationInputs {
        teacher: &graph,
        calibration: Some(&calibration),
        select: None,
        seed: 1,
    };
    let how = Distillation { labels: 1.0, ..short() };
    let error = distill(graph.clone(), Default::default(), &how, &inputs, &|_| {}).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("has 25 answers to 1 samples; leave `labels` out"), "{error}");
}

fn short() -> Distillation {
    Distillation { epochs: Some(20), ..Distillation::default() }
}

#[test]
fn zeros_of_weights_stay_and_only_the_named_layers_move() {
    let given = Graph::load(&digits("digits_cnn.onnx")).unwrap();
    let student = spoilt(&given);
    let made = train(student.clone(), &short(), &samples(64)).unwrap();
    let training = made.decisions.last().unwrap().training.clone().unwrap();
    assert!(training.best_epoch > 0);
    let (mut zeros, mut moved) = (0, 0);
    for change in &training.changes {
        let Ok(before) = student.weights(&change.tensor) else { continue };
        let before = before.to_f32().unwrap();
        let after = made.graph.weights(&change.tensor).unwrap().to_f32().unwrap();
        let matrix = student.dims(&change.tensor).unwrap().len() > 1;
        for (was, is) in before.iter().zip(&after).filter(|_| matrix) {
            zeros += usize::from(*was == 0.0);
            moved += usize::from(was != is);
            assert!(*was != 0.0 || *is == 0.0, "{}", change.tensor);
        }
    }
    assert!(zeros > 30 && moved > 1000, "{zeros} {moved}");
    let layer = paring::graph::layer_names(&given).into_iter().next().unwrap();
    let one = Distillation { layers: Some(layer), ..short() };
    let made = train(student, &one, &samples(64)).unwrap();
    let decision = made.decisions.last().unwrap();
    assert!(decision.members.len() <= 2, "{:?}", decision.members);
}

#[test]
fn nothing_better_leaves_the_start_and_says_so() {
    let given = Graph::load(&digits("digits_cnn.onnx")).unwrap();
    let student = spoilt(&given);
    let wild = Distillation { rate: 1e30, ..short() };
    let made = train(student, &wild, &samples(64)).unwrap();
    let decision = made.decisions.last().unwrap();
    let training = decision.training.clone().unwrap();
    assert_eq!((training.end, training.best_epoch), (TrainingEnd::NotFinite, 0));
    assert!(decision.reason.contains("NaN or infinite"), "{}", decision.reason);
    assert!(decision.reason.starts_with("nothing changed"), "{}", decision.reason);
    assert!(decision.paring.0.is_empty());
}

#[test]
fn what_cannot_be_trained_is_named() {
    let given = Graph::load(&digits("digits_cnn.onnx")).unwrap();
    #[track_caller]
    fn refused(made: Result<StepResult, CompressError>, expected: &str) {
        let error = made.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    refused(
        train(given.clone(), &short(), &samples(20)),
        "distilling needs 32 calibration samples at least, there are 20",
    );
    let labelled = Distillation { labels: 1.0, ..short() };
    let unlabelled = Calibration { labels: vec![], ..samples(40) };
    refused(
        train(given.clone(), &labelled, &unlabelled),
        "the calibration samples have no classes",
    );
    let how =
        PostTrainingQuantization::new(QuantizationFormat::Int8, QuantizationGranularity::Tensor);
    let made = quantize(given.clone(), Default::default(), &how, Some(&samples(40))).unwrap();
    refused(train(made.graph, &short(), &samples(40)), "computes in integers; distill before");
    let mut more = given.clone();
    let inner = more.nodes()[0].output[0].clone();
    more.add_output(&inner);
    refused(train(more, &short(), &samples(40)), "they cannot be compared");
    let nowhere = Distillation { layers: Some("attic.*".into()), ..short() };
    refused(train(given.clone(), &nowhere, &samples(40)), "matches `attic.*`");
    let mut broken = samples(40);
    let Array::F32(values) = broken.inputs.values_mut().next().unwrap() else { panic!() };
    values.fill(f32::INFINITY);
    assert!(train(given, &short(), &broken).is_err());
    assert_eq!(samples(1).inputs.values().next().unwrap().dtype(), Dtype::F32);
}

#[test]
fn labels_are_trained_on_where_they_are_wanted() {
    let student = spoilt(&Graph::load(&digits("digits_cnn.onnx")).unwrap());
    let how = Distillation { labels: 0.5, ..short() };
    let made = train(student, &how, &samples(64)).unwrap();
    let training = made.decisions.last().unwrap().training.clone().unwrap();
    assert!(training.labels_used && training.best_epoch > 0);
}

#[test]
fn a_simulated_quantization_lowers_the_loss_of_the_quantized_model() {
    let given = Graph::load(&digits("digits_cnn.onnx")).unwrap();
    let how =
        PostTrainingQuantization::new(QuantizationFormat::Int8, QuantizationGranularity::Tensor);
    for format in [QuantizationFormat::Int8, QuantizationFormat::Int4Weights] {
        let how = PostTrainingQuantization { format, ..how.clone() };
        let simulated = Distillation { epochs: Some(20), ..Distillation::simulating(how) };
        let made = train(given.clone(), &simulated, &samples(128)).unwrap();
        let training = made.decisions.last().unwrap().training.clone().unwrap();
        assert!(training.best_epoch > 0, "{format:?} {:?}", training.curve);
        // It is still a float model, which the quantize step behind it narrows.
        assert!(made.graph.nodes().iter().all(|node| !node.op_type.starts_with("QLinear")));
    }
}

/// The answers of a model to samples, one after the other.
fn answers(graph: &Graph, samples: &Calibration) -> Vec<f32> {
    let bytes = graph.encode();
    let at = engine::DimensionBindings { batch: 1, dims: &BTreeMap::new() };
    let model = engine::AnalysedModel::load(ModelSource::Bytes("model", &bytes), at).unwrap();
    let plan = model.optimise(&EngineOptions::default()).unwrap();
    let of = |batch| plan.run_numbers(&plan.inputs(&samples.arrays(batch)).unwrap()).unwrap();
    (0..samples.batches()).flat_map(of).flatten().collect()
}

#[test]
fn a_quantized_model_comes_nearer_to_its_baseline_behind_training() {
    let given = Graph::load(&digits("digits_cnn.onnx")).unwrap();
    let (calibration, report) = (samples(256), samples_from(256, 500));
    for (format, judged) in
        [(QuantizationFormat::Int4Weights, &report), (QuantizationFormat::Int8, &calibration)]
    {
        let how = PostTrainingQuantization {
            depthwise: true,
            ..PostTrainingQuantization::new(format, QuantizationGranularity::Tensor)
        };
        let baseline = answers(&given, judged);
        let error = |graph: Graph| {
            let made = quantize(graph, Default::default(), &how, Some(&calibration)).unwrap();
            assert_eq!(made.unexplained, None, "{format:?}");
            let pairs = answers(&made.graph, judged).into_iter().zip(&baseline);
            pairs.map(|(own, was)| f64::from(own - was).powi(2)).sum::<f64>()
        };
        let trained =
            train(given.clone(), &Distillation::simulating(how.clone()), &calibration).unwrap();
        let (before, behind) = (error(given.clone()), error(trained.graph));
        assert!(behind < before, "{format:?}: squared error {before} before, {behind} behind");
    }
}

#[test]
fn keys_of_a_study_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let study = folder.path().join("study.toml");
    for (step, expected) in [
        ("distill = false", "`distill` is true; leave the step out otherwise"),
        ("distill = true, epochs = 0", "`epochs` must be 1 or more, it is 0"),
        ("distill = true, rate = 0.0", "`rate` must be above 0, it is 0"),
        ("distill = true, mix = 2.0", "`mix` must be from 0 to 1, it is 2"),
        ("distill = true, ratio = 0.5", "`ratio` belongs to steps with `prune`"),
        (
            "quantize = \"int8\", layers = \"measured\", recover = \"distill\"",
            "simulates one precision",
        ),
    ] {
        let text = STUDY.split("[[variant]]").next().unwrap();
        let text = text.replace("MODEL", "\"m.onnx\"").replace("DATA", "\"d.npz\"");
        let text = format!("{text}\n[[variant]]\nname = \"v\"\nsteps = [{{ {step} }}]\n");
        std::fs::write(&study, text).unwrap();
        paring(folder.path(), &["compress", study.to_str().unwrap()])
            .code(2)
            .stderr(contains(expected));
    }
}
