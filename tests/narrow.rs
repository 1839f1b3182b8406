//! Narrow layers of every kind: against exact arithmetic, on graphs as exporters write them, and on
//! models that cannot be narrowed.

mod common;

use common::{digits, inputs_of, outputs, random_inputs, shared, skipped};
use paring::arrays::Array;
use paring::boards::{Inventory, TargetSession, select_targets};
use paring::catalog::Calibration;
use paring::compress::{
    CompressError, DecisionRule, FloatAnswers, Int8Form, PostTrainingQuantization,
    QuantizationFormat, QuantizationGranularity, RangeRule, StepResult, WeightRounding, agreement,
    evaluate_exactly, layer_patterns, lossless, quantize,
};
use paring::data::{Dataset, DatasetRequest, DatasetRules};
use paring::engine::{AnalysedModel, CLEAR_UPPER_HALVES, DimensionBindings, ModelSource, describe};
use paring::graph::{Graph, Weights};
use paring::pipeline::conformance;
use paring::schema::{EngineOptions, OriginalIndices, PatternExecution, Sha256Hex, TaskKind};
use std::collections::BTreeMap;
use std::path::Path;

fn of(inputs: BTreeMap<String, Array>) -> Calibration {
    let (labels, dims, sha256) = (vec![], BTreeMap::new(), Sha256Hex::of(b"samples"));
    Calibration { inputs, labels, rule: None, batch: 1, dims, sha256 }
}

fn made(path: &Path, how: &PostTrainingQuantization) -> Result<StepResult, CompressError> {
    let calibration = of(random_inputs(path, 8));
    quantize(Graph::load(path).unwrap(), OriginalIndices::default(), how, Some(&calibration))
}

fn int8(granularity: QuantizationGranularity) -> PostTrainingQuantization {
    PostTrainingQuantization::new(QuantizationFormat::Int8, granularity)
}

#[test]
fn the_engine_does_with_every_pattern_what_onnx_says() {
    let host = select_targets(&["host".to_string()], &Inventory::default()).unwrap().remove(0);
    let mut heard = |_| ();
    let mut site = TargetSession::open(&host, None, &mut heard).unwrap();
    let table = conformance(&host, &mut site, &mut |_| ()).unwrap();
    assert!(table.patterns.len() > 60, "{} patterns", table.patterns.len());
    let (mut integer, mut differing, mut outputs) = (0, 0, 0);
    for one in &table.patterns {
        let name = format!("{}, {}, {}", one.operator, one.precision, one.size);
        assert!(
            !matches!(one.ran, PatternExecution::Wrong { .. } | PatternExecution::Rejected { .. }),
            "{name}: {:?}",
            one.ran
        );
        integer += usize::from(one.ran == PatternExecution::Integer);
        (differing, outputs) = (differing + one.differing, outputs + one.outputs);
        if one.precision.starts_with("int8 per") || one.precision.starts_with("int8-dynamic") {
            assert_eq!(one.ran, PatternExecution::Integer, "{name}: {:?}", one.kernels);
        }
    }
    println!(
        "{integer} patterns in integers; {differing} of {outputs} outputs differ by one step or a rounding"
    );
}

#[test]
fn int8_goes_through_what_only_moves_numbers() {
    // What is joined shares its scale with something below zero, so that its Relu is a bound of a
    // chain of its own.
    for (operator, all_casts) in [("conv 3x3, pooled", 1), ("conv 3x3, joined", 3)] {
        let all = layer_patterns();
        let pattern = all.iter().find(|p| p.operator == operator).unwrap();
        let bytes = pattern.graph.encode();
        let inputs = inputs_of(ModelSource::Bytes("pattern", &bytes), 1);
        let calibration = of(inputs.clone());
        let made = quantize(
            pattern.graph.clone(),
            OriginalIndices::default(),
            &int8(QuantizationGranularity::Tensor),
            Some(&calibration),
        );
        let graph = made.unwrap().graph;
        let count = |op: &str| graph.nodes().iter().filter(|n| n.op_type == op).count();
        let bytes =
            |n: &&paring::graph::Node| n.op_type == "Cast" && n.name == "x/QuantizeLinear/narrow";
        let casts = graph.nodes().iter().filter(bytes).count();
        let found = (casts, count("Cast"), count("DequantizeLinear"));
        assert_eq!(found, (1, all_casts, 1), "{operator}");
        assert_eq!(count("Conv"), 0, "{operator}");
        let (float, narrow) = (outputs(&pattern.graph, &inputs), outputs(&graph, &inputs));
        let power: f32 = float.iter().map(|v| v * v).sum();
        let error: f32 = float.iter().zip(&narrow).map(|(f, n)| (f - n).powi(2)).sum();
        assert!(error < 1e-3 * power, "{operator}: {}", error / power);
    }
}

#[test]
fn products_hand_bytes_to_products() {
    let all = layer_patterns();
    for (operator, expected) in [
        // A bias is added to the sums; what follows makes bytes of them, a Relu being their limit.
        ("product, twice", [("MatMulInteger", 2), ("QLinearMatMul", 0), ("Relu", 0)]),
        ("product, twice, plain", [("MatMulInteger", 1), ("QLinearMatMul", 1), ("Relu", 0)]),
    ] {
        let pattern = all.iter().find(|p| p.operator == operator).unwrap();
        let bytes = pattern.graph.encode();
        let inputs = inputs_of(ModelSource::Bytes("pattern", &bytes), 1);
        let calibration = Calibration { batch: pattern.dims[0], ..of(inputs) };
        let how = int8(QuantizationGranularity::Tensor);
        let made =
            quantize(pattern.graph.clone(), OriginalIndices::default(), &how, Some(&calibration));
        let made = made.unwrap();
        let count = |op: &str| made.graph.nodes().iter().filter(|node| node.op_type == op).count();
        for (op, many) in expected {
            assert_eq!(count(op), many, "{operator}: {op}");
        }
        assert_eq!(count("DequantizeLinear"), 0, "{operator}");
        let first = made.decisions.iter().find(|d| d.coupling == "layer").unwrap();
        let scheme = &first.precision.as_ref().unwrap().scheme;
        assert!(scheme.contains("output scale"), "{scheme}");
    }
}

#[test]
fn numbers_that_are_no_classes_are_judged_by_how_far_they_move() {
    let all = layer_patterns();
    let pattern = all.iter().find(|p| p.operator == "product" && p.size == "large").unwrap();
    let bytes = pattern.graph.encode();
    let inputs = inputs_of(ModelSource::Bytes("pattern", &bytes), 1);
    let calibration = Calibration { batch: pattern.dims[0], ..of(inputs) };
    let how = int8(QuantizationGranularity::Tensor);
    let made =
        quantize(pattern.graph.clone(), OriginalIndices::default(), &how, Some(&calibration));
    let narrow = made.unwrap().graph;
    let loss = |kind| {
        let reading = DecisionRule { kind, ..DecisionRule::default() };
        let answers = FloatAnswers::new(&pattern.graph, &calibration, reading, usize::MAX).unwrap();
        answers.loss(&narrow).unwrap()
    };
    let (numbers, classes) = (loss(TaskKind::Regression), loss(TaskKind::Classification));
    assert_eq!(numbers.flips, 0);
    assert!(numbers.divergence > 0.0 && numbers.divergence < 0.005, "{numbers:?}");
    assert!(classes.flips > 0, "{classes:?}");
    assert_eq!(numbers.sqnr_db, classes.sqnr_db);
}

#[test]
fn cleared_registers_change_no_bit() {
    for name in ["digits_cnn.onnx", "digits_transformer.onnx"] {
        let path = digits(name);
        let digest = |transforms: &[&str]| {
            let transforms = transforms.iter().map(|t| (*t).to_string()).collect();
            let options = EngineOptions { transforms, ..EngineOptions::default() };
            let bindings = DimensionBindings { batch: 1, dims: &BTreeMap::new() };
            let plan = AnalysedModel::load(ModelSource::File(&path), bindings).unwrap();
            let plan = plan.optimise(&options).unwrap();
            let profile = plan.profile(&plan.inputs(&random_inputs(&path, 1)).unwrap(), 2).unwrap();
            let digest = plan.digest(&plan.inputs(&random_inputs(&path, 1)).unwrap()).unwrap();
            (digest, profile.nodes.len())
        };
        assert_eq!(digest(&[]), digest(&[CLEAR_UPPER_HALVES]), "{name}");
    }
}

#[test]
fn evening_out_changes_nothing_and_narrows_the_spread() {
    let path = digits("digits_cnn.onnx");
    let inputs = random_inputs(&path, 4);
    let how = PostTrainingQuantization {
        equalize: true,
        assigned: Some(BTreeMap::new()),
        ..int8(QuantizationGranularity::Tensor)
    };
    let made = made(&path, &how).unwrap();
    let evened = made.decisions.iter().filter(|d| d.operation == "equalize").count();
    assert!(evened > 2, "{evened} layers");
    let (before, after) =
        (outputs(&Graph::load(&path).unwrap(), &inputs), outputs(&made.graph, &inputs));
    for (b, a) in before.iter().zip(&after) {
        assert!((b - a).abs() < 1e-5, "{b} and {a}");
    }
}

/// Mean squared difference of the outputs on samples of the example that were not calibrated on.
fn off(path: &Path, how: &PostTrainingQuantization) -> f64 {
    let signature = describe(ModelSource::File(path)).unwrap();
    let (columns, extras) = (vec![], vec![]);
    let wanted = DatasetRequest {
        inputs: &signature.inputs,
        columns,
        extras,
        rules: DatasetRules::default(),
    };
    let data = Dataset::load(&digits("digits.npz"), &wanted).unwrap();
    let calibration = of(data.inputs_at(&(0..200).collect::<Vec<_>>()).unwrap());
    let graph = Graph::load(path).unwrap();
    let made =
        quantize(graph.clone(), OriginalIndices::default(), how, Some(&calibration)).unwrap();
    let inputs = data.inputs_at(&(200..800).collect::<Vec<_>>()).unwrap();
    let (float, narrow) = (outputs(&graph, &inputs), outputs(&made.graph, &inputs));
    let squares = float.iter().zip(&narrow).map(|(f, n)| f64::from(f - n).powi(2));
    squares.sum::<f64>() / float.len() as f64
}

#[test]
fn each_refinement_comes_nearer_on_average() {
    let path = digits("digits_cnn.onnx");
    let plain = int8(QuantizationGranularity::Tensor);
    let finer = [
        PostTrainingQuantization { ranges: RangeRule::Auto, correct: true, ..plain.clone() },
        PostTrainingQuantization { rounding: WeightRounding::Gptq, correct: true, ..plain.clone() },
        PostTrainingQuantization { weights: QuantizationGranularity::Channel, ..plain.clone() },
    ];
    let base = off(&path, &plain);
    let found: Vec<f64> = finer.iter().map(|how| off(&path, how)).collect();
    println!("per tensor {base:.2e}, then {found:?}");
    assert!(found.iter().all(|f| *f < base * 1.5) && found.iter().any(|f| *f < base));
}

#[test]
fn graphs_of_exporters_run_in_every_precision() {
    let Some(folder) = shared("zoo") else { return skipped("no zoo of models") };
    let (mut ran, mut refused) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().to_string();
        if path.extension().is_none_or(|e| e != "onnx") || name.contains("ort_fused") {
            continue;
        }
        let inputs = random_inputs(&path, 2);
        let one = inputs.iter().map(|(n, a)| (n.clone(), a.take(&[0]))).collect();
        let float = outputs(&Graph::load(&path).unwrap(), &one);
        for format in [
            QuantizationFormat::Int8,
            QuantizationFormat::Int8Dynamic,
            QuantizationFormat::Int8Weights,
            QuantizationFormat::Int4Weights,
        ] {
            let how = PostTrainingQuantization::new(format, QuantizationGranularity::Tensor);
            let calibration = of(inputs.clone());
            let graph = Graph::load(&path).unwrap();
            match quantize(graph, OriginalIndices::default(), &how, Some(&calibration)) {
                Ok(made) => {
                    let narrow = outputs(&made.graph, &one);
                    assert_eq!(narrow.len(), float.len(), "{name}, {format:?}");
                    assert!(narrow.iter().all(|v| v.is_finite()), "{name}, {format:?}");
                    ran += 1;
                }
                Err(error @ (CompressError::Nothing(..) | CompressError::AllRefused { .. })) => {
                    refused.push(format!("{name}, {format:?}: {error}"))
                }
                Err(error) => panic!("{name}, {format:?}: {error}"),
            }
        }
    }
    println!("{ran} ran; {refused:#?}");
    assert!(ran > 40, "{ran}");
}

#[test]
fn what_cannot_be_narrowed_says_so() {
    let path = digits("digits_cnn.onnx");
    let graph = Graph::load(&path).unwrap();
    let without = quantize(
        graph.clone(),
        OriginalIndices::default(),
        &int8(QuantizationGranularity::Tensor),
        None,
    );
    let message = without.unwrap_err().to_string();
    assert!(message.contains("needs calibration samples"), "{message}");
    let dynamic = PostTrainingQuantization::new(
        QuantizationFormat::Int8Dynamic,
        QuantizationGranularity::Tensor,
    );
    quantize(graph.clone(), OriginalIndices::default(), &dynamic, None).unwrap();

    let narrow = made(&path, &int8(QuantizationGranularity::Tensor)).unwrap().graph;
    let again =
        quantize(narrow, OriginalIndices::default(), &dynamic, None).unwrap_err().to_string();
    assert!(again.contains("it is quantized already (QLinearConv)"), "{again}");

    let mut broken = graph;
    let name = "stem.weight";
    let weights = broken.weights(name).unwrap();
    let mut values = weights.to_f32().unwrap();
    values[0] = f32::NAN;
    broken.set_weights(name, Weights::f32(&weights.dims, &values));
    let made = quantize(broken, OriginalIndices::default(), &dynamic, None).unwrap();
    let why = made.refusals.iter().find(|(layer, _)| layer == "stem").map(|(_, why)| why.as_str());
    assert_eq!(why, Some("its weights are not finite numbers"));
}

#[test]
fn pairs_for_other_tools_compute_what_they_say() {
    let all = layer_patterns();
    let pattern = all.iter().find(|p| p.operator == "conv 3x3" && p.size == "small").unwrap();
    let bytes = pattern.graph.encode();
    let inputs = inputs_of(ModelSource::Bytes("pattern", &bytes), 1);
    let how =
        PostTrainingQuantization { form: Int8Form::Qdq, ..int8(QuantizationGranularity::Channel) };
    let made = quantize(
        pattern.graph.clone(),
        OriginalIndices::default(),
        &how,
        Some(&of(inputs.clone())),
    )
    .unwrap();
    let Array::F32(x) = &inputs["x"] else { panic!("the input is float32") };
    let exact =
        paring::compress::ExactTensor::floats(x.shape(), x.iter().map(|v| f64::from(*v)).collect());
    let values =
        evaluate_exactly(&made.graph, &BTreeMap::from([("x".to_string(), exact)])).unwrap();
    let found = outputs(&made.graph, &inputs);
    for (exact, found) in values["y"].data.iter().zip(&found) {
        assert!((exact - f64::from(*found)).abs() < 1e-4, "{exact} and {found}");
    }
}

#[test]
fn what_is_left_out_changes_nothing() {
    let mut paths = vec![digits("digits_cnn.onnx"), digits("digits_transformer.onnx")];
    match shared("zoo") {
        Some(folder) => {
            paths.extend(std::fs::read_dir(folder).unwrap().flatten().map(|e| e.path()))
        }
        None => skipped("no zoo of models"),
    }
    let mut fewer = 0;
    for path in paths {
        let name = path.display().to_string();
        if path.extension().is_none_or(|e| e != "onnx") || name.contains("ort_fused") {
            continue;
        }
        let graph = Graph::load(&path).unwrap();
        let calibration = of(random_inputs(&path, 3));
        let (short, _) = lossless(&graph, &calibration).unwrap();
        let none = EngineOptions::default();
        let found =
            agreement((&graph, &none), (&short, &none), &calibration, DecisionRule::default())
                .unwrap();
        assert!(found.lossless(), "{name}: {found:?}");
        fewer += graph.nodes().len() - short.nodes().len();
    }
    println!("{fewer} nodes fewer");
    assert!(fewer > 0);
}
