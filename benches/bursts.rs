//! Whether alternating bursts give the ratio that the models have alone: for models of several sizes,
//! the ratio of solo medians beside the paired one. On a quiet machine they agree.
//!
//! Usage: cargo bench --bench bursts -- [MIB…]; 1, 32 and 400 MiB of weights by default: one that fits
//! a second-level cache, one that fits a last-level cache, one that fits neither, on most machines.

#[path = "comparing/mod.rs"]
mod comparing;

use anyhow::Context;
use comparing::Stage;
use ndarray::{ArrayD, IxDyn};
use paring::arrays::{Array, Dtype};
use paring::graph::{DimensionSize, Graph, Node, Weights};
use paring::measure::JournalSummary;
use paring::schema::{EngineOptions, ExecutionSetting};
use paring::stats;
use rand::RngExt;
use std::collections::BTreeMap;
use std::path::Path;

const BLOCKS: u32 = 10;

fn main() -> anyhow::Result<()> {
    let mut sizes: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![1, 32, 400];
    }
    for mib in sizes {
        let folder = tempfile::tempdir()?;
        // A layer is a sixteenth of the whole; the variant has four layers less.
        let width = (((mib << 20) / 4 / 16) as f64).sqrt() as usize;
        let (model, shorter) = (folder.path().join("a.onnx"), folder.path().join("b.onnx"));
        layers(width, 16, &model)?;
        layers(width, 12, &shorter)?;
        let mut draw = stats::generator(2, "inputs");
        let x = ArrayD::from_shape_simple_fn(IxDyn(&[8, width]), || draw.random::<f32>() - 0.5);
        let arrays = BTreeMap::from([("x".to_string(), Array::F32(x))]);
        let stage = Stage::with(folder.path(), arrays, &model);
        let (records, id) = stage.journal(&shorter, EngineOptions::default(), |job| {
            job.blocks = BLOCKS;
            job.rules.paired_ns = paring::units::LatencyNs(300_000_000);
        })?;
        let summary = JournalSummary::new(&records);
        let setting = ExecutionSetting::of_batch(1);
        let baseline =
            records.iter().map(|r| &r.attempt.key.variant_id).find(|other| **other != id);
        let of = |id, first| summary.measurement(id, setting, first, BLOCKS as usize);
        let (b, v) = (of(baseline.context("no baseline")?, true), of(&id, false));
        let (Ok(alone_b), Ok(alone_v), Ok(pair)) = (b.latency, v.latency, v.speed) else {
            println!("{mib} MiB: {:?}", v.invalid_reasons);
            continue;
        };
        let (old, new) = (alone_b.p50_ns, alone_v.p50_ns);
        println!(
            "{mib:>4} MiB, {:>9} alone: solo {:.4} [{:.4}, {:.4}], paired {:.4} [{:.4}, {:.4}], apart {:+.2} %; quiet {:.0} and {:.0} %",
            paring::units::LatencyNs::from_f64(old.value).to_string(),
            old.value / new.value,
            old.low / new.high,
            old.high / new.low,
            pair.speedup.value,
            pair.speedup.low,
            pair.speedup.high,
            100.0 * (pair.speedup.value / (old.value / new.value) - 1.0),
            100.0 * alone_b.quiet_share.min(alone_v.quiet_share),
            100.0 * pair.quiet_share,
        );
    }
    Ok(())
}

/// Layers that multiply a vector by a square of seeded weights.
fn layers(width: usize, count: usize, path: &Path) -> anyhow::Result<()> {
    let mut graph = Graph::empty("layers", 17);
    graph.add_input(
        "x",
        Dtype::F32,
        &[DimensionSize::Symbol("N".into()), DimensionSize::Fixed(width)],
    );
    let mut draw = stats::generator(1, "layers");
    let mut at = "x".to_string();
    for layer in 0..count {
        let scale = 1.0 / (width as f32).sqrt();
        let values: Vec<f32> =
            (0..width * width).map(|_| (draw.random::<f32>() - 0.5) * scale).collect();
        graph.set_weights(&format!("w{layer}"), Weights::f32(&[width, width], &values));
        let output = format!("y{layer}");
        graph.add_node(Node {
            name: output.clone(),
            op_type: "MatMul".into(),
            input: vec![at, format!("w{layer}")],
            output: vec![output.clone()],
            ..Node::default()
        });
        at = output;
    }
    graph.add_output(&at);
    graph.save(path)?;
    Ok(())
}
