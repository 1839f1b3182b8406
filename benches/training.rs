//! A training step against the forward pass of the same samples: all of them in one backward pass, and
//! in passes of as many as a node's working set allows, whose gradients are added up.
//!
//! `cargo bench --bench training [-- MODEL.onnx]…`, each line on one core; without a model the digits CNN.

use anyhow::Context;
use ndarray::{ArrayD, IxDyn};
use paring::arrays::Array;
use paring::compress::distillation::pass_samples;
use paring::compress::gradient::{
    BackwardPass, BackwardRequest, GradientTarget, LossFunction, LossTerm, backward_graph,
};
use paring::compress::{
    PostTrainingQuantization, QuantizationFormat, QuantizationGranularity, prepare_for_quantization,
};
use paring::engine::{AnalysedModel, DimensionBindings, InferencePlan, ModelSource};
use paring::graph::Graph;
use paring::schema::EngineOptions;
use paring::stats;
use rand::RngExt;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

const BATCH: usize = 64;
const ROUNDS: usize = 15;

fn main() -> anyhow::Result<()> {
    let given = std::env::args().skip(1).filter(|word| !word.starts_with("--"));
    let mut models: Vec<PathBuf> = given.map(PathBuf::from).collect();
    if models.is_empty() {
        let digits = "examples/digits/digits_cnn.onnx";
        models.push(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(digits));
    }
    models.iter().try_for_each(|model| compare(model))
}

/// Medians over rounds in which each of the three runs once.
fn compare(model: &PathBuf) -> anyhow::Result<()> {
    let float =
        PostTrainingQuantization::new(QuantizationFormat::Int8, QuantizationGranularity::Tensor);
    let (graph, _) = prepare_for_quantization(Graph::load(model)?, &float)?;
    let facts = graph.facts(&BTreeMap::new(), 1)?;
    let samples = pass_samples(&graph, &facts, BATCH);
    let forward = forward(&graph)?;
    let (whole, part) = (step(&graph, BATCH)?, step(&graph, samples)?);
    let (arrays, own) = (arrays(&graph, BATCH)?, arrays(&graph, samples)?);
    let (whole_arrays, part_arrays) = (whole.arrays(&graph, &arrays)?, part.arrays(&graph, &own)?);
    let mut times: [Vec<f64>; 3] = Default::default();
    for _ in 0..ROUNDS {
        times[0].push(timed(|| Ok(drop(forward.run(&forward.inputs(&arrays)?)?)))?);
        times[1].push(timed(|| Ok(drop(whole.pass.run(&whole_arrays)?)))?);
        times[2].push(timed(|| {
            (0..BATCH / samples).try_for_each(|_| Ok(drop(part.pass.run(&part_arrays)?)))
        })?);
    }
    let [forward, whole, part] = times.map(|mut own| {
        own.sort_by(f64::total_cmp);
        own[own.len() / 2]
    });
    println!(
        "{}: {BATCH} samples forward {:.1} ms; a step {:.1} ms = {:.2} forward passes as one pass, {:.1} ms = {:.2} in passes of {samples}",
        model.display(),
        1e3 * forward,
        1e3 * whole,
        whole / forward,
        1e3 * part,
        part / forward,
    );
    Ok(())
}

fn timed(mut run: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let begun = Instant::now();
    run()?;
    Ok(begun.elapsed().as_secs_f64())
}

fn forward(graph: &Graph) -> anyhow::Result<InferencePlan> {
    let bytes = graph.encode();
    let at = DimensionBindings { batch: BATCH, dims: &BTreeMap::new() };
    let model = AnalysedModel::load(ModelSource::Bytes(graph.name(), &bytes), at)?;
    Ok(model.optimise(&EngineOptions::default())?)
}

/// Random inputs.
fn arrays(graph: &Graph, batch: usize) -> anyhow::Result<BTreeMap<String, Array>> {
    let facts = graph.facts(&BTreeMap::new(), batch)?;
    let mut draw = stats::generator(1, "inputs");
    let each = graph.inputs().into_iter().map(|name| {
        let dims = facts.shapes.get(name).context("an input has no shape")?;
        let values = ArrayD::from_shape_simple_fn(IxDyn(dims), || draw.random::<f32>() - 0.5);
        Ok((name.to_string(), Array::F32(values)))
    });
    each.collect()
}

/// Loss and gradients of all weights of layers, which are inputs.
struct Step {
    pass: BackwardPass,
    weights: Vec<String>,
    /// The input that the loss reads, and its shape.
    target: (String, Vec<usize>),
}

fn step(graph: &Graph, batch: usize) -> anyhow::Result<Step> {
    let facts = graph.facts(&BTreeMap::new(), batch)?;
    let output = (*graph.outputs().first().context("no output")?).to_string();
    let loss = LossTerm { tensor: output, function: LossFunction::SquaredError, weight: 1.0 };
    let layers = graph.nodes().iter().filter(|node| ["Conv", "Gemm"].contains(&&*node.op_type));
    let stored = |name: &&String| graph.weights(name).is_ok();
    let weights: Vec<String> =
        layers.flat_map(|node| &node.input[1..]).filter(stored).cloned().collect();
    let targets = weights.iter().map(|name| GradientTarget::tensor(name)).collect();
    let request =
        BackwardRequest { variables: weights.clone(), ..BackwardRequest::new(vec![loss], targets) };
    let backward = backward_graph(graph, &facts, &request)?.complete()?;
    let input = backward.inputs.first().context("the loss reads nothing")?;
    let target = (input.name.clone(), input.dims.clone());
    Ok(Step { pass: BackwardPass::load(&backward)?, weights, target })
}

impl Step {
    fn arrays(
        &self,
        graph: &Graph,
        inputs: &BTreeMap<String, Array>,
    ) -> anyhow::Result<BTreeMap<String, Array>> {
        let mut all = inputs.clone();
        let (name, dims) = &self.target;
        all.insert(name.clone(), Array::F32(ArrayD::zeros(IxDyn(dims))));
        for name in &self.weights {
            let stored = graph.weights(name)?;
            let values = stored.to_f32().context("weights of other numbers")?;
            let array = ArrayD::from_shape_vec(IxDyn(&stored.dims), values)?;
            all.insert(name.clone(), Array::F32(array));
        }
        Ok(all)
    }
}
