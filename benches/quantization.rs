//! What tuning and measured precisions bring on this machine, as the tool itself measures it: paired
//! bursts in one process, and what the ledger then says.
//!
//! `cargo bench --bench quantization -- [MODEL.onnx|MODEL.onnx=DATA.npz …]` takes a product of
//! 128x768x768, a transformer layer of BERT's size, a ResNet-50, and the models that are named; those
//! without data on random numbers. `--only WORD` leaves out all whose name has not this word in it,
//! and `--keep DIR` keeps models, data and runs.

mod models;

use anyhow::{Context, ensure};
use ndarray::{Array1, ArrayD};
use paring::arrays::{Array, Dim};
use paring::data::random_inputs;
use paring::engine::{self, AnalysedModel, DimensionBindings, ModelSource};
use paring::graph::{Graph, Weights};
use paring::schema::EngineOptions;
use paring::stats;
use rand::RngExt;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Half of them calibrate.
const SAMPLES: usize = 64;

/// A model and samples for it.
struct Subject {
    name: String,
    model: PathBuf,
    data: PathBuf,
    kind: &'static str,
}

/// Makes a model and what it is compared with.
type Maker = Box<dyn Fn() -> anyhow::Result<Subject>>;

fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    let (mut only, mut keep, mut given) = (String::new(), None, Vec::new());
    while let Some(word) = words.next() {
        match word.as_str() {
            "--only" => only = words.next().context("--only needs a word")?,
            "--keep" => keep = Some(PathBuf::from(words.next().context("--keep needs a folder")?)),
            _ => given.push(word),
        }
    }
    let own = tempfile::tempdir()?;
    let folder = keep.unwrap_or_else(|| own.path().to_path_buf());
    std::fs::create_dir_all(&folder)?;
    let mut makers: Vec<(String, Maker)> = Vec::new();
    for (name, make) in built_in() {
        let folder = folder.clone();
        makers.push((name.into(), Box::new(move || make(&folder))));
    }
    for word in given {
        let folder = folder.clone();
        makers.push((word.clone(), Box::new(move || named(&folder, &word))));
    }
    for (_, make) in makers.iter().filter(|(name, _)| name.contains(&only)) {
        let subject = make()?;
        subject.run(&folder).with_context(|| subject.name.clone())?;
    }
    Ok(())
}

type Make = fn(&Path) -> anyhow::Result<Subject>;

fn built_in() -> [(&'static str, Make); 3] {
    [
        ("product-128x768x768", |folder| {
            let name = "product-128x768x768";
            let inputs = [("x", tokens(SAMPLES))];
            subject(folder, name, models::product(5, (768, 768)), inputs.into(), "regression")
        }),
        ("bert-layer", |folder| {
            let graph = models::bert_layer(5);
            subject(folder, "bert-layer", graph, [("x", tokens(SAMPLES))].into(), "regression")
        }),
        ("resnet50", |folder| {
            let images = models::images(2 * SAMPLES);
            let graph = taught(models::resnet50(7), &images)?;
            subject(folder, "resnet50", graph, [("image", images)].into(), "classification")
        }),
    ]
}

/// Tokens of 768 numbers, 128 a sample, around a centre of the sample's own.
fn tokens(samples: usize) -> ArrayD<f32> {
    let mut draw = stats::generator(5, "tokens");
    let mut values = Vec::with_capacity(samples * 128 * 768);
    for _ in 0..samples {
        let centre: Vec<f32> = (0..768).map(|_| draw.random_range(-1.0..1.0)).collect();
        for _ in 0..128 {
            values.extend(centre.iter().map(|c| c + draw.random_range(-1.0..1.0f32)));
        }
    }
    ArrayD::from_shape_vec(vec![samples, 128, 768], values).unwrap_or_default()
}

/// Gives the classifier of a network with random weights something to tell apart: its classes are
/// the first images.
fn taught(mut graph: Graph, images: &ArrayD<f32>) -> anyhow::Result<Graph> {
    let bytes = graph.encode();
    let bindings = DimensionBindings { batch: 1, dims: &BTreeMap::new() };
    let source = ModelSource::Bytes("resnet50", &bytes);
    let model = AnalysedModel::load_tensors(source, bindings, &["flat/Flatten".to_string()])?;
    let plan = model.optimise(&EngineOptions::default())?;
    let all = Array::F32(images.clone());
    let features = (0..SAMPLES).map(|i| {
        let inputs = BTreeMap::from([("image".to_string(), all.take(&[i]))]);
        Ok(plan.run(&plan.inputs(&inputs)?)?.into_iter().flatten().collect())
    });
    let features: Vec<Vec<f32>> = features.collect::<anyhow::Result<_>>()?;
    let width = features[0].len();
    let mean: Vec<f32> =
        (0..width).map(|j| features.iter().map(|f| f[j]).sum::<f32>() / SAMPLES as f32).collect();
    let mut weights = vec![0.0f32; 1000 * width];
    let mut biases = vec![-1e3f32; 1000];
    for (class, own) in features.iter().enumerate() {
        let away: Vec<f32> = own.iter().zip(&mean).map(|(f, m)| f - m).collect();
        let length = away.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-9);
        let row = &mut weights[class * width..(class + 1) * width];
        row.iter_mut().zip(&away).for_each(|(w, a)| *w = 10.0 * a / length / length);
        biases[class] = -row.iter().zip(&mean).map(|(w, m)| w * m).sum::<f32>();
    }
    graph.set_weights("head.weight", Weights::f32(&[1000, width], &weights));
    graph.set_weights("head.bias", Weights::f32(&[1000], &biases));
    Ok(graph)
}

fn subject(
    folder: &Path,
    name: &str,
    graph: Graph,
    inputs: BTreeMap<&str, ArrayD<f32>>,
    kind: &'static str,
) -> anyhow::Result<Subject> {
    let (model, data) = (folder.join(format!("{name}.onnx")), folder.join(format!("{name}.npz")));
    graph.save(&model)?;
    let inputs = inputs.into_iter().map(|(name, array)| (name.to_string(), Array::F32(array)));
    write(&data, inputs.collect())?;
    Ok(Subject { name: name.into(), model, data, kind })
}

/// A model of a file, with its data or random numbers.
fn named(folder: &Path, word: &str) -> anyhow::Result<Subject> {
    let (model, data) = word.split_once('=').map_or((word, None), |(m, d)| (m, Some(d)));
    let model = Path::new(model).canonicalize().with_context(|| model.to_string())?;
    let name = model.file_stem().unwrap_or_default().to_string_lossy().to_string();
    let data = match data {
        Some(data) => Path::new(data).canonicalize()?,
        None => {
            let needs = engine::describe(ModelSource::File(&model))?.inputs;
            let sizes = needs.iter().flat_map(|need| need.dims.iter().skip(1));
            let symbols = sizes.filter_map(|dim| match dim {
                Dim::Symbol(symbol) => Some((symbol.clone(), 16)),
                _ => None,
            });
            let path = folder.join(format!("{name}.npz"));
            write(&path, random_inputs(&needs, &symbols.collect(), SAMPLES, 5)?)?;
            path
        }
    };
    Ok(Subject { name, model, data, kind: "classification" })
}

fn write(path: &Path, arrays: BTreeMap<String, Array>) -> anyhow::Result<()> {
    let mut file = ndarray_npy::NpzWriter::new(std::fs::File::create(path)?);
    let mut rows = 0;
    for (name, array) in &arrays {
        rows = array.rows();
        match array {
            Array::F32(values) => file.add_array(name.as_str(), values)?,
            Array::I64(values) => file.add_array(name.as_str(), values)?,
            _ => anyhow::bail!("input `{name}` is neither of floats nor of 64-bit integers"),
        }
    }
    file.add_array("labels", &Array1::from_iter((0..rows).map(|i| i as i64 % 2)))?;
    file.finish()?;
    Ok(())
}

impl Subject {
    fn study(&self) -> String {
        let Subject { name, model, data, kind } = self;
        let (model, data) = (model.display(), data.display());
        format!(
            "[study]\nname = \"{name}\"\nowner = \"cargo bench\"\n[model]\npath = \"{model}\"\n\
             {}[task]\nkind = \"{kind}\"\n[data]\npath = \"{data}\"\n\
             splits = {{ calibrate = 0.5, select = 0.0, report = 0.5, seed = 1 }}\n\
             [[variant]]\nname = \"tuned\"\nsteps = [{{ tune = true }}]\n\
             [[variant]]\nname = \"measured\"\nsteps = [{{ quantize = \"int8\", \
             layers = \"measured\", on = \"host\", \
             calibration = \"auto\" }}]\n",
            self.dims()
        )
    }

    fn dims(&self) -> String {
        let needs = engine::describe(ModelSource::File(&self.model)).map(|s| s.inputs);
        let mut symbols: Vec<String> = needs
            .iter()
            .flatten()
            .flat_map(|need| need.dims.iter().skip(1))
            .filter_map(|dim| match dim {
                Dim::Symbol(symbol) => Some(format!("\"{symbol}\" = 16")),
                _ => None,
            })
            .collect();
        symbols.sort();
        symbols.dedup();
        match symbols.is_empty() {
            true => String::new(),
            false => format!("dims = {{ {} }}\n", symbols.join(", ")),
        }
    }

    /// Makes the two variants and says what the ledger says of them.
    fn run(&self, folder: &Path) -> anyhow::Result<()> {
        let run = folder.join(format!("{}.run", self.name));
        let study = folder.join(format!("{}.toml", self.name));
        ensure!(!run.exists(), "{} is there already; keep this one elsewhere", run.display());
        std::fs::write(&study, self.study())?;
        let begun = Instant::now();
        let output = Command::new(env!("CARGO_BIN_EXE_paring"))
            .args(["compress", "--quiet"])
            .arg(&study)
            .arg("--out")
            .arg(&run)
            .output()?;
        let words = String::from_utf8_lossy(&output.stderr).to_string();
        println!("{} ({:.0} s)", self.name, begun.elapsed().as_secs_f64());
        ensure!(output.status.success() || run.join("ledger.jsonl").is_file(), "{words}");
        for line in std::fs::read_to_string(run.join("ledger.jsonl"))?.lines() {
            let entry: serde_json::Value = serde_json::from_str(line)?;
            let body = &entry["body"];
            if let Some(what @ ("tune" | "choose precisions")) = body["operation"].as_str() {
                println!("  {what}: {}", body["reason"].as_str().unwrap_or_default());
                for other in body["alternatives_rejected"].as_array().into_iter().flatten() {
                    let word = |key: &str| other[key].as_str().unwrap_or_default().to_string();
                    println!("    rather than {}: {}", word("what"), word("why"));
                }
            }
            if let Some(reason) = body["reason"].as_str().filter(|_| body["what"] == "variant") {
                println!("  {} not made: {reason}", body["variant"]);
            }
        }
        Ok(())
    }
}
