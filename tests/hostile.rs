//! Models and data that end engines: every verb refuses them with 2 and a message that names the file.

mod common;

use assert_cmd::Command;
use common::digits;
use ndarray::{Array1, Array4};
use paring::arrays::Dtype;
use paring::graph::{DimensionSize, Graph, Node, Weights, set_int, set_ints};
use predicates::str::contains;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn paring() -> Command {
    Command::new(env!("CARGO_BIN_EXE_paring"))
}

fn node(operator: &str, input: &[&str], output: &str) -> Node {
    Node {
        name: format!("{output}_node"),
        op_type: operator.into(),
        input: input.iter().map(|i| (*i).to_string()).collect(),
        output: vec![output.into()],
        ..Node::default()
    }
}

/// A network for the digits: a convolution, `nodes` that make `probs` of its output `features`.
fn model(path: &Path, change: impl FnOnce(&mut Graph)) -> String {
    let mut graph = Graph::empty("hostile", 17);
    let sizes = [
        DimensionSize::Symbol("N".into()),
        DimensionSize::Fixed(1),
        DimensionSize::Fixed(8),
        DimensionSize::Fixed(8),
    ];
    graph.add_input("image", Dtype::F32, &sizes);
    graph.set_weights("w", Weights::f32(&[4, 1, 3, 3], &[0.1; 36]));
    change(&mut graph);
    graph.add_shaped_output(
        "probs",
        &[DimensionSize::Symbol("N".into()), DimensionSize::Symbol("c".into())],
    );
    std::fs::write(path, graph.encode()).unwrap();
    path.to_str().unwrap().to_string()
}

fn classify(graph: &mut Graph) {
    graph.add_node(node("GlobalAveragePool", &["features"], "pooled"));
    graph.add_node(node("Flatten", &["pooled"], "probs"));
}

/// Margins that make an image of 2^48 pixels: only the product shows it.
fn vast(path: &Path) -> String {
    model(path, |graph| {
        let mut conv = node("Conv", &["image", "w"], "features");
        set_ints(&mut conv, "pads", vec![1 << 23; 4]);
        graph.add_node(conv);
        classify(graph);
    })
}

/// A chain of so many nodes that the engine's passes over all of them for each take long.
fn slow(path: &Path) -> String {
    model(path, |graph| {
        graph.add_node(node("Conv", &["image", "w"], "link0"));
        for link in 1..3_000 {
            graph.add_node(node("Relu", &[&format!("link{}", link - 1)], &format!("link{link}")));
        }
        graph.add_node(node("Identity", &["link2999"], "features"));
        classify(graph);
    })
}

/// Command lines of all verbs that read a model.
fn verbs(model: &str, folder: &Path) -> Vec<Vec<String>> {
    let text = |path: PathBuf| path.to_str().unwrap().to_string();
    let (cnn, data) = (text(digits("digits_cnn.onnx")), text(digits("digits.npz")));
    let study = folder.join("study.toml");
    let section = format!(
        "[study]\nname = \"hostile\"\nowner = \"tests\"\n[model]\npath = {model:?}\n[data]\npath = {data:?}\n\
         [[variant]]\nname = \"half\"\nsteps = [{{ prune = \"channels\", ratio = 0.5 }}]\n"
    );
    std::fs::write(&study, section).unwrap();
    let (study, out) = (text(study), text(folder.join("out")));
    let init = text(folder.join("new.toml"));
    let all: [&[&str]; 10] = [
        &["init", model, "--out", &init],
        &["catalog", model],
        &["catalog", model, "--data", &data],
        &["compress", &study, "--out", &out, "--quiet"],
        &["run", &study, "--out", &out, "--quiet"],
        &["eval", model, "--data", &data],
        &["diff", model, &cnn],
        &["diff", &cnn, model],
        &["bench", model, &cnn, "--random-inputs", "--out", &out, "--quiet"],
        &["profile", model, "--data", &data],
    ];
    all.iter().map(|words| words.iter().map(|w| (*w).to_string()).collect()).collect()
}

#[test]
fn every_verb_refuses_a_model_that_ends_its_first_load() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vast.onnx");
    let model = vast(&path);
    for arguments in verbs(&model, folder.path()) {
        let begun = Instant::now();
        let ended = paring().args(&arguments).timeout(Duration::from_secs(20)).assert();
        ended.code(2).stderr(contains("vast.onnx")).stderr(contains("512 MiB"));
        assert!(begun.elapsed() < Duration::from_secs(10), "{arguments:?}");
    }
}

#[test]
fn a_model_that_takes_too_long_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let model = slow(&folder.path().join("slow.onnx"));
    let data = digits("digits.npz");
    let mut command = paring();
    command.env("PARING_FIRST_LOAD_SECONDS", "1").timeout(Duration::from_secs(20));
    command.args(["eval", &model, "--data", data.to_str().unwrap()]);
    let ended = command.assert().code(2).stderr(contains("slow.onnx"));
    ended.stderr(contains("takes more than 1 s")).stderr(contains("PARING_FIRST_LOAD_SECONDS"));
}

#[test]
fn bounds_can_be_raised_and_must_be_numbers() {
    let cnn = digits("digits_cnn.onnx");
    let catalog = |mib: &str| {
        let mut command = paring();
        command.args(["catalog", cnn.to_str().unwrap()]).env("PARING_FIRST_LOAD_MIB", mib);
        command.assert()
    };
    catalog("0").success();
    catalog("1")
        .code(2)
        .stderr(contains("digits_cnn.onnx"))
        .stderr(contains("PARING_FIRST_LOAD_MIB"));
    catalog("much").code(2).stderr(contains("`much` is no whole number"));
}

#[test]
fn violations_that_engines_die_of_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wrong.onnx");
    #[track_caller]
    fn refused(model: &str, message: &str) {
        paring().args(["catalog", model]).assert().code(2).stderr(contains(message));
        let data = digits("digits.npz");
        let eval = ["eval", model, "--data", data.to_str().unwrap()];
        paring().args(eval).assert().code(2).stderr(contains(message));
    }
    let with = |change: &dyn Fn(&mut Node)| {
        model(&path, |graph| {
            let mut conv = node("Conv", &["image", "w"], "features");
            change(&mut conv);
            graph.add_node(conv);
            classify(graph);
        })
    };
    refused(&with(&|conv| set_ints(conv, "pads", vec![1; 7])), "has 7 numbers in `pads`");
    refused(&with(&|conv| set_ints(conv, "strides", vec![0, 1])), "has 0 in `strides`");
    refused(&with(&|conv| set_ints(conv, "pads", vec![-3; 4])), "has -3 in `pads`");
    refused(&with(&|conv| set_int(conv, "group", 0)), "has 0 in `group`");
    refused(&with(&|conv| conv.input.clear()), "has 0 inputs where 2 to 3 are allowed");
    let without_version = model(&path, |graph| {
        graph.add_node(node("Conv", &[], "features"));
        classify(graph);
    });
    let mut bytes: tract_onnx::pb::ModelProto =
        prost::Message::decode(std::fs::read(&path).unwrap().as_slice()).unwrap();
    for imports in [vec![], vec![-1]] {
        bytes.opset_import = imports
            .into_iter()
            .map(|version| tract_onnx::pb::OperatorSetIdProto { domain: String::new(), version })
            .collect();
        std::fs::write(&path, prost::Message::encode_to_vec(&bytes)).unwrap();
        refused(&without_version, "has 0 inputs where 2 to 3 are allowed");
    }
    let transposed = |perm: Vec<i64>| {
        model(&path, |graph| {
            let mut turn = node("Transpose", &["image"], "turned");
            set_ints(&mut turn, "perm", perm);
            graph.add_node(turn);
            graph.add_node(node("Conv", &["turned", "w"], "features"));
            classify(graph);
        })
    };
    refused(&transposed(vec![0, 1, 2, 9]), "must name every axis once");
    refused(&transposed(vec![0, 1, 2]), "of 4 dimensions where 3 are needed");
    let scaled = model(&path, |graph| {
        graph.add_node(node("Conv", &["image", "w"], "raw"));
        graph.set_weights("nothing", Weights::f32(&[0], &[]));
        graph.add_node(node("Mul", &["raw", "nothing"], "features"));
        classify(graph);
    });
    refused(&scaled, "computes with `nothing`, which holds no values");
    let normalized = model(&path, |graph| {
        graph.set_weights("stored", Weights::f32(&[6], &[1.0; 6]));
        graph.set_weights("three", Weights::f32(&[3], &[1.0; 3]));
        let inputs = ["stored", "three", "three", "three", "three"];
        graph.add_node(node("BatchNormalization", &inputs, "normal"));
        graph.add_node(node("Conv", &["image", "w"], "features"));
        classify(graph);
    });
    refused(&normalized, "have one value for each of 1 channels");
    // Nor is there a number to be read where one is needed.
    let padded = model(&path, |graph| {
        graph.add_node(node("Conv", &["image", "w"], "raw"));
        graph.set_weights("nothing", Weights::f32(&[0], &[]));
        graph.set_weights("pads", Weights::i64(&[8], &[0; 8]));
        graph.add_node(node("Pad", &["raw", "pads", "nothing"], "features"));
        classify(graph);
    });
    refused(&padded, "computes with `nothing`, which holds no values");
    let axis = |axis: i64| {
        model(&path, |graph| {
            graph.add_node(node("Conv", &["image", "w"], "raw"));
            let mut softmax = node("Softmax", &["raw"], "features");
            set_int(&mut softmax, "axis", axis);
            graph.add_node(softmax);
            classify(graph);
        })
    };
    refused(&axis(7), "names the axis 7 of a tensor of 4 dimensions");
}

#[test]
fn archives_that_expand_without_end_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.npz");
    let file = std::fs::File::create(&path).unwrap();
    let mut writer = ndarray_npy::NpzWriter::new_compressed(file);
    writer.add_array("image", &Array4::<f32>::zeros((300_000, 1, 8, 8))).unwrap();
    writer.add_array("labels", &Array1::<i64>::zeros(300_000)).unwrap();
    writer.finish().unwrap();
    let cnn = digits("digits_cnn.onnx");
    let arguments = ["eval", cnn.to_str().unwrap(), "--data", path.to_str().unwrap()];
    paring().args(arguments).assert().code(2).stderr(contains("array `image`"));
}
