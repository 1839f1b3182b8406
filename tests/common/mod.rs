//! What several tests need: where models lie, random inputs, and outputs of a graph.
#![allow(dead_code, reason = "each test binary uses a part")]

pub mod attributes;
pub mod gradient_cases;
pub mod mutation;
pub mod network;
pub mod oddities;
pub mod planted;
pub mod spoil;
pub mod surgery;

use ndarray::{ArrayD, IxDyn};
use paring::arrays::{Array, Dim, Dtype};
use paring::engine::{self, AnalysedModel, DimensionBindings, ModelSource};
use paring::graph::Graph;
use paring::schema::EngineOptions;
use paring::stats;
use rand::RngExt;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A file of the example.
pub fn digits(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/digits").join(name)
}

/// A folder of data beside the checkout, where there is one.
pub fn shared(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(folder);
    path.is_dir().then_some(path)
}

/// A Python that has onnxruntime.
pub fn python() -> Option<String> {
    let python = std::env::var("PARING_PYTHON").unwrap_or_else(|_| "python3".into());
    let has = std::process::Command::new(&python).args(["-c", "import onnxruntime"]).output();
    has.is_ok_and(|output| output.status.success()).then_some(python)
}

/// Says on the terminal that a test did not run.
pub fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

/// The program, with what it learns of forecasts in `folder`.
pub fn paring(folder: &Path, arguments: &[&str]) -> assert_cmd::assert::Assert {
    assert_cmd::Command::new(env!("CARGO_BIN_EXE_paring"))
        .env("PARING_FORECASTS", folder.join("forecasts.jsonl"))
        .args(arguments)
        .assert()
}

/// Values of about a standard normal distribution.
pub fn normal(rng: &mut stats::SeededGenerator, shape: &[usize]) -> ArrayD<f32> {
    let one =
        |rng: &mut stats::SeededGenerator| (0..12).map(|_| rng.random::<f32>()).sum::<f32>() - 6.0;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || one(rng))
}

/// Seeded inputs for a model; symbolic dimensions other than the batch become 8.
pub fn random_inputs(path: &Path, batch: usize) -> BTreeMap<String, Array> {
    inputs_of(ModelSource::File(path), batch)
}

/// Likewise, of a model wherever it comes from.
pub fn inputs_of(source: ModelSource, batch: usize) -> BTreeMap<String, Array> {
    let mut rng = stats::generator(3, "test inputs");
    let signature = engine::describe(source).unwrap();
    let inputs = signature.inputs.iter().map(|need| {
        let size = |(axis, dim): (usize, &Dim)| match dim {
            Dim::Fixed(n) => *n,
            _ if axis == 0 => batch,
            _ => 8,
        };
        let shape: Vec<usize> = need.dims.iter().enumerate().map(size).collect();
        let array = match need.dtype {
            Dtype::I64 => {
                Array::I64(ArrayD::from_shape_simple_fn(IxDyn(&shape), || rng.random_range(0..2)))
            }
            _ => Array::F32(ArrayD::from_shape_simple_fn(IxDyn(&shape), || {
                rng.random::<f32>() - 0.3
            })),
        };
        (need.name.clone(), array)
    });
    inputs.collect()
}

/// All outputs of a graph, one after the other.
pub fn outputs(graph: &Graph, inputs: &BTreeMap<String, Array>) -> Vec<f32> {
    let bytes = graph.encode();
    let batch = inputs.values().next().unwrap().rows();
    let bindings = DimensionBindings { batch, dims: &BTreeMap::new() };
    let model = AnalysedModel::load(ModelSource::Bytes("test", &bytes), bindings).unwrap();
    let plan = model.optimise(&EngineOptions::default()).unwrap();
    plan.run(&plan.inputs(inputs).unwrap()).unwrap().concat()
}

/// Flattening of several arrays.
trait Concat {
    fn concat(self) -> Vec<f32>;
}

impl Concat for Vec<ArrayD<f32>> {
    fn concat(self) -> Vec<f32> {
        self.iter().flat_map(|a| a.iter().copied()).collect()
    }
}
