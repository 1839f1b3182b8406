//! Where the time of pruning a large network goes: ResNet-50 with random weights, 64 images of
//! 224x224, 30 % of every coupling by `obs` with least squares; peak memory; and whether halving the
//! channels speeds the engine up as the multiply-adds promise.
//!
//! `cargo bench --bench pruning`

mod models;

use paring::arrays::Array;
use paring::catalog::{self, Calibration, Criterion, LinearLayer};
use paring::compress::{ChannelPruning, RecoveryMethod, prune_channels};
use paring::engine::{AnalysedModel, DimensionBindings, InferencePlan, ModelSource, PlanInputs};
use paring::graph::{self, Graph};
use paring::pipeline::attributed;
use paring::schema::{EngineOptions, OriginalIndices, Sha256Hex};
use paring::sensors;
use std::collections::BTreeMap;
use std::time::Instant;

const IMAGES: usize = 64;
const AT: DimensionBindings = DimensionBindings { batch: 1, dims: &BTreeMap::new() };

fn main() -> anyhow::Result<()> {
    let graph = models::resnet50(7);
    let calibration = images();
    let facts = graph.facts(AT.dims, AT.batch)?;
    let (took, found) = timed(|| catalog::catalog(&graph, &facts, &OriginalIndices::default()))?;
    println!("catalog: {took:.1} s, {} couplings", found.couplings.len());
    let layers = catalog::linears(&graph, &facts);
    let all: Vec<&LinearLayer> = layers.iter().collect();
    let widths: Vec<usize> = layers.iter().map(LinearLayer::features).collect();
    let (took, rows) = timed(|| catalog::observe(&graph, &all, &widths, &calibration))?;
    println!("rows of all layers on {IMAGES} images: {took:.1} s");
    for criterion in [Criterion::L1, Criterion::Wanda, Criterion::Obs] {
        let (took, _) = timed(|| {
            let mut each = found.couplings.iter().map(|coupling| {
                let readers = catalog::readers(coupling, &layers, &rows);
                catalog::scores(&graph, coupling, criterion, (&readers, None), 0)
            });
            each.try_for_each(|scores| scores.map(drop))
        })?;
        println!("scores by {criterion}: {took:.1} s");
    }
    drop(rows);
    let obs = ChannelPruning::channels(0.3, Criterion::Obs);
    let with = |pruning: &ChannelPruning| {
        prune_channels(
            graph.clone(),
            AT,
            OriginalIndices::default(),
            pruning,
            Some(&calibration),
            None,
            0,
        )
    };
    let (took, _) = timed(|| with(&obs))?;
    println!("30 % by obs: {took:.1} s");
    let (took, _) =
        timed(|| with(&ChannelPruning { recover: RecoveryMethod::LeastSquares, ..obs.clone() }))?;
    println!("30 % by obs with least squares: {took:.1} s");
    if let Some(peak) = sensors::memory(sensors::root()).vm_hwm_bytes {
        println!("peak memory so far: {:.2} GiB", peak.0 as f64 / f64::from(1 << 30));
    }
    let half = with(&ChannelPruning::channels(0.5, Criterion::L1))?;
    speed(&graph, &half.graph)
}

/// Latencies side by side, and what the multiply-adds promise.
fn speed(whole: &Graph, half: &Graph) -> anyhow::Result<()> {
    let macs = |graph: &Graph| -> anyhow::Result<f64> {
        let facts = graph.facts(AT.dims, AT.batch)?;
        Ok(graph.cost(&facts.shapes).macs.unwrap_or(0) as f64)
    };
    let plan = |graph: &Graph| -> anyhow::Result<_> {
        let bytes = graph.encode();
        let model = AnalysedModel::load(ModelSource::Bytes(graph.name(), &bytes), AT)?;
        Ok(model.optimise(&EngineOptions::default())?)
    };
    let (a, b) = (plan(whole)?, plan(half)?);
    let input = images().inputs["image"].take(&[0]);
    let inputs = a.inputs(&BTreeMap::from([("image".to_string(), input)]))?;
    let mut ratios = Vec::new();
    for _ in 0..15 {
        let (slow, _) = timed(|| a.execute(&inputs))?;
        let (fast, _) = timed(|| b.execute(&inputs))?;
        ratios.push(slow / fast);
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "half of the channels: {:.2} times fewer multiply-adds, {:.2} times faster",
        macs(whole)? / macs(half)?,
        ratios[ratios.len() / 2]
    );
    let (before, after) = (shares(whole, &a, &inputs)?, shares(half, &b, &inputs)?);
    println!("where it goes, milliseconds before and after:");
    for (what, slow) in &before {
        let fast = after.get(what).copied().unwrap_or(0.0);
        println!("  {what:<28} {:8.2} {:8.2}, {:.2} times", slow / 1e6, fast / 1e6, slow / fast);
    }
    Ok(())
}

/// Time by the ONNX operator and kernel size that nodes came from, in nanoseconds.
fn shares(
    graph: &Graph,
    plan: &InferencePlan,
    inputs: &PlanInputs,
) -> anyhow::Result<BTreeMap<String, f64>> {
    let mut times: BTreeMap<String, f64> = BTreeMap::new();
    let profile = plan.profile(inputs, 5)?;
    for (from, node) in attributed(graph, &profile) {
        let Some(from) = from.map(|position| &graph.nodes()[position]) else { continue };
        let kernel = graph::ints(from, "kernel_shape").map_or(String::new(), |k| format!(" {k:?}"));
        let what = format!("{}{kernel} {}", from.op_type, node.node.operator);
        *times.entry(what).or_default() += node.median_ns();
    }
    Ok(times)
}

fn timed<T, E: Into<anyhow::Error>>(
    work: impl FnOnce() -> Result<T, E>,
) -> anyhow::Result<(f64, T)> {
    let start = Instant::now();
    let made = work().map_err(Into::into)?;
    Ok((start.elapsed().as_secs_f64(), made))
}

fn images() -> Calibration {
    let images = Array::F32(models::images(IMAGES));
    let (inputs, sha256) = (BTreeMap::from([("image".into(), images)]), Sha256Hex::of(b"images"));
    Calibration { inputs, labels: vec![], rule: None, batch: 1, dims: BTreeMap::new(), sha256 }
}
