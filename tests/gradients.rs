//! Backward passes against differences of the loss, and against onnx.checker and ONNX Runtime.
//!
//! `PARING_GRADIENTS` is the number of cases, at least one of each operator; against differences in
//! 64-bit floats at least two.

mod common;

use common::gradient_cases::{self, GradientCase};
use common::{python, skipped};
use ndarray::{ArrayD, Axis, IxDyn};
use ndarray_npy::NpzWriter;
use paring_agent::arrays::{Array, Dtype};
use paring_agent::engine::{self, AnalysedModel, ModelSource};
use paring_compress::gradient::{
    BackwardGraph, BackwardPass, BackwardRequest, GradientForm, GradientTarget, LossFunction,
    LossReduction, LossTerm, RoundingGradient, backward_graph,
};
use paring_core::schema::{EngineOptions, ScoreKind};
use paring_core::stats;
use paring_onnx::graph::{DimensionSize, Graph, Node, Weights};
use rand::RngExt;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::Command;

/// Step of the differences; kinks are farther away than two of them.
const STEP: f32 = 0.05;
/// Largest deviation from the differences, of the norm of the products with the direction.
const TOLERANCE: f64 = 2e-4;

fn backward(graph: &Graph, function: LossFunction, targets: &[String]) -> BackwardGraph {
    let bytes = graph.encode();
    let signature = engine::describe(ModelSource::Bytes(graph.name(), &bytes)).unwrap();
    let batch = signature.fixed_batch().unwrap_or(1);
    let facts = graph.facts(&BTreeMap::new(), batch).unwrap();
    let term = LossTerm { tensor: "y".into(), function, weight: 1.0 };
    let targets = targets.iter().map(|name| GradientTarget::tensor(name)).collect();
    let request = BackwardRequest::new(vec![term], targets);
    backward_graph(graph, &facts, &request).unwrap()
}

fn output(graph: &Graph, inputs: &BTreeMap<String, Array>) -> ArrayD<f32> {
    let bytes = graph.encode();
    let model = AnalysedModel::load_fixed(ModelSource::Bytes(graph.name(), &bytes)).unwrap();
    let plan = model.optimise(&EngineOptions::default()).unwrap();
    plan.run(&plan.inputs(inputs).unwrap()).unwrap().remove(0)
}

/// The values of a target.
fn values(case: &GradientCase, target: &str) -> ArrayD<f32> {
    match case.inputs.get(target) {
        Some(Array::F32(values)) => values.clone(),
        _ => {
            let stored = case.graph.weights(target).unwrap();
            ArrayD::from_shape_vec(IxDyn(&stored.dims), stored.to_f32().unwrap()).unwrap()
        }
    }
}

/// The case with other values of a target.
fn moved(case: &GradientCase, target: &str, values: &ArrayD<f32>) -> ArrayD<f32> {
    let (mut graph, mut inputs) = (case.graph.clone(), case.inputs.clone());
    match inputs.get_mut(target) {
        Some(own) => *own = Array::F32(values.clone()),
        None => {
            let flat: Vec<f32> = values.iter().copied().collect();
            graph.set_weights(target, Weights::f32(values.shape(), &flat));
        }
    }
    output(&graph, &inputs)
}

fn inner(a: &ArrayD<f32>, b: &ArrayD<f32>) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// The deviation of one target's gradient from differences of fourth order along a random direction,
/// relative to the norm of the products.
fn deviation(case: &GradientCase, target: &str, seed: u64) -> f64 {
    let mut rng = stats::generator(seed, target);
    let y = output(&case.graph, &case.inputs);
    let random = |rng: &mut stats::SeededGenerator, shape: &[usize]| {
        ArrayD::from_shape_simple_fn(IxDyn(shape), || rng.random_range(-1.0f32..1.0))
    };
    let weights = random(&mut rng, y.shape());
    let backward = backward(&case.graph, LossFunction::Weighted, &[target.to_string()]);
    assert!(backward.refusals.is_empty(), "{}: {:?}", case.name, backward.refusals);
    let mut inputs = case.inputs.clone();
    inputs.insert(backward.inputs[0].name.clone(), Array::F32(weights.clone()));
    let found = BackwardPass::load(&backward).unwrap().run(&inputs).unwrap();
    let expected = inner(&y, &weights);
    assert!((found.loss - expected).abs() < 1e-4 * (1.0 + expected.abs()), "{}", case.name);
    let gradient = &found.gradients[0];
    let start = values(case, target);
    assert_eq!(gradient.shape(), start.shape(), "{}", case.name);
    let direction = random(&mut rng, start.shape());
    let at = |steps: f32| {
        let place = &start + &(&direction * (steps * STEP));
        inner(&moved(case, target, &place), &weights)
    };
    let slope = (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * f64::from(STEP));
    let products = gradient.iter().zip(&direction);
    let norm: f64 = products.map(|(g, d)| f64::from(g * d).powi(2)).sum::<f64>().sqrt();
    (slope - inner(gradient, &direction)).abs() / (norm + slope.abs() + 1e-2)
}

/// Cases that are asked for.
fn wanted_cases() -> usize {
    std::env::var("PARING_GRADIENTS").ok().and_then(|count| count.parse().ok()).unwrap_or(128)
}

#[test]
fn gradients_are_the_limits_of_differences() {
    let wanted = wanted_cases();
    let mut worst: BTreeMap<String, f64> = BTreeMap::new();
    let (mut count, mut wrong) = (0, Vec::new());
    for seed in 0.. {
        if count >= wanted && seed > 0 {
            break;
        }
        for case in gradient_cases::all(seed) {
            for target in &case.targets {
                let found = deviation(&case, target, seed);
                let own = worst.entry(case.name.clone()).or_default();
                *own = own.max(found);
                if found.is_nan() || found > TOLERANCE {
                    wrong.push(format!("{} of seed {seed}, `{target}`: {found:.1e}", case.name));
                }
            }
            count += 1;
        }
    }
    worst.iter().for_each(|(name, deviation)| println!("{name}: {deviation:.1e}"));
    println!("{count} cases");
    assert!(wrong.is_empty(), "{} deviate:\n{}", wrong.len(), wrong.join("\n"));
}

/// What onnx.checker, ONNX Runtime and differences in 64-bit floats say of a backward graph.
#[derive(serde::Deserialize)]
struct Judgement {
    name: String,
    checker: Option<String>,
    /// The largest deviation of ONNX Runtime's outputs; `None` where shapes differ.
    runtime: Option<f64>,
    /// The largest deviation from differences; `None` where onnx's evaluator has other outputs than
    /// ONNX Runtime and we have.
    differences: Option<f64>,
}

/// Writes a case's forward graph, backward graph, inputs and our outputs.
fn write_case(folder: &Path, name: &str, case: &GradientCase) {
    let y = output(&case.graph, &case.inputs);
    let mut rng = stats::generator(1, name);
    let weights = ArrayD::from_shape_simple_fn(y.raw_dim(), || rng.random_range(-1.0f32..1.0));
    let backward = backward(&case.graph, LossFunction::Weighted, &case.targets);
    let mut inputs = case.inputs.clone();
    inputs.insert(backward.inputs[0].name.clone(), Array::F32(weights.clone()));
    let found = BackwardPass::load(&backward).unwrap().run(&inputs).unwrap();
    case.graph.save(&folder.join(format!("{name}.forward.onnx"))).unwrap();
    backward.graph.save(&folder.join(format!("{name}.onnx"))).unwrap();
    let file = File::create(folder.join(format!("{name}.npz"))).unwrap();
    let mut arrays = NpzWriter::new(file);
    for (name, values) in &inputs {
        match values {
            Array::F32(values) => arrays.add_array(name, values).unwrap(),
            Array::I64(values) => arrays.add_array(name, values).unwrap(),
            _ => unreachable!(),
        };
    }
    arrays.add_array("WEIGHTS", &weights).unwrap();
    for (own, values) in backward.gradients.iter().zip(&found.gradients) {
        let output = own.output.as_ref().unwrap();
        arrays.add_array(format!("OURS/{output}"), values).unwrap();
    }
    arrays.add_array("OURS/y", &found.answers[0]).unwrap();
    arrays.finish().unwrap();
}

#[test]
fn backward_graphs_are_valid_and_mean_the_same_elsewhere() {
    let Some(python) = python() else {
        return skipped("backward graphs in ONNX Runtime, because there is no Python with it");
    };
    let folder = tempfile::tempdir().unwrap();
    let kinds = gradient_cases::all(0).len();
    let seeds = (wanted_cases() / kinds).max(2);
    for seed in 0..seeds as u64 {
        for (number, case) in gradient_cases::all(seed).iter().enumerate() {
            let op = case.name.split([' ', ',']).next().unwrap();
            write_case(folder.path(), &format!("{number:02}-{op}-{seed}"), case);
        }
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gradients/reference.py");
    let ran = Command::new(python).arg(script).arg(folder.path()).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let judged = std::fs::read(folder.path().join("judged.json")).unwrap();
    let judged: Vec<Judgement> = serde_json::from_slice(&judged).unwrap();
    assert_eq!(judged.len(), seeds * kinds);
    let unlike = judged.iter().filter(|judgement| judgement.differences.is_none()).count();
    println!("{} cases, {unlike} of them not compared in 64 bits", judged.len());
    assert!(unlike < 2 * seeds, "{unlike}");
    let mut wrong = Vec::new();
    for Judgement { name, checker, runtime, differences } in judged {
        let near = |found: Option<f64>| found.is_some_and(|far| far < 1e-5);
        if checker.is_some() || !near(runtime) || !near(differences.or(Some(0.0))) {
            wrong.push(format!("{name}: {checker:?}, {runtime:?}, {differences:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}

fn node(op: &str, inputs: &[&str], output: &str) -> Node {
    Node {
        op_type: op.into(),
        name: format!("{op} {output}"),
        input: inputs.iter().map(|input| input.to_string()).collect(),
        output: vec![output.into()],
        ..Node::default()
    }
}

fn array(dims: &[usize], values: &[f32]) -> Array {
    Array::F32(ArrayD::from_shape_vec(IxDyn(dims), values.to_vec()).unwrap())
}

/// x `[2, 4]` times stored weights, through a last node that gives `y`, `[2, 3]`.
fn classifier(last: &str) -> Graph {
    let mut graph = Graph::empty("classifier", 17);
    graph.add_input("x", Dtype::F32, &[DimensionSize::Fixed(2), DimensionSize::Fixed(4)]);
    let weights: Vec<f32> = (0..12).map(|at| ((at * 7 % 12) as f32 - 5.0) / 6.0).collect();
    graph.set_weights("w", Weights::f32(&[4, 3], &weights));
    graph.add_node(node("MatMul", &["x", "w"], "z"));
    graph.add_node(node(last, &["z"], "y"));
    graph.add_output("y");
    graph
}

#[test]
fn losses_fall_along_their_gradients() {
    let softened = |scores| LossFunction::KullbackLeibler { scores, temperature: 2.5 };
    let target = array(&[2, 3], &[0.2, 0.5, 0.3, 0.7, 0.1, 0.2]);
    let labels = Array::I64(ArrayD::from_shape_vec(IxDyn(&[2]), vec![2, 0]).unwrap());
    for (last, function) in [
        ("Softmax", LossFunction::CrossEntropy(ScoreKind::Probabilities)),
        ("Sigmoid", LossFunction::CrossEntropy(ScoreKind::Probabilities)),
        ("Tanh", LossFunction::CrossEntropy(ScoreKind::Logits)),
        ("Softmax", softened(ScoreKind::Probabilities)),
        ("Sigmoid", softened(ScoreKind::Probabilities)),
        ("Tanh", softened(ScoreKind::Logits)),
        ("Tanh", LossFunction::SquaredError),
        ("Tanh", LossFunction::Weighted),
    ] {
        let graph = classifier(last);
        // With its own gradient asked for, a softmax's output is where the pass begins.
        for targets in [vec!["x".to_string()], vec!["x".into(), "y".into()]] {
            let backward = backward(&graph, function, &targets);
            let read = backward.inputs[0].name.clone();
            let labelled = matches!(function, LossFunction::CrossEntropy(_));
            let given = if labelled { labels.clone() } else { target.clone() };
            let pass = BackwardPass::load(&backward).unwrap();
            let at = |place: usize, step: f32| {
                let mut x = [0.3, -0.7, 1.1, 0.4, -1.2, 0.8, 0.1, -0.5f32];
                x[place] += step;
                let arrays = [("x".to_string(), array(&[2, 4], &x)), (read.clone(), given.clone())];
                pass.run(&BTreeMap::from(arrays)).unwrap()
            };
            let gradient = at(0, 0.0).gradients.remove(0);
            for place in 0..8 {
                let loss = |steps: f32| at(place, steps * STEP).loss;
                let slope = (8.0 * (loss(1.0) - loss(-1.0)) - (loss(2.0) - loss(-2.0)))
                    / (12.0 * f64::from(STEP));
                let own = f64::from(gradient[[place / 4, place % 4]]);
                assert!((slope - own).abs() < 2e-4, "{last} {function:?}: {slope} {own}");
            }
        }
    }
}

#[test]
fn probabilities_that_become_zero_leave_losses_finite() {
    let softened = |scores| LossFunction::KullbackLeibler { scores, temperature: 1.0 };
    let labels = Array::I64(ArrayD::from_shape_vec(IxDyn(&[2]), vec![2, 0]).unwrap());
    let target = array(&[2, 3], &[0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    for (function, given) in [
        (LossFunction::CrossEntropy(ScoreKind::Probabilities), &labels),
        (softened(ScoreKind::Probabilities), &target),
    ] {
        let backward = backward(&classifier("Softmax"), function, &["z".to_string()]);
        let x = array(&[2, 4], &[3e3, -7e3, 1e4, 4e3, -1e4, 8e3, 1e3, -5e3]);
        let inputs = BTreeMap::from([
            ("x".to_string(), x),
            (backward.inputs[0].name.clone(), given.clone()),
        ]);
        let found = BackwardPass::load(&backward).unwrap().run(&inputs).unwrap();
        assert!(found.answers[0].iter().any(|probability| *probability == 0.0), "{found:?}");
        assert!(found.loss.is_finite(), "{function:?}: {}", found.loss);
        let expected = found.answers[0].iter().zip([0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
        for (gradient, (probability, target)) in found.gradients[0].iter().zip(expected) {
            assert!((gradient * 2.0 - (probability - target)).abs() < 1e-6, "{found:?}");
        }
    }
}

#[test]
fn parts_of_a_gradient_add_up_and_variables_take_other_values() {
    let mut graph = classifier("Tanh");
    graph.add_node(node("Mul", &["y", "z"], "gated"));
    graph.add_output("gated");
    let facts = graph.facts(&BTreeMap::new(), 2).unwrap();
    let reading = |node: &str, slot| GradientTarget::reading(node, slot, GradientForm::Whole);
    let squared = |form| GradientTarget { form, ..GradientTarget::tensor("z") };
    let request = BackwardRequest {
        loss: vec![LossTerm {
            tensor: "gated".into(),
            function: LossFunction::SquaredError,
            weight: 0.5,
        }],
        reduction: LossReduction::Sum,
        targets: vec![
            GradientTarget::tensor("z"),
            reading("Tanh y", 0),
            reading("Mul gated", 1),
            squared(GradientForm::SquaredNorm),
            squared(GradientForm::SquaredNorms { axis: 1 }),
            GradientTarget::reading("MatMul z", 0, GradientForm::FactorDerivatives { axis: 1 }),
            GradientTarget::reading("MatMul z", 0, GradientForm::Whole),
        ],
        variables: vec!["w".into()],
        rounding: RoundingGradient::Zero,
    };
    let backward = backward_graph(&graph, &facts, &request).unwrap().complete().unwrap();
    assert_eq!(backward.graph.inputs(), ["x", "gated/target", "w"]);
    let pass = BackwardPass::load(&backward).unwrap();
    let mut weights = graph.weights("w").unwrap().to_f32().unwrap();
    for factor in [1.0, -0.5] {
        weights.iter_mut().for_each(|weight| *weight *= factor);
        let inputs = BTreeMap::from([
            ("x".to_string(), array(&[2, 4], &[0.3, -0.7, 1.1, 0.4, -1.2, 0.8, 0.1, -0.5])),
            ("gated/target".to_string(), array(&[2, 3], &[0.5; 6])),
            ("w".to_string(), array(&[4, 3], &weights)),
        ]);
        let found = pass.run(&inputs).unwrap();
        let parts = &found.gradients[1] + &found.gradients[2];
        assert!(found.gradients[0].iter().zip(&parts).all(|(a, b)| (a - b).abs() < 1e-6));
        forms_agree(&found.gradients, &inputs["x"]);
        let mut stored = graph.clone();
        stored.set_weights("w", Weights::f32(&[4, 3], &weights));
        let inputs = BTreeMap::from([("x".to_string(), inputs["x"].clone())]);
        assert_eq!(found.answers[0], output(&stored, &inputs));
    }
}

/// Holds the sums of the fourth gradient on against those of the whole gradients.
fn forms_agree(gradients: &[ArrayD<f32>], x: &Array) {
    let Array::F32(x) = x else { unreachable!() };
    let near = |a: f32, b: f32| assert!((a - b).abs() < 1e-5 * (1.0 + b.abs()), "{a} {b}");
    let squares = gradients[0].mapv(|value| value * value);
    near(gradients[3][[]], squares.sum());
    let products = x * &gradients[6];
    let columns = squares.sum_axis(Axis(0));
    gradients[4].iter().zip(&columns).for_each(|(own, sum)| near(*own, *sum));
    let columns = products.sum_axis(Axis(0));
    gradients[5].iter().zip(&columns).for_each(|(own, sum)| near(*own, *sum));
}

#[test]
fn a_node_without_a_rule_blocks_what_lies_before_it() {
    let mut graph = classifier("Tanh");
    let nodes = vec![
        node("MatMul", &["x", "w"], "z"),
        node("CumSum", &["z", "axis"], "sums"),
        node("Tanh", &["sums"], "y"),
    ];
    graph.set_weights("axis", Weights::i64(&[], &[1]));
    graph.set_nodes(nodes);
    let facts = graph.facts(&BTreeMap::new(), 2).unwrap();
    let loss = LossTerm { tensor: "y".into(), function: LossFunction::SquaredError, weight: 1.0 };
    let targets = ["w", "sums", "x"].map(GradientTarget::tensor).into();
    let request = BackwardRequest::new(vec![loss], targets);
    let backward = backward_graph(&graph, &facts, &request).unwrap();
    let refused: Vec<bool> = backward.gradients.iter().map(|own| own.output.is_err()).collect();
    assert_eq!(refused, [true, false, true]);
    let error = backward.complete().unwrap_err();
    assert_eq!(error.to_string(), "node `CumSum sums` (CumSum) passes no gradient");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "its operator has no gradient rule");
}

#[test]
fn rounding_passes_gradients_where_it_counts_as_the_identity() {
    // Simulated quantization of x to five levels of a learned size.
    let mut graph = Graph::empty("levels", 17);
    graph.add_input("x", Dtype::F32, &[DimensionSize::Fixed(4)]);
    for (name, value) in [("size", 0.5), ("low", -2.0), ("high", 2.0)] {
        graph.set_weights(name, Weights::f32(&[], &[value]));
    }
    graph.add_node(node("Div", &["x", "size"], "scaled"));
    graph.add_node(node("Round", &["scaled"], "rounded"));
    graph.add_node(node("Clip", &["rounded", "low", "high"], "level"));
    graph.add_node(node("Mul", &["level", "size"], "y"));
    graph.add_output("y");
    let facts = graph.facts(&BTreeMap::new(), 4).unwrap();
    let loss = LossTerm { tensor: "y".into(), function: LossFunction::Weighted, weight: 1.0 };
    let targets = ["x", "size"].map(GradientTarget::tensor).into();
    let rounding = RoundingGradient::StraightThrough;
    let request = BackwardRequest { rounding, ..BackwardRequest::new(vec![loss], targets) };
    let backward = backward_graph(&graph, &facts, &request).unwrap();
    let inputs = BTreeMap::from([
        ("x".to_string(), array(&[4], &[0.3, -0.7, 3.0, -0.1])),
        ("y/gradient".to_string(), array(&[4], &[1.0, 10.0, 100.0, 1000.0])),
    ]);
    let found = BackwardPass::load(&backward).unwrap().run(&inputs).unwrap();
    // Esser et al. 2020, arXiv 1902.08153: round(x / s) − x / s inside, the last level outside.
    let size = (1.0 - 0.6) + 10.0 * (-1.0 + 1.4) + 100.0 * 2.0 + 1000.0 * 0.2;
    assert_eq!(found.gradients[0].as_slice().unwrap(), [1.0, 10.0, 0.0, 1000.0]);
    assert!((found.gradients[1][[]] - size).abs() < 1e-3, "{} {size}", found.gradients[1]);
}
