//! Data without labels, outputs of any shape, type and number: what is compared with the baseline, what
//! has no value and why, and what a variant that cannot be evaluated does to the others.

mod common;

use common::{normal, paring};
use ndarray::{Array1, ArrayD, IxDyn};
use ndarray_npy::{NpzWriter, WritableElement};
use paring::arrays::{Array, Dtype, write_tensors};
use paring::files::ConfinedPath;
use paring::graph::{self, DimensionSize, Graph, Node, Weights};
use paring::measure::read_journal;
use paring::schema::{
    BlockData, BlockOutcome, ConditionRules, EngineOptions, Evaluation, ExecutionSetting,
    Explanation, FlipDirection, Job, JobModel, Metric, SCHEMA, SampleRules, Sha256Hex,
};
use paring::stats;
use paring::units::LatencyNs;
use predicates::str::contains;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

const SAMPLES: usize = 80;
const FEATURES: usize = 6;

fn node(graph: &mut Graph, op: &str, input: &[&str], output: &str) {
    graph.add_node(operator(op, input, output));
}

fn operator(op: &str, input: &[&str], output: &str) -> Node {
    Node {
        name: format!("{output}/{op}"),
        op_type: op.into(),
        input: input.iter().map(ToString::to_string).collect(),
        output: vec![output.into()],
        ..Node::default()
    }
}

/// Two products with a Relu between, `width` numbers a sample in `scores`; `batch` is that of the file.
fn products(width: usize, batch: DimensionSize) -> Graph {
    let mut rng = stats::generator(11, "products");
    let mut graph = Graph::empty("products", 13);
    graph.add_input("x", Dtype::F32, &[batch, DimensionSize::Fixed(FEATURES)]);
    for (name, shape) in [("first", [FEATURES, 12]), ("second", [12, width])] {
        let values: Vec<f32> = normal(&mut rng, &shape).iter().map(|v| 0.5 * v).collect();
        graph.set_weights(&format!("{name}.weight"), Weights::f32(&shape, &values));
    }
    node(&mut graph, "MatMul", &["x", "first.weight"], "first.out");
    node(&mut graph, "Relu", &["first.out"], "hidden");
    node(&mut graph, "MatMul", &["hidden", "second.weight"], "scores");
    graph
}

fn any() -> DimensionSize {
    DimensionSize::Symbol("N".into())
}

fn with_output(mut graph: Graph, op: &str, output: &str) -> Graph {
    node(&mut graph, op, &["scores"], output);
    graph.add_output(output);
    graph
}

/// Scores of `positions` of three classes, as `[N, positions, 3]`, or with positions in front.
fn sequence(positions: usize, batch: DimensionSize, in_front: bool) -> Graph {
    let size = match &batch {
        DimensionSize::Fixed(n) => *n as i64,
        _ => -1,
    };
    let mut graph = products(3 * positions, batch);
    graph.set_weights("shape", Weights::i64(&[3], &[size, positions as i64, 3]));
    node(&mut graph, "Reshape", &["scores", "shape"], "places");
    let mut softmax = operator("Softmax", &["places"], "chances");
    graph::set_int(&mut softmax, "axis", 2);
    graph.add_node(softmax);
    let mut turned = operator("Transpose", &["chances"], "y");
    graph::set_ints(&mut turned, "perm", if in_front { vec![1, 0, 2] } else { vec![0, 1, 2] });
    graph.add_node(turned);
    graph.add_output("y");
    graph
}

/// A folder with a model, its data and a study.
struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    /// Without labels, and with two columns that name subsets.
    fn new(graph: &Graph, task: &str, variants: &str) -> Case {
        Self::labelled::<i64>(graph, task, variants, None)
    }

    fn labelled<T: WritableElement>(
        graph: &Graph,
        task: &str,
        variants: &str,
        labels: Option<ArrayD<T>>,
    ) -> Case {
        let folder = tempfile::tempdir().unwrap();
        graph.save(&folder.path().join("model.onnx")).unwrap();
        let mut npz = NpzWriter::new(File::create(folder.path().join("data.npz")).unwrap());
        let x = normal(&mut stats::generator(12, "inputs"), &[SAMPLES, FEATURES]);
        npz.add_array("x", &x).unwrap();
        let half = |s: usize| i64::from(s.is_multiple_of(2));
        npz.add_array("half", &Array1::from_iter((0..SAMPLES).map(half))).unwrap();
        if let Some(labels) = labels {
            npz.add_array("labels", &labels).unwrap();
        }
        npz.finish().unwrap();
        let text = format!(
            "[study]\nname = \"free\"\nowner = \"tests\"\n[model]\npath = \"model.onnx\"\n\
             [data]\npath = \"data.npz\"\nslices = [\"half\"]\n\
             [protocol]\nblocks = 2\nsolo_ms = 5\npaired_ms = 5\n[task]\n{task}\n{variants}"
        );
        std::fs::write(folder.path().join("study.toml"), text).unwrap();
        Case { folder }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn paring(&self, arguments: &[&str]) -> assert_cmd::assert::Assert {
        paring(self.folder.path(), arguments)
    }

    fn study(&self, verb: &[&str]) -> assert_cmd::assert::Assert {
        let (study, out) = (self.at("study.toml"), self.at("run"));
        let rest = [study.to_str().unwrap(), "--out", out.to_str().unwrap()];
        self.paring(&[verb, &rest].concat())
    }

    /// The evaluation of a variant of the run.
    fn quality(&self, variant: &str) -> Evaluation {
        let folder = paring::pipeline::Folders::new(&self.at("run"));
        serde_json::from_slice(&std::fs::read(folder.quality(variant)).unwrap()).unwrap()
    }

    fn explain(&self, variant: &str) -> Explanation {
        let run = self.at("run");
        let few = ["--replicates", "2", "--groups", "3", "--quiet", "--robustness", "--csv"];
        let arguments = ["explain", run.to_str().unwrap(), "--variant", variant];
        self.paring(&[&arguments[..], &few].concat()).success();
        let bytes = std::fs::read(run.join("explain.json")).unwrap();
        let found = serde_json::from_slice::<Vec<Explanation>>(&bytes).unwrap().remove(0);
        let record = serde_json::to_value(&found).unwrap();
        for sentence in &found.narrative {
            assert!(sentence.holds(&record), "{}", sentence.text);
        }
        found
    }
}

/// Pruned far enough that answers change.
const BOTH: &str = "[[variant]]\nname = \"both\"\nsteps = [{ prune = \"channels\", ratio = 0.25, \
                    criterion = \"l2\" }, { quantize = \"int8\" }]\n";

/// What holds of every evaluation without labels.
#[track_caller]
fn unlabelled(found: &Evaluation, baseline: bool) {
    assert!(found.metrics.keys().all(|metric| metric.needs_baseline()), "{:?}", found.metrics);
    let needs_labels = found.missing.iter().filter(|(metric, _)| !metric.needs_baseline());
    for (metric, why) in needs_labels {
        assert_eq!(why.0, "no labels", "{metric}");
    }
    assert!(found.accuracy.is_none() && found.flip_kinds.is_none() && found.confusion.is_empty());
    assert!(found.classes.is_empty() && found.reliability.is_empty());
    assert_eq!(baseline, found.metrics.is_empty());
    assert_eq!(baseline, found.missing.contains_key(&found.primary));
}

/// A share strictly between none and all, inside its interval.
#[track_caller]
fn some(found: &Evaluation, metric: Metric) -> f64 {
    let own = found.value(metric).unwrap_or_else(|| panic!("{metric}: {:?}", found.missing));
    assert!(own.low <= own.value && own.value <= own.high && own.low < own.high, "{own:?}");
    assert!(own.value > 0.0 && (!metric.is_share() || own.value < 1.0), "{own:?}");
    own.value
}

#[test]
fn classes_without_labels_agree_with_the_baseline_or_not() {
    let graph = with_output(products(5, any()), "Softmax", "y");
    let case = Case::new(&graph, "", BOTH);
    case.study(&["run", "--quick"]).success();
    let (first, own) = (case.quality("baseline"), case.quality("both"));
    unlabelled(&first, true);
    unlabelled(&own, false);
    assert_eq!((own.primary, own.samples), (Metric::Agreement, SAMPLES / 2));
    let agreement = some(&own, Metric::Agreement);
    some(&own, Metric::KlDivergence);
    let flips = own.flips.unwrap();
    assert!((agreement - (1.0 - flips as f64 / own.samples as f64)).abs() < 1e-12);
    assert!(own.slices.iter().all(|s| s.metrics.contains_key(&Metric::Agreement)));
    let mut reader = csv::Reader::from_path(case.at("run/results.csv")).unwrap();
    let rows: Vec<BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    assert_eq!(rows[0]["metric_value"], "");
    assert_eq!(rows[0]["metric_missing"], "it is the baseline, which others are compared with");
    for (column, expected) in [
        ("metric", "agreement"),
        ("metric_value", &format!("{agreement:.6}")),
        ("metric_missing", ""),
        ("accuracy", ""),
        ("ece", ""),
        ("flips", &flips.to_string()),
        ("flips_right_to_wrong", ""),
        ("flips_p_value", ""),
    ] {
        assert_eq!(rows[1][column], expected, "{column}");
    }
    let found = case.explain("both");
    assert_eq!(found.main.metric, "agreement");
    let total = found.totals.iter().find(|t| t.metric == "agreement" && t.of.is_none()).unwrap();
    assert_eq!((total.baseline, total.samples), (1.0, Some(SAMPLES / 2)));
    assert!((total.variant - agreement).abs() < 1e-12);
    let of = |e: &&paring::schema::Effect| e.metric == "agreement" && e.of.is_none();
    let sum: f64 = found.effects.iter().filter(of).map(|e| e.shapley.unwrap().value).sum();
    assert!((sum - total.change.value).abs() < 1e-9);
    assert!(found.effects.iter().any(|e| e.metric == "slice_agreement"));
    assert!(found.effects.iter().all(|e| e.metric != "accuracy" && e.metric != "ece"));
    assert!(found.flips.iter().all(|f| f.label.is_none() && f.kind == FlipDirection::Changed));
    assert_eq!((found.flip_counts.changed, found.flip_counts.lost), (flips, 0));
    assert!(found.blame.iter().any(|b| b.changed_alone > 0));
    assert!(found.hits.iter().all(|h| h.label.is_none() && h.region.is_none() && h.lost > 0.0));
    let robust = found.effects.iter().filter(|e| e.metric == "robustness").count();
    assert!(robust > 0);
}

#[test]
fn a_metric_that_needs_labels_is_refused_without_them() {
    let graph = with_output(products(5, any()), "Softmax", "y");
    let case = Case::new(&graph, "metric = \"accuracy\"", BOTH);
    case.study(&["compress"]).code(2).stderr(contains(
        "metric `accuracy` needs labels, and the data have none; without labels there are `agreement`, `kl_divergence`",
    ));
    let case = Case::new(&graph, "metric = \"kl_divergence\"", BOTH);
    case.study(&["compress", "--evaluate"])
        .success()
        .stderr(contains("has no labels: variants are only compared with the baseline"));
    assert_eq!(case.quality("both").primary, Metric::KlDivergence);
    assert_eq!(case.explain("both").main.metric, "kl_divergence");
}

#[test]
fn every_task_does_without_labels() {
    let pixels = {
        let mut graph = products(3 * 4, any());
        graph.set_weights("shape", Weights::i64(&[4], &[-1, 3, 2, 2]));
        node(&mut graph, "Reshape", &["scores", "shape"], "y");
        graph.add_output("y");
        graph
    };
    let numbers = || with_output(products(4, any()), "Identity", "y");
    let sigmoid = with_output(products(4, any()), "Sigmoid", "y");
    let one = with_output(products(1, any()), "Identity", "y");
    for (graph, task, primary, others) in [
        (numbers(), "regression", Metric::RelativeL2, vec![Metric::Sqnr]),
        (pixels.clone(), "scores", Metric::RelativeL2, vec![Metric::Sqnr]),
        (
            one,
            "scores\"\nthreshold = 0.1\nscores = \"logits",
            Metric::RelativeL2,
            vec![Metric::Agreement],
        ),
        (sigmoid, "multilabel", Metric::Agreement, vec![Metric::RelativeL2, Metric::Sqnr]),
        (
            pixels,
            "segmentation\"\nscores = \"logits",
            Metric::Agreement,
            vec![Metric::KlDivergence],
        ),
        (sequence(4, any(), true), "sequence", Metric::Agreement, vec![Metric::KlDivergence]),
    ] {
        let case = Case::new(&graph, &format!("kind = \"{task}\""), BOTH);
        case.study(&["compress", "--evaluate"]).success();
        unlabelled(&case.quality("baseline"), true);
        let own = case.quality("both");
        unlabelled(&own, false);
        assert_eq!(own.primary, primary, "{task}");
        some(&own, primary);
        for metric in others {
            assert!(own.value(metric).is_some(), "{task} {metric}: {:?}", own.missing);
        }
        if let (Some(ratio), Some(noise)) = (own.value(Metric::Sqnr), own.value(Metric::RelativeL2))
        {
            assert!((ratio.value + 20.0 * noise.value.log10()).abs() < 1e-9);
        }
        let found = case.explain("both");
        assert_eq!(found.main.metric, primary.to_string(), "{task}");
        let total = found.totals.iter().find(|t| t.metric == found.main.metric && t.of.is_none());
        let total = total.unwrap();
        assert!((total.variant - own.value(primary).unwrap().value).abs() < 1e-6, "{task}");
        assert!(found.effects.iter().any(|e| e.metric == found.main.metric && e.shapley.is_some()));
    }
}

/// The same answers, wherever the samples' axis is and however many samples go in at once.
#[test]
fn sequences_are_read_with_positions_in_front_or_behind() {
    let agreements: Vec<(f64, f64)> =
        [(any(), true), (any(), false), (DimensionSize::Fixed(4), true)]
            .into_iter()
            .map(|(batch, in_front)| {
                let fixed = batch != any();
                let graph = sequence(7, batch, in_front);
                let case = Case::new(&graph, "kind = \"sequence\"", BOTH);
                if fixed {
                    let text = std::fs::read_to_string(case.at("study.toml")).unwrap();
                    let text = text.replace("[data]", "batch = 4\n[data]");
                    std::fs::write(case.at("study.toml"), text).unwrap();
                }
                case.study(&["compress", "--evaluate"]).success();
                let own = case.quality("both");
                assert!(own.flips.unwrap() > 0);
                (some(&own, Metric::Agreement), some(&own, Metric::KlDivergence))
            })
            .collect();
    for (agreement, divergence) in &agreements {
        assert_eq!(*agreement, agreements[0].0);
        assert!((divergence - agreements[0].1).abs() < 1e-6);
    }
    // What has a class a position is no classification, and that is said.
    let case = Case::new(&sequence(7, any(), true), "", BOTH);
    let expected = "output has shape [7, 1, 3] for 1 samples; classification needs [samples, classes]; of one class a position say `kind = \"sequence\"`";
    case.study(&["compress", "--evaluate"]).code(2).stderr(contains(expected));
}

#[test]
fn labelled_positions_are_right_or_wrong_and_padding_is_left_out() {
    let graph = sequence(3, any(), false);
    let x = normal(&mut stats::generator(12, "inputs"), &[SAMPLES, FEATURES]);
    let all = common::outputs(&graph, &BTreeMap::from([("x".to_string(), Array::F32(x))]));
    let top = |row: &[f32]| (1..3).fold(0, |best, c| if row[c] > row[best] { c } else { best });
    let mut labels: Vec<i64> = all.chunks(3).map(|row| top(row) as i64).collect();
    // Of every sample the first position is wrong, and the last is padding.
    labels.chunks_mut(3).for_each(|own| (own[0], own[2]) = ((own[0] + 1) % 3, -100));
    let labels = ArrayD::from_shape_vec(IxDyn(&[SAMPLES, 3]), labels).unwrap();
    let case = Case::labelled(&graph, "kind = \"sequence\"", BOTH, Some(labels.clone()));
    case.study(&["compress", "--evaluate"]).success();
    let found = case.quality("baseline");
    assert_eq!(found.primary, Metric::Accuracy);
    assert_eq!(found.value(Metric::Accuracy).unwrap().value, 0.5);
    let other = labels.index_axis_move(ndarray::Axis(1), 0);
    let case = Case::labelled(&graph, "kind = \"sequence\"", BOTH, Some(other));
    case.study(&["compress", "--evaluate"]).code(2).stderr(contains("need [3]"));
}

#[test]
fn a_folder_without_a_column_of_labels_and_eval_of_two_models() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    with_output(products(5, any()), "Softmax", "y").save(&at("a.onnx")).unwrap();
    let mut other = with_output(products(5, any()), "Softmax", "y");
    let shaken: Vec<f32> = other.weights("second.weight").unwrap().to_f32().unwrap();
    let shaken: Vec<f32> =
        shaken.iter().enumerate().map(|(i, v)| v + 0.3 * (i % 3) as f32).collect();
    other.set_weights("second.weight", Weights::f32(&[12, 5], &shaken));
    other.save(&at("b.onnx")).unwrap();
    std::fs::create_dir(at("data")).unwrap();
    let mut table = "file\n".to_string();
    let mut rng = stats::generator(13, "files");
    for sample in 0..40 {
        ndarray_npy::write_npy(at(&format!("data/{sample}.npy")), &normal(&mut rng, &[FEATURES]))
            .unwrap();
        table += &format!("{sample}.npy\n");
    }
    std::fs::write(at("data/labels.csv"), table).unwrap();
    let [a, b, data] = ["a.onnx", "b.onnx", "data"].map(|name| at(name).display().to_string());
    let arguments =
        ["eval", &a, &b, "--data", &data, "--flow", "--robustness", "--json", "--quiet"];
    let ended = paring(folder.path(), &arguments).success();
    let found: serde_json::Value = serde_json::from_slice(&ended.get_output().stdout).unwrap();
    let of = |model: usize| -> Evaluation {
        serde_json::from_value(found[model]["evaluation"].clone()).unwrap()
    };
    unlabelled(&of(0), true);
    unlabelled(&of(1), false);
    some(&of(1), Metric::Agreement);
    // Undisturbed, all of the baseline's answers are its own.
    let noise = of(0).robustness;
    assert!(!noise.is_empty() && noise.iter().all(|r| r.metric == Metric::Agreement));
    assert!(
        noise
            .iter()
            .all(|r| r.drop.value <= 0.0 && (r.value.value - 1.0 - r.drop.value).abs() < 1e-12)
    );
    let arguments = ["eval", &a, &b, "--data", &data, "--metric", "accuracy", "--quiet"];
    paring(folder.path(), &arguments).code(2).stderr(contains("metric `accuracy` needs labels"));
}

/// Scores of a quantized model are what its scale says they are.
#[test]
fn quantized_scores_are_dequantized_and_bare_integers_are_named() {
    let quantized = |scale: f32| {
        let mut graph = products(12, any());
        node(&mut graph, "Softmax", &["scores"], "chances");
        graph.set_weights("scale", Weights::f32(&[], &[scale]));
        graph.set_weights("zero", Weights::i8(&[], &[-128]));
        node(&mut graph, "QuantizeLinear", &["chances", "scale", "zero"], "y");
        graph
    };
    let mut graph = quantized(1.0 / 256.0);
    graph.add_output("y");
    let float = with_output(products(12, any()), "Softmax", "y");
    let variants = "[[variant]]\nname = \"float\"\nimport = \"float.onnx\"\n";
    let case = Case::new(&graph, "", variants);
    float.save(&case.at("float.onnx")).unwrap();
    case.study(&["compress", "--evaluate"]).success();
    let own = case.quality("float");
    assert!(own.value(Metric::Agreement).unwrap().value > 0.9);
    // Rounding to 1/256 moves probabilities by little; taken as they are stored they would be far off.
    assert!(own.value(Metric::KlDivergence).unwrap().value < 0.02);
    let mut bare = products(12, any());
    node(&mut bare, "Softmax", &["scores"], "chances");
    bare.set_weights("many", Weights::f32(&[], &[200.0]));
    node(&mut bare, "Mul", &["chances", "many"], "large");
    let mut cast = operator("Cast", &["large"], "y");
    graph::set_int(&mut cast, "to", 2);
    bare.add_node(cast);
    bare.add_output("y");
    let case = Case::new(&bare, "", BOTH);
    case.study(&["compress", "--evaluate"]).code(2).stderr(contains(
        "output `y` holds uint8 numbers, which are no probabilities, and no QuantizeLinear or QLinear operator gives them a scale; say `scores = \"logits\"` under [task]",
    ));
    Case::new(&bare, "scores = \"logits\"", BOTH).study(&["compress", "--evaluate"]).success();
}

/// Classes and their probabilities, as exports of classifiers have them.
fn classifier() -> Graph {
    let mut graph = products(5, any());
    let mut top = operator("ArgMax", &["scores"], "top");
    graph::set_int(&mut top, "axis", 1);
    graph::set_int(&mut top, "keepdims", 0);
    graph.add_node(top);
    let mut cast = operator("Cast", &["top"], "label");
    graph::set_int(&mut cast, "to", 7);
    graph.add_node(cast);
    node(&mut graph, "Softmax", &["scores"], "probabilities");
    graph.add_output("label");
    graph.add_output("probabilities");
    graph
}

#[test]
fn the_only_output_of_floats_is_judged_and_several_are_listed() {
    let case = Case::new(&classifier(), "", BOTH);
    case.study(&["compress", "--evaluate"]).success();
    some(&case.quality("both"), Metric::Agreement);
    case.explain("both");
    let mut two = classifier();
    two.add_output("scores");
    Case::new(&two, "", BOTH).study(&["compress"]).code(2).stderr(contains(
        "the model has the outputs `label` (int64 [1]), `probabilities` (float32 [1, 5]), `scores` (float32 [1, 5]); \
         name the one to judge: `output = \"probabilities\"` under [task], or `--output probabilities`",
    ));
}

#[test]
fn a_variant_that_cannot_be_evaluated_does_not_stop_the_others() {
    let graph = with_output(products(5, any()), "Softmax", "y");
    let variants = "[[variant]]\nname = \"logits\"\nimport = \"logits.onnx\"\n";
    let case = Case::new(&graph, "", &format!("{variants}{BOTH}"));
    with_output(products(5, any()), "Identity", "y").save(&case.at("logits.onnx")).unwrap();
    let why = "evaluate variant `logits`: the scores of sample";
    case.study(&["compress", "--evaluate"])
        .code(2)
        .stdout(contains(format!("not evaluated: {why}")))
        .stderr(contains(format!("1 variant was not evaluated: {why}")));
    some(&case.quality("both"), Metric::Agreement);
    std::fs::remove_dir_all(case.at("run")).unwrap();
    case.study(&["run", "--quick"]).code(2).stdout(contains("not evaluated: logits: evaluate"));
    let mut reader = csv::Reader::from_path(case.at("run/results.csv")).unwrap();
    let rows: Vec<BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    let of = |name: &str| rows.iter().find(|row| row["variant"] == name).unwrap();
    assert!(of("logits")["metric_missing"].starts_with(why));
    assert_eq!(of("logits")["metric_value"], "");
    assert!(!of("logits")["latency_p50_ns"].is_empty(), "it was measured all the same");
    assert_eq!(of("both")["metric_missing"], "");
}

/// A job of one model, in blocks of a few milliseconds.
fn job(folder: &Path, model: &Path) -> PathBuf {
    let x = normal(&mut stats::generator(14, "job"), &[8, FEATURES]);
    let inputs = write_tensors(&BTreeMap::from([("x".into(), Array::F32(x))])).unwrap();
    std::fs::write(folder.join("inputs.safetensors"), &inputs).unwrap();
    let sha256 = Sha256Hex::of_file(model).unwrap();
    let ms = |n: u64| LatencyNs(n * 1_000_000);
    let job = Job {
        schema: SCHEMA,
        measurement_sha256: Sha256Hex::of(b"rules"),
        seed: 0,
        blocks: 2,
        stop: None,
        sustained_ns: None,
        rules: SampleRules {
            warmup_min_ns: ms(2),
            warmup_max_ns: ms(20),
            solo_ns: ms(5),
            paired_ns: ms(5),
            burst_ns: ms(1),
            max_samples: 500,
            limit_ns: ms(20_000),
            retries: 1,
        },
        inputs: "inputs.safetensors".into(),
        inputs_sha256: Sha256Hex::of(&inputs),
        settings: vec![ExecutionSetting::of_batch(1)],
        affinity: vec![],
        conditions: ConditionRules { repeats: 0, ..ConditionRules::default() },
        emulated: false,
        dims: BTreeMap::new(),
        models: vec![JobModel {
            name: "classifier".into(),
            variant_id: sha256.clone(),
            path: model.to_path_buf(),
            sha256,
            options: EngineOptions::default(),
            baseline: true,
        }],
        energy: None,
    };
    let path = folder.join("job.json");
    std::fs::write(&path, serde_json::to_vec(&job).unwrap()).unwrap();
    path
}

/// The engine keeps such integers behind pointers, which no two processes have in common.
#[test]
fn blocks_of_a_model_with_integer_outputs_agree() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("classifier.onnx");
    classifier().save(&model).unwrap();
    let (job, journal) = (job(folder.path(), &model), folder.path().join("journal.jsonl"));
    let arguments = ["agent", "run", job.to_str().unwrap(), journal.to_str().unwrap()];
    paring(folder.path(), &arguments).success();
    let records = read_journal(&ConfinedPath::file(&journal)).unwrap();
    let digests: Vec<String> = records
        .iter()
        .map(|record| match &record.outcome {
            BlockOutcome::Done { data: BlockData::Solo(solo) } => {
                format!("{:?}", solo.output_sha256)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(digests.len() >= 2 && digests.iter().all(|d| *d == digests[0]), "{digests:?}");
    let summary = paring::measure::JournalSummary::new(&records);
    let id = &records[0].attempt.key.variant_id;
    let found = summary.measurement(id, ExecutionSetting::of_batch(1), true, 2);
    let differ = |reason: &&String| reason.contains("differ");
    assert_eq!(found.invalid_reasons.iter().find(differ), None, "{:?}", found.invalid_reasons);
}
