//! Times a forward pass and a training step of a model: loss, gradients of all weights, weights as
//! inputs. One thread; medians in milliseconds.
//!
//! Usage: cargo run --release --example gradient_step -- MODEL.onnx LOGITS-OR-PROBABILITIES BATCH…

use ndarray::{ArrayD, IxDyn};
use paring::arrays::Array;
use paring::catalog::Calibration;
use paring::compress::gradient::{
    BackwardPass, BackwardRequest, GradientTarget, LossFunction, LossTerm, backward_graph,
};
use paring::compress::lossless;
use paring::data::random_inputs;
use paring::engine::{AnalysedModel, DimensionBindings, ModelSource, describe};
use paring::graph::Graph;
use paring::schema::{EngineOptions, ScoreKind, Sha256Hex};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

fn main() -> anyhow::Result<()> {
    paring::engine::avoid_faulty_tier();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, scores, batches @ ..] = arguments.as_slice() else {
        anyhow::bail!("usage: gradient_step MODEL SCORES BATCH…")
    };
    let scores = if scores == "logits" { ScoreKind::Logits } else { ScoreKind::Probabilities };
    println!("batch, forward, forward with channels last, step, step / forward");
    for batch in batches {
        one(Path::new(model), scores, batch.parse()?)?;
    }
    Ok(())
}

fn one(model: &Path, scores: ScoreKind, batch: usize) -> anyhow::Result<()> {
    let dims = BTreeMap::new();
    let needs = describe(ModelSource::File(model))?.inputs;
    let mut inputs = random_inputs(&needs, &dims, batch, 7)?;
    let (labels, sha256) = (Vec::new(), Sha256Hex::of(b"random"));
    let own = Calibration {
        inputs: inputs.clone(),
        labels,
        rule: None,
        batch,
        dims: dims.clone(),
        sha256,
    };
    // Normalisations folded: their parameters cannot vary.
    let (graph, _) = lossless(&Graph::load(model)?, &own)?;
    let output = graph.outputs()[0].to_string();
    let function = LossFunction::CrossEntropy(scores);
    let facts = graph.facts(&dims, batch)?;
    let float =
        |name: &&str| graph.weights(name).is_ok_and(|w| w.to_f32().is_some() && w.len() > 1);
    let weights: Vec<String> =
        graph.initializer_names().into_iter().filter(float).map(String::from).collect();
    let loss = vec![LossTerm { tensor: output, function, weight: 1.0 }];
    let targets = weights.iter().map(|name| GradientTarget::tensor(name)).collect();
    let request =
        BackwardRequest { variables: weights.clone(), ..BackwardRequest::new(loss, targets) };
    let backward = backward_graph(&graph, &facts, &request)?;
    let pass = BackwardPass::load(&backward)?;
    let bindings = DimensionBindings { batch, dims: &dims };
    let bytes = graph.encode();
    let mut forward = Vec::new();
    for transforms in [vec![], vec!["conv_nhwc".to_string()]] {
        let options = EngineOptions { transforms, ..EngineOptions::default() };
        let source = ModelSource::Bytes("forward", &bytes);
        let plan = AnalysedModel::load(source, bindings)?.optimise(&options)?;
        let ready = plan.inputs(&inputs)?;
        forward.push(median(|| plan.run(&ready).map(drop).map_err(Into::into))?);
    }
    for name in &weights {
        let stored = graph.weights(name)?;
        let values = stored.to_f32().unwrap_or_default();
        inputs.insert(name.clone(), Array::F32(ArrayD::from_shape_vec(stored.dims, values)?));
    }
    for input in &backward.inputs {
        inputs.insert(input.name.clone(), Array::I64(ArrayD::zeros(IxDyn(&input.dims))));
    }
    let step = median(|| pass.run(&inputs).map(drop).map_err(Into::into))?;
    println!("{batch}, {:.2}, {:.2}, {step:.2}, {:.2}", forward[0], forward[1], step / forward[0]);
    Ok(())
}

/// The median of some runs, behind a few that are not timed.
fn median(mut run: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let mut times = Vec::new();
    for _ in 0..33 {
        let start = Instant::now();
        run()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let timed = &mut times[3..];
    timed.sort_by(f64::total_cmp);
    Ok(timed[timed.len() / 2])
}
