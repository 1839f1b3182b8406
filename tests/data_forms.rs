//! Data and models as other tools write them: arrays in every order of bytes and axes, empty ones, and
//! headers that lie; dimensions without a name, batches that are fixed, and inputs without a batch.
//! One file is read alike by all verbs, or refused alike.

mod common;

use assert_cmd::assert::Assert;
use ndarray::{Array1, Array2, ArrayD, IxDyn, ShapeBuilder};
use ndarray_npy::{NpzWriter, WritableElement};
use paring::arrays::Dtype;
use paring::graph::{self, DimensionSize, Graph, Node, Weights};
use paring::stats;
use predicates::str::contains;
use rand::RngExt;
use std::fs::File;
use std::io::Write;
use std::path::Path;

const SAMPLES: usize = 24;
const FEATURES: usize = 4;

fn paring(folder: &Path, arguments: &[&str]) -> Assert {
    assert_cmd::Command::new(env!("CARGO_BIN_EXE_paring"))
        .current_dir(folder)
        .env("PARING_FORECASTS", folder.join("forecasts.jsonl"))
        .args(arguments)
        .args(["--quiet", "--json"])
        .assert()
}

#[track_caller]
fn refused(folder: &Path, arguments: &[&str], messages: &[&str]) {
    let mut ended = paring(folder, arguments).code(2);
    for message in messages {
        ended = ended.stderr(contains(*message));
    }
    let said = String::from_utf8_lossy(&ended.get_output().stderr).to_string();
    assert!(!said.contains("panicked"), "{said}");
}

fn node(graph: &mut Graph, op: &str, input: &[&str], output: &str) {
    graph.add_node(Node {
        name: format!("{output}/{op}"),
        op_type: op.into(),
        input: input.iter().map(ToString::to_string).collect(),
        output: vec![output.into()],
        ..Node::default()
    });
}

fn drawn(shape: &[usize]) -> ArrayD<f32> {
    let mut rng = stats::generator(5, &format!("{shape:?}"));
    ArrayD::from_shape_simple_fn(IxDyn(shape), || rng.random_range(-1.0..1.0))
}

fn weights(graph: &mut Graph, name: &str, shape: &[usize]) {
    let values: Vec<f32> = drawn(shape).iter().copied().collect();
    graph.set_weights(name, Weights::f32(shape, &values));
}

fn symbol(name: &str) -> DimensionSize {
    DimensionSize::Symbol(name.into())
}

/// Two products with a Relu between, on an input of the given batch.
fn products(batch: DimensionSize) -> Graph {
    let mut graph = Graph::empty("products", 13);
    graph.add_input("x", Dtype::F32, &[batch, DimensionSize::Fixed(FEATURES)]);
    weights(&mut graph, "first.weight", &[FEATURES, 8]);
    weights(&mut graph, "second.weight", &[8, 3]);
    node(&mut graph, "MatMul", &["x", "first.weight"], "first");
    node(&mut graph, "Relu", &["first"], "hidden");
    node(&mut graph, "MatMul", &["hidden", "second.weight"], "y");
    graph.add_output("y");
    graph
}

/// A convolution over images of any size, as exporters write what they know no name for.
fn anonymous() -> Graph {
    let mut graph = Graph::empty("anonymous", 13);
    let sizes =
        [symbol("p2o.DynamicDimension.0"), DimensionSize::Fixed(3), symbol("?"), symbol("")];
    graph.add_input("x", Dtype::F32, &sizes);
    graph.add_input("z", Dtype::F32, &[symbol("?"), symbol("p2o.DynamicDimension.1")]);
    weights(&mut graph, "conv.weight", &[5, 3, 1, 1]);
    node(&mut graph, "Conv", &["x", "conv.weight"], "conv");
    node(&mut graph, "Relu", &["conv"], "hidden");
    node(&mut graph, "GlobalAveragePool", &["hidden"], "pooled");
    node(&mut graph, "Flatten", &["pooled"], "flat");
    let mut mean = Node {
        name: "mean".into(),
        op_type: "ReduceMean".into(),
        input: vec!["z".into()],
        output: vec!["mean".into()],
        ..Node::default()
    };
    graph::set_ints(&mut mean, "axes", vec![1]);
    graph.add_node(mean);
    node(&mut graph, "Add", &["flat", "mean"], "y");
    graph.add_output("y");
    graph
}

/// A step of a recurrent network: a state with the batch inside, and a rate that all samples share.
fn recurrent(state_batch: DimensionSize, batch: DimensionSize) -> Graph {
    let mut graph = Graph::empty("recurrent", 13);
    graph.add_input("x", Dtype::F32, &[batch, DimensionSize::Fixed(FEATURES)]);
    graph.add_input(
        "state",
        Dtype::F32,
        &[DimensionSize::Fixed(2), state_batch, DimensionSize::Fixed(3)],
    );
    graph.add_input("rate", Dtype::I64, &[]);
    weights(&mut graph, "input.weight", &[FEATURES, 3]);
    graph.set_weights("last", Weights::i64(&[], &[1]));
    node(&mut graph, "MatMul", &["x", "input.weight"], "product");
    node(&mut graph, "Gather", &["state", "last"], "before");
    let mut cast = Node {
        name: "cast".into(),
        op_type: "Cast".into(),
        input: vec!["rate".into()],
        output: vec!["factor".into()],
        ..Node::default()
    };
    graph::set_int(&mut cast, "to", 1);
    graph.add_node(cast);
    node(&mut graph, "Mul", &["before", "factor"], "scaled");
    node(&mut graph, "Add", &["product", "scaled"], "y");
    graph.add_output("y");
    graph
}

fn labels() -> Array1<i64> {
    Array1::from_iter((0..SAMPLES as i64).map(|s| s % 3))
}

/// A file of arrays with labels.
fn npz(path: &Path, add: impl FnOnce(&mut NpzWriter<File>)) {
    let mut writer = NpzWriter::new(File::create(path).unwrap());
    writer.add_array("labels", &labels()).unwrap();
    add(&mut writer);
    writer.finish().unwrap();
}

fn add<T: WritableElement>(writer: &mut NpzWriter<File>, name: &str, array: &ArrayD<T>) {
    writer.add_array(name, array).unwrap();
}

/// A file of arrays as they are written on big-endian machines.
fn big_endian_npz(path: &Path, x: &Array2<f32>) {
    let mut archive = zip::ZipWriter::new(File::create(path).unwrap());
    let x_bytes: Vec<u8> = x.iter().flat_map(|v| v.to_be_bytes()).collect();
    let label_bytes: Vec<u8> = labels().iter().flat_map(|v| (*v as u16).to_be_bytes()).collect();
    let shapes = [format!("({}, {})", x.nrows(), x.ncols()), format!("({SAMPLES},)")];
    let arrays = [("x", ">f4", &shapes[0], x_bytes), ("labels", ">u2", &shapes[1], label_bytes)];
    for (name, descriptor, shape, bytes) in arrays {
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file(format!("{name}.npy"), options).unwrap();
        let header =
            format!("{{'descr': '{descriptor}', 'fortran_order': False, 'shape': {shape}, }}\n");
        archive.write_all(b"\x93NUMPY\x01\x00").unwrap();
        archive.write_all(&(header.len() as u16).to_le_bytes()).unwrap();
        archive.write_all(header.as_bytes()).unwrap();
        archive.write_all(&bytes).unwrap();
    }
    archive.finish().unwrap();
}

fn study(folder: &Path, model: &str) {
    let text = format!(
        "[study]\nname = \"forms\"\nowner = \"tests\"\n[model]\npath = \"model.onnx\"\n{model}\n\
         [task]\nkind = \"classification\"\nscores = \"logits\"\n[data]\npath = \"data.npz\"\n\
         [protocol]\nprobes = 0\n[[variant]]\nname = \"int8\"\nsteps = [{{ quantize = \"int8\" }}]\n"
    );
    std::fs::write(folder.join("study.toml"), text).unwrap();
}

const LOOKS: [&[&str]; 3] = [
    &["eval", "model.onnx", "--scores", "logits", "--data"],
    &["catalog", "model.onnx", "--probes", "0", "--data"],
    &["diff", "model.onnx", "model.onnx", "--data"],
];

#[test]
fn every_verb_reads_every_order_of_bytes_and_axes() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    products(symbol("N")).save(&at("model.onnx")).unwrap();
    let x = drawn(&[SAMPLES, FEATURES]).into_dimensionality::<ndarray::Ix2>().unwrap();
    let mut columns = Array2::zeros((SAMPLES, FEATURES).f());
    columns.assign(&x);
    npz(&at("plain.npz"), |w| add(w, "x", &x.clone().into_dyn()));
    npz(&at("fortran.npz"), |w| add(w, "x", &columns.into_dyn()));
    big_endian_npz(&at("big_endian.npz"), &x);
    for look in LOOKS {
        let answer = |data: &str| {
            let ended = paring(folder.path(), &[look, &[data]].concat()).success();
            let found = serde_json::from_slice(&ended.get_output().stdout).unwrap();
            match look[0] {
                // Beside scores, a catalog holds times.
                "catalog" => serde_json::Value::Null,
                _ => found,
            }
        };
        let plain = answer("plain.npz");
        assert_eq!(answer("fortran.npz"), plain, "{look:?}");
        assert_eq!(answer("big_endian.npz"), plain, "{look:?}");
    }
    for form in ["fortran.npz", "big_endian.npz"] {
        std::fs::rename(at(form), at("data.npz")).unwrap();
        study(folder.path(), "");
        let out = format!("run-{form}");
        paring(folder.path(), &["compress", "study.toml", "--out", &out]).success();
    }
}

#[test]
fn empty_and_unlike_arrays_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    products(symbol("N")).save(&at("model.onnx")).unwrap();
    let mut empty = NpzWriter::new(File::create(at("empty.npz")).unwrap());
    empty.add_array("x", &Array2::<f32>::zeros((0, FEATURES))).unwrap();
    empty.add_array("labels", &Array1::<i64>::zeros(0)).unwrap();
    empty.finish().unwrap();
    npz(&at("half.npz"), |w| add(w, "x", &drawn(&[SAMPLES / 2, FEATURES])));
    npz(&at("wide.npz"), |w| add(w, "x", &ArrayD::<f64>::zeros(IxDyn(&[SAMPLES, FEATURES]))));
    npz(&at("site.npz"), |w| {
        add(w, "x", &drawn(&[SAMPLES, FEATURES]));
        add(w, "site", &ArrayD::<i64>::zeros(IxDyn(&[SAMPLES - 1])));
    });
    let profile: &[&str] = &["profile", "model.onnx", "--data"];
    for look in LOOKS.iter().chain([&profile]) {
        let with = |data: &'static str| [*look, &[data][..]].concat();
        refused(folder.path(), &with("empty.npz"), &["array `labels` of empty.npz is empty"]);
        let half = format!("array `x` of half.npz has {} entries for {SAMPLES}", SAMPLES / 2);
        refused(folder.path(), &with("half.npz"), &[&half]);
        refused(folder.path(), &with("wide.npz"), &["array `x` is float64", "expects float32"]);
    }
    let bench = ["bench", "model.onnx", "--out", "bench", "--data", "empty.npz"];
    refused(folder.path(), &bench, &["array `x` of empty.npz is empty: its shape is [0, 4]"]);
    let eval = ["eval", "model.onnx", "--slice", "site", "--data", "site.npz"];
    refused(folder.path(), &eval, &["array `site` of site.npz has 23 entries for 24 samples"]);
}

#[test]
fn dimensions_without_a_name_are_named_by_input_and_axis() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    anonymous().save(&at("model.onnx")).unwrap();
    npz(&at("data.npz"), |w| {
        add(w, "x", &drawn(&[SAMPLES, 3, 6, 7]));
        add(w, "z", &drawn(&[SAMPLES, 5]));
    });
    for look in LOOKS {
        paring(folder.path(), &[look, &["data.npz"]].concat()).success();
    }
    let missing = ["`x:2`, `x:3`, `p2o.DynamicDimension.1`", "--dims \"x:2=SIZE,x:3=SIZE,"];
    let sizes = "x:2=6,x:3=7,p2o.DynamicDimension.1=5";
    let bench = ["bench", "model.onnx", "--random-inputs", "--blocks", "1", "--solo-ms", "2"];
    let bench = [&bench[..], &["--paired-ms", "2", "--out", "bench"]].concat();
    for look in [&["catalog", "model.onnx"][..], &["diff", "model.onnx", "model.onnx"], &bench[..]]
    {
        let with = |dims: &'static str| {
            let _ = std::fs::remove_dir_all(at("bench"));
            [look, &["--dims", dims]].concat()
        };
        // Where both models only need to be fed alike, any size does.
        match look[0] {
            "diff" => drop(paring(folder.path(), look).success()),
            _ => refused(folder.path(), look, &missing),
        }
        paring(folder.path(), &with(sizes)).success();
        refused(folder.path(), &with("y=3"), &["no dimension `y`", "x:3"]);
        let batch = "p2o.DynamicDimension.0=3";
        refused(folder.path(), &with(batch), &["it is the batch, which is 1 here"]);
    }
    paring(folder.path(), &["init", "model.onnx", "--data", "data.npz"]).success();
    let written = std::fs::read_to_string(at("study.toml")).unwrap();
    let line = "# dims = { \"x:2\" = SIZE, \"x:3\" = SIZE, \"p2o.DynamicDimension.1\" = SIZE }";
    assert!(written.contains(line), "{written}");
    study(folder.path(), "dims = { \"x:2\" = 6 }");
    paring(folder.path(), &["compress", "study.toml", "--out", "run"]).success();
    study(folder.path(), "dims = { \"x:2\" = 9 }");
    let conflict = ["compress", "study.toml", "--out", "other"];
    refused(folder.path(), &conflict, &["dimension `x:2` would be 9 and 6 at once"]);
}

/// Holds values against each other, numbers within single precision.
#[track_caller]
fn alike(found: &serde_json::Value, expected: &serde_json::Value) {
    use serde_json::Value;
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            assert!(found.keys().eq(expected.keys()), "{found:?} {expected:?}");
            found.iter().for_each(|(key, value)| alike(value, &expected[key]));
        }
        (Value::Number(found), Value::Number(expected)) => {
            let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
            assert!((found - expected).abs() < 1e-6 * expected.abs().max(1.0));
        }
        _ => assert_eq!(found, expected),
    }
}

#[test]
fn a_batch_that_the_file_fixes_groups_samples() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let x = drawn(&[SAMPLES, FEATURES]);
    npz(&at("data.npz"), |w| add(w, "x", &x));
    let evaluated = |graph: Graph| {
        graph.save(&at("model.onnx")).unwrap();
        let ended = paring(folder.path(), &[LOOKS[0], &["data.npz"]].concat()).success();
        let all: serde_json::Value = serde_json::from_slice(&ended.get_output().stdout).unwrap();
        all[0]["evaluation"]["metrics"].clone()
    };
    let free = evaluated(products(symbol("N")));
    assert!(free.is_array() || free.is_object(), "{free}");
    // Another number of rows may have another kernel, which rounds otherwise.
    alike(&evaluated(products(DimensionSize::Fixed(2))), &free);
    for look in LOOKS {
        paring(folder.path(), &[look, &["data.npz"]].concat()).success();
    }
    paring(folder.path(), &["profile", "model.onnx", "--data", "data.npz"]).success();
    study(folder.path(), "");
    paring(folder.path(), &["compress", "study.toml", "--out", "run"]).success();
}

#[test]
fn inputs_without_a_batch_take_one_value_or_one_a_sample() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (x, state) = (drawn(&[SAMPLES, FEATURES]), drawn(&[2, 1, 3]));
    let rate = ArrayD::from_elem(IxDyn(&[]), 16i64);
    npz(&at("once.npz"), |w| {
        add(w, "x", &x);
        add(w, "state", &state);
        add(w, "rate", &rate);
    });
    npz(&at("each.npz"), |w| {
        add(w, "x", &x);
        let every: Vec<_> = (0..SAMPLES).map(|_| state.view()).collect();
        add(w, "state", &ndarray::stack(ndarray::Axis(0), &every).unwrap());
        add(w, "rate", &ArrayD::from_elem(IxDyn(&[SAMPLES]), 16i64));
    });
    npz(&at("wrong.npz"), |w| {
        add(w, "x", &x);
        add(w, "state", &drawn(&[2, 1, 4]));
        add(w, "rate", &rate);
    });
    for (state_batch, batch) in [("batch", "batch"), ("", "")] {
        recurrent(symbol(state_batch), symbol(batch)).save(&at("model.onnx")).unwrap();
        for look in LOOKS {
            let of = |data: &str| {
                let ended = paring(folder.path(), &[look, &[data]].concat()).success();
                ended.get_output().stdout.clone()
            };
            let (once, each) = (of("once.npz"), of("each.npz"));
            assert!(look[0] == "catalog" || once == each, "{look:?}");
            let said = ["array `state` has shape [2, 1, 4]", "once for all samples"];
            refused(folder.path(), &[look, &["wrong.npz"]].concat(), &said);
        }
        std::fs::copy(at("once.npz"), at("data.npz")).unwrap();
        study(folder.path(), "");
        let out = format!("run{batch}");
        paring(folder.path(), &["compress", "study.toml", "--out", &out]).success();
    }
    recurrent(symbol("batch"), symbol("batch")).save(&at("model.onnx")).unwrap();
    let bench = ["bench", "model.onnx", "--data", "once.npz", "--blocks", "1", "--solo-ms", "2"];
    let four = ["--paired-ms", "2", "--batch", "4", "--out", "bench"];
    paring(folder.path(), &[&bench[..], &four].concat()).success();
}
