//! Every step on legal and unusual networks: the variant answers as its decisions say, is a valid file,
//! and ONNX Runtime agrees with the engine. `PARING_ODDITIES` says how many networks; `scripts/test
//! --slow` takes 20,000.

mod common;

use common::{inputs_of, oddities, python, skipped};
use paring::arrays::Array;
use paring::catalog::{Calibration, ComponentKind, Criterion};
use paring::compress::{
    self, BudgetAllocation, ChannelPruning, CompressError, Int8Form, LayerPruning,
    PostTrainingQuantization, PruneAmount, PruneStructure, QuantizationFormat,
    QuantizationGranularity, RecoveryMethod, Step, StepResult, WeightRounding, undo, undo_tensors,
};
use paring::engine::{AnalysedModel, DimensionBindings, ModelSource};
use paring::graph::Graph;
use paring::schema::{EngineOptions, OriginalIndices, Sha256Hex};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

const SAMPLES: usize = 4;

fn networks() -> u64 {
    std::env::var("PARING_ODDITIES").ok().and_then(|n| n.parse().ok()).unwrap_or(300)
}

/// The first seed: a failure is repeated alone with `PARING_ODDITIES=1 PARING_ODDITY=seed`.
fn first() -> u64 {
    std::env::var("PARING_ODDITY").ok().and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn at() -> DimensionBindings<'static> {
    static NONE: BTreeMap<String, usize> = BTreeMap::new();
    DimensionBindings { batch: 1, dims: &NONE }
}

/// One of each kind of step.
fn steps() -> Vec<(&'static str, Step)> {
    let prune = |criterion, recover| {
        Step::Prune(ChannelPruning { recover, ..ChannelPruning::channels(0.5, criterion) })
    };
    let sensitive = ChannelPruning {
        allocate: BudgetAllocation::Sensitivity,
        recover: RecoveryMethod::Mean,
        ..ChannelPruning::channels(0.25, Criterion::Obs)
    };
    let quantize = |format, granularity| PostTrainingQuantization::new(format, granularity);
    let (tensor, channel) = (QuantizationGranularity::Tensor, QuantizationGranularity::Channel);
    let careful = PostTrainingQuantization {
        equalize: true,
        correct: true,
        rounding: WeightRounding::Gptq,
        depthwise: true,
        ..quantize(QuantizationFormat::Int8, tensor)
    };
    let pairs = |granularity| PostTrainingQuantization {
        form: Int8Form::Qdq,
        ..quantize(QuantizationFormat::Int8, granularity)
    };
    let bypass = LayerPruning {
        kind: ComponentKind::Layer,
        amount: PruneAmount::Count(1),
        criterion: Criterion::L1,
        recover: RecoveryMethod::None,
        layers: None,
        protect: vec![],
        frozen: None,
    };
    let heads = ChannelPruning {
        what: PruneStructure::Heads,
        ..ChannelPruning::channels(0.5, Criterion::L1)
    };
    vec![
        ("prune-l1", prune(Criterion::L1, RecoveryMethod::None)),
        ("prune-obs", prune(Criterion::Obs, RecoveryMethod::LeastSquares)),
        ("prune-wanda", prune(Criterion::Wanda, RecoveryMethod::Statistics)),
        ("prune-sensitive", Step::Prune(sensitive)),
        ("prune-heads", Step::Prune(heads)),
        ("bypass", Step::Bypass(bypass)),
        ("int8", Step::Quantize(quantize(QuantizationFormat::Int8, tensor))),
        ("int8-channel", Step::Quantize(quantize(QuantizationFormat::Int8, channel))),
        ("int8-careful", Step::Quantize(careful)),
        ("int8-qdq", Step::Quantize(pairs(tensor))),
        ("int8-qdq-channel", Step::Quantize(pairs(channel))),
        ("dynamic", Step::Quantize(quantize(QuantizationFormat::Int8Dynamic, tensor))),
        ("dynamic-channel", Step::Quantize(quantize(QuantizationFormat::Int8Dynamic, channel))),
        ("weights8", Step::Quantize(quantize(QuantizationFormat::Int8Weights, tensor))),
        ("weights8-channel", Step::Quantize(quantize(QuantizationFormat::Int8Weights, channel))),
        ("weights4", Step::Quantize(quantize(QuantizationFormat::Int4Weights, tensor))),
        ("lossless", Step::Tune { on: "host".into() }),
    ]
}

fn done(
    step: &Step,
    graph: &Graph,
    calibration: &Calibration,
) -> Result<StepResult, CompressError> {
    let (graph, origins) = (graph.clone(), OriginalIndices::default());
    match step {
        Step::Prune(how) => {
            compress::prune_channels(graph, at(), origins, how, Some(calibration), None, 0)
        }
        Step::Bypass(how) => {
            compress::prune_layers(graph, at(), origins, how, Some(calibration), 0)
        }
        Step::Quantize(how) => compress::quantize(graph, origins, how, Some(calibration)),
        _ => {
            let (graph, decisions) = compress::lossless(&graph, calibration)?;
            Ok(StepResult { graph, origins, decisions, refusals: vec![], unexplained: None })
        }
    }
}

/// Whether an error is a refusal of what the network does not have or its operator set does not allow.
fn refusal(error: &CompressError) -> bool {
    match error {
        CompressError::Nothing(..)
        | CompressError::AllRefused { .. }
        | CompressError::Empties { .. }
        | CompressError::Budget(_) => true,
        CompressError::Graph(error) => error.to_string().contains("needs operator set"),
        _ => false,
    }
}

fn calibration(graph: &Graph) -> Calibration {
    let bytes = graph.encode();
    let inputs = inputs_of(ModelSource::Bytes("odd", &bytes), SAMPLES);
    let (labels, dims) = (vec![], BTreeMap::new());
    let sha256 = Sha256Hex::of(b"odd");
    Calibration { inputs, labels, rule: None, batch: 1, dims, sha256 }
}

/// All outputs on all samples, sample by sample.
fn answers(graph: &Graph, calibration: &Calibration) -> Vec<f32> {
    let bytes = graph.encode();
    let model = AnalysedModel::load(ModelSource::Bytes("odd", &bytes), at()).unwrap();
    let plan = model.optimise(&EngineOptions::default()).unwrap();
    let each = |sample: usize| {
        let inputs = plan.inputs(&calibration.arrays(sample)).unwrap();
        plan.run(&inputs).unwrap().into_iter().flatten().collect::<Vec<f32>>()
    };
    (0..SAMPLES).flat_map(each).collect()
}

/// Power of the difference over the power of what was expected.
fn noise(expected: &[f32], found: &[f32]) -> f64 {
    assert_eq!(expected.len(), found.len());
    let square = |v: f32| f64::from(v).powi(2);
    let power: f64 = expected.iter().map(|v| square(*v)).sum();
    let error: f64 = expected.iter().zip(found).map(|(e, f)| square(e - f)).sum();
    error / power.max(1e-12)
}

struct Written<'a> {
    folder: &'a Path,
    count: usize,
}

impl Written<'_> {
    /// Puts a model and what the engine answers into the folder, for ONNX Runtime.
    fn put(&mut self, name: &str, graph: &Graph, answers: &[f32], tolerance: f64) {
        std::fs::write(self.folder.join(format!("{name}.onnx")), graph.encode()).unwrap();
        let said = serde_json::json!({ "answers": answers, "tolerance": tolerance });
        std::fs::write(self.folder.join(format!("{name}.json")), said.to_string()).unwrap();
        self.count += 1;
    }
}

/// What one network showed: steps that were done, and faults.
fn one(seed: u64, folder: &Path, written: &mut Written) -> (Vec<&'static str>, Vec<String>) {
    let (odd, opset) = oddities::random(seed, 3 + (seed % 6) as usize);
    let path = folder.join(format!("{seed}.given.onnx"));
    std::fs::write(&path, odd.encode()).unwrap();
    let graph = Graph::load(&path).unwrap_or_else(|e| panic!("network {seed}: {e}"));
    let calibration = calibration(&graph);
    let baseline = answers(&graph, &calibration);
    let inputs = calibration.inputs.iter().map(|(name, array)| match array {
        Array::F32(values) => {
            let flat: Vec<f32> = values.iter().copied().collect();
            (name.clone(), serde_json::json!({ "shape": values.shape(), "values": flat }))
        }
        other => panic!("network {seed}: input of {}", other.dtype()),
    });
    let inputs: BTreeMap<String, serde_json::Value> = inputs.collect();
    let file = folder.join(format!("{seed}.inputs.json"));
    std::fs::write(file, serde_json::json!(inputs).to_string()).unwrap();
    written.put(&format!("{seed}.given"), &odd, &baseline, 1e-9);
    let (mut did, mut faults) = (Vec::new(), Vec::new());
    for (name, step) in steps() {
        let made = match done(&step, &graph, &calibration) {
            Ok(made) => made,
            Err(error) if refusal(&error) => continue,
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                faults.push(format!("{seed} (opset {opset}) {name}: {error}: {cause:?}"));
                continue;
            }
        };
        did.push(name);
        if let Some(why) = &made.unexplained {
            faults.push(format!("{seed} (opset {opset}) {name}: unexplained: {why}"));
        }
        let found = answers(&made.graph, &calibration);
        let own = noise(&baseline, &found);
        let lossless = name == "lossless";
        if lossless && own > 1e-10 {
            faults.push(format!("{seed} (opset {opset}) {name}: changed the answers by {own:.1e}"));
        }
        // Integers may be rounded to the other side by another engine: as much as the noise itself.
        let integers = matches!(step, Step::Quantize(_));
        let tolerance = if integers { (0.5 * own).max(1e-6) } else { 1e-9 };
        written.put(&format!("{seed}.{name}"), &made.graph, &found, tolerance);
        comes_back(&graph, &made).unwrap_or_else(|e| faults.push(format!("{seed} {name}: {e}")));
    }
    (did, faults)
}

/// Undoing a step gives every node and every initializer back.
fn comes_back(graph: &Graph, made: &StepResult) -> Result<(), String> {
    let rest = undo_tensors(graph, &made.graph, &made.decisions).map_err(|e| e.to_string())?;
    let parings: Vec<_> = made.decisions.iter().map(|d| d.paring.clone()).collect();
    let back = undo(&made.graph, &rest, &parings).map_err(|e| e.to_string())?;
    if back.nodes() != graph.nodes() {
        return Err("not all nodes came back".into());
    }
    for name in graph.initializer_names() {
        if back.weights(name).ok() != graph.weights(name).ok() {
            return Err(format!("initializer `{name}` did not come back"));
        }
    }
    Ok(())
}

#[test]
fn every_step_on_every_network_does_what_it_says() {
    let mut folder = tempfile::tempdir().unwrap();
    // To look at what was made.
    folder.disable_cleanup(std::env::var_os("PARING_ODDITY").is_some());
    println!("models in {}", folder.path().display());
    let mut written = Written { folder: folder.path(), count: 0 };
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut faults = Vec::new();
    for seed in first()..first() + networks() {
        let (did, wrong) = one(seed, folder.path(), &mut written);
        did.into_iter().for_each(|step| *counts.entry(step).or_default() += 1);
        faults.extend(wrong);
    }
    println!("{} networks; steps done: {counts:?}", networks());
    faults.iter().for_each(|fault| println!("fault: {fault}"));
    match python() {
        None => skipped("no Python with onnxruntime"),
        Some(python) => {
            let script =
                Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnxruntime/oddities.py");
            let output = Command::new(python).arg(script).arg(folder.path()).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let wrong: Vec<String> = serde_json::from_slice(&output.stdout).unwrap();
            println!("{} models in ONNX Runtime: {} faults", written.count, wrong.len());
            wrong.iter().for_each(|fault| println!("fault: {fault}"));
            faults.extend(wrong);
        }
    }
    assert_eq!(faults.len(), 0, "{} faults", faults.len());
    // What is refused everywhere is not tested.
    let rare = ["prune-heads"];
    for (name, _) in steps().iter().filter(|(name, _)| !rare.contains(name)) {
        let least = networks() as usize / 20;
        assert!(counts.get(name).copied().unwrap_or(0) >= least, "{name} was hardly ever done");
    }
}
