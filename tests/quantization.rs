//! int8 against an independent float64 reference of the ONNX rules, and the kernels that run it.

mod common;

use common::{digits, outputs, random_inputs};
use ndarray::{ArrayD, IxDyn};
use paring::arrays::Array;
use paring::catalog::Calibration;
use paring::compress::{
    PostTrainingQuantization, QuantizationFormat, QuantizationGranularity, StepResult, quantize,
};
use paring::engine::{AnalysedModel, DimensionBindings, ModelSource};
use paring::graph::{Graph, Weights};
use paring::schema::{EngineOptions, OriginalIndices, Sha256Hex};
use std::collections::BTreeMap;
use std::path::Path;

fn calibration(path: &Path, samples: usize) -> Calibration {
    Calibration {
        inputs: random_inputs(path, samples),
        labels: vec![],
        rule: None,
        batch: 1,
        dims: BTreeMap::new(),
        sha256: Sha256Hex::of(b"calibration"),
    }
}

fn quantized(path: &Path, granularity: QuantizationGranularity) -> StepResult {
    let graph = Graph::load(path).unwrap();
    let how = PostTrainingQuantization::new(QuantizationFormat::Int8, granularity);
    quantize(graph, OriginalIndices::default(), &how, Some(&calibration(path, 8))).unwrap()
}

#[test]
fn integer_kernels_run_what_was_quantized() {
    for name in ["digits_cnn.onnx", "digits_transformer.onnx"] {
        let made = quantized(&digits(name), QuantizationGranularity::Tensor);
        let bytes = made.graph.encode();
        let bindings = DimensionBindings { batch: 1, dims: &BTreeMap::new() };
        let plan = AnalysedModel::load(ModelSource::Bytes(name, &bytes), bindings)
            .unwrap()
            .optimise(&EngineOptions::default())
            .unwrap();
        let kernels: Vec<String> = plan.nodes().into_iter().flat_map(|n| n.kernels).collect();
        let integer = kernels.iter().filter(|k| k.contains("i32")).count();
        let layers = made.decisions.iter().filter(|d| d.operation == "quantize int8").count();
        assert!(layers > 5 && integer >= layers, "{layers} layers, kernels {kernels:?}");
    }
}

#[test]
fn nothing_that_could_run_in_integers_is_left_and_depthwise_says_why() {
    let made = quantized(&digits("digits_cnn.onnx"), QuantizationGranularity::Tensor);
    let ops: Vec<&str> = made.graph.nodes().iter().map(|n| n.op_type.as_str()).collect();
    assert!(!ops.contains(&"BatchNormalization") && !ops.contains(&"Gemm"));
    assert_eq!(ops.iter().filter(|op| **op == "Conv").count(), 1);
    assert_eq!(made.refusals.len(), 1);
    assert!(made.refusals[0].1.contains("depthwise"), "{:?}", made.refusals);
}

/// One convolution of 1x1 behind a Relu, small enough to compute by hand in f64.
fn one_layer(folder: &Path) -> std::path::PathBuf {
    let mut graph = Graph::load(&digits("digits_cnn.onnx")).unwrap();
    let keep = [
        "stem/Conv",
        "stem/Relu",
        "pool/GlobalAveragePool",
        "flatten/Flatten",
        "head/Gemm",
        "head/Softmax",
    ];
    let mut nodes: Vec<_> =
        graph.nodes().iter().filter(|n| keep.contains(&n.name.as_str())).cloned().collect();
    for pair in 1..nodes.len() {
        let before = nodes[pair - 1].output[0].clone();
        nodes[pair].input[0] = before;
    }
    let classes = 10;
    let values = |count: usize, step: f32| -> Vec<f32> {
        (0..count).map(|i| ((i * 37 % 101) as f32 - 50.0) * step).collect()
    };
    let channels = graph.dims("stem.weight").unwrap()[0];
    graph.set_nodes(nodes);
    graph.set_weights(
        "head.weight",
        Weights::f32(&[channels, classes], &values(channels * classes, 0.01)),
    );
    graph.tidy();
    let path = folder.join("one.onnx");
    graph.save(&path).unwrap();
    path
}

/// The integer model as the ONNX specification defines its operators, in f64.
fn reference(graph: &Graph, image: &ArrayD<f32>) -> Vec<f64> {
    let all = |name: &str| graph.weights(name).unwrap();
    let number = |name: &str| f64::from(all(name).to_f32().unwrap()[0]);
    let bytes =
        |name: &str| -> Vec<f64> { all(name).bytes.iter().map(|b| f64::from(*b as i8)).collect() };
    let words = |name: &str| -> Vec<f64> {
        let weights = all(name);
        let (chunks, _) = weights.bytes.as_chunks::<4>();
        chunks.iter().map(|c| f64::from(i32::from_le_bytes(*c))).collect()
    };
    let round = |x: f64| x.round_ties_even().clamp(0.0, 255.0);
    // Bytes of activations: a chain of single floats, halves upwards.
    let narrow = |x: f64, tensor: &str| {
        let scaled = x as f32 * number(&format!("{tensor}.inverse")) as f32;
        let shifted = scaled + number(&format!("{tensor}.q.shift")) as f32;
        f64::from(shifted.clamp(0.0, 255.0).trunc())
    };
    let node = |op: &str| graph.nodes().iter().find(|n| n.op_type == op).unwrap().clone();
    let conv = node("QLinearConv");
    let byte = |name: &str| f64::from(all(name).bytes[0]);
    let (xs, told) = (number(&conv.input[1]), byte(&conv.input[2]));
    let (ws, ys, yz) = (number(&conv.input[4]), number(&conv.input[6]), byte(&conv.input[7]));
    let around = byte(&node("Pad").input[2]);
    let (w, b) = (bytes(&conv.input[3]), words(&conv.input[8]));
    let dims = all(&conv.input[3]).dims;
    let (channels, k) = (dims[0], dims[2]);
    let pixel = |y: i64, x: i64| -> f64 {
        if !(0..8).contains(&y) || !(0..8).contains(&x) {
            return around - told;
        }
        narrow(f64::from(image[IxDyn(&[0, 0, y as usize, x as usize])]), "image") - told
    };
    let pooled: Vec<f64> = (0..channels)
        .map(|c| {
            let mut sum = 0.0;
            for y in 0..8i64 {
                for x in 0..8i64 {
                    let mut acc = b[c];
                    for i in 0..k * k {
                        let (dy, dx) = ((i / k) as i64, (i % k) as i64);
                        let half = (k / 2) as i64;
                        acc += w[c * k * k + i] * pixel(y + dy - half, x + dx - half);
                    }
                    sum += (round(acc * xs * ws / ys + yz) - yz) * ys;
                }
            }
            sum / 64.0
        })
        .collect();
    let product = node("MatMulInteger");
    let read = product.input[0].strip_suffix(".q").unwrap();
    let told = byte(&product.input[2]);
    let w = bytes(&product.input[1]);
    let named = |name: &str| graph.nodes().iter().find(|n| n.name == name).unwrap();
    let bias = words(&named("head/Gemm/bias").input[1]);
    let factor = number(&named("head/Gemm/scale").input[1]);
    let logits: Vec<f64> = (0..10)
        .map(|j| {
            let dot: f64 =
                (0..channels).map(|c| (narrow(pooled[c], read) - told) * w[c * 10 + j]).sum();
            (dot + bias[j]) * factor
        })
        .collect();
    let sum: f64 = logits.iter().map(|l| l.exp()).sum();
    logits.iter().map(|l| l.exp() / sum).collect()
}

#[test]
fn the_engine_computes_what_onnx_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = one_layer(folder.path());
    let made = quantized(&path, QuantizationGranularity::Tensor);
    let inputs = random_inputs(&path, 1);
    let Array::F32(image) = &inputs["image"] else { panic!("the input is float32") };
    let expected = reference(&made.graph, image);
    let found = outputs(&made.graph, &inputs);
    for (e, f) in expected.iter().zip(&found) {
        // The engine requantizes in fixed point: within one step of 255 somewhere.
        assert!((e - f64::from(*f)).abs() < 0.01, "{expected:?} and {found:?}");
    }
}

/// Σ (w − q·s)² over the weights of the first convolution; `float` is folded as the step folds it.
fn weight_error(made: &StepResult, float: &[f32]) -> f64 {
    let floats = |name: &str| made.graph.weights(name).unwrap().to_f32().unwrap();
    let find = |op: &str| made.graph.nodes().iter().find(|n| n.op_type == op);
    let (stored, scales) = match find("QLinearConv") {
        Some(conv) => (&conv.input[3], floats(&conv.input[4])),
        // A scale a channel: in the factor of the sums, times that of the input.
        None => {
            let conv = find("ConvInteger").unwrap();
            let factor = &find("Mul").filter(|n| n.name.starts_with("image")).unwrap().input[1];
            let inverse = floats(factor)[0];
            let name = format!("{}/scale", conv.name);
            let scaled = made.graph.nodes().iter().find(|n| n.name == name).unwrap();
            (&conv.input[1], floats(&scaled.input[1]).iter().map(|f| f * inverse).collect())
        }
    };
    let narrow = made.graph.weights(stored).unwrap();
    let each = narrow.bytes.len() / scales.len();
    let back = narrow.bytes.iter().enumerate().map(|(i, q)| f32::from(*q as i8) * scales[i / each]);
    back.zip(float).map(|(found, given)| f64::from(found - given).powi(2)).sum()
}

#[test]
fn a_scale_a_channel_keeps_weights_closer_than_one_a_tensor() {
    let folder = tempfile::tempdir().unwrap();
    let path = one_layer(folder.path());
    let graph = Graph::load(&path).unwrap();
    let conv = graph.nodes().iter().find(|n| n.op_type == "Conv").unwrap();
    let float = graph.weights(&conv.input[1]).unwrap().to_f32().unwrap();
    let [channel, tensor] = [QuantizationGranularity::Channel, QuantizationGranularity::Tensor]
        .map(|g| weight_error(&quantized(&path, g), &float));
    assert!(channel > 0.0 && channel < tensor, "{channel} and {tensor}");
}

fn compressed(folder: &Path, out: &Path) -> Vec<u8> {
    let study = folder.join("study.toml");
    let text = format!(
        "[study]\nname = \"smallest\"\nowner = \"tests\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n\
         [protocol]\nprobes = 0\n[[variant]]\nname = \"smallest\"\n\
         steps = [{{ quantize = \"int8\", layers = \"measured\", by = \"bytes\" }}]\n",
        digits("digits_cnn.onnx"),
        digits("digits.npz"),
    );
    std::fs::write(&study, text).unwrap();
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_paring"));
    command.arg("compress").arg(&study).arg("--out").arg(out).assert().success();
    std::fs::read(out.join("variants/smallest.onnx")).unwrap()
}

#[test]
fn bytes_decide_where_they_are_asked_for_and_a_frozen_table_gives_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    let file = compressed(folder.path(), &first);
    let whole = std::fs::metadata(digits("digits_cnn.onnx")).unwrap().len() as usize;
    assert!(2 * file.len() < whole, "{} of {whole} bytes", file.len());
    let ledger = std::fs::read_to_string(first.join("ledger.jsonl")).unwrap();
    assert!(ledger.contains(" bytes in float"), "{ledger}");
    // An unfinished run that has the table already measures nothing again.
    std::fs::create_dir_all(second.join("costs")).unwrap();
    for name in ["protocol.json", "study.toml"] {
        std::fs::copy(first.join(name), second.join(name)).unwrap();
    }
    for entry in std::fs::read_dir(first.join("costs")).unwrap().flatten() {
        std::fs::copy(entry.path(), second.join("costs").join(entry.file_name())).unwrap();
    }
    assert_eq!(compressed(folder.path(), &second), file);
    let tables = |run: &Path| -> Vec<Vec<u8>> {
        let all = std::fs::read_dir(run.join("costs")).unwrap().flatten();
        all.map(|entry| std::fs::read(entry.path()).unwrap()).collect()
    };
    assert_eq!(tables(&first), tables(&second));
}
