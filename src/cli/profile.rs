//! `paring profile`: where a model's time goes on this machine, layer by layer.

use super::samples::Samples;
use super::{Coded, ExitCode, Global};
use crate::engine::{Bindings, Model, Plan, Profile, Source};
use crate::graph::{self, Graph};
use crate::pipeline::attributed;
use crate::record::EngineOptions;
use crate::stats;
use crate::units::LatencyNs;
use clap::Args;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Say where a model's time goes on this machine, layer by layer.
#[derive(Debug, Args)]
pub(super) struct ProfileVerb {
    /// The ONNX file
    model: PathBuf,
    #[command(flatten)]
    samples: Samples,
    /// Engine options: conv_nhwc, f32_to_f16, block_quant
    #[arg(long)]
    engine: Vec<String>,
    /// Runs that medians are of
    #[arg(long, default_value_t = 101)]
    runs: usize,
}

/// One ONNX node, with everything that the engine made of it.
#[derive(Debug, Default, Serialize)]
struct Layer {
    layer: String,
    operator: String,
    /// Median time of its nodes of the optimised graph, those that move data included.
    time_ns: f64,
    share: f64,
    /// The part of it that packs, pads, reshapes, casts or copies.
    glue_ns: f64,
    macs: Option<u64>,
    /// Billions of multiply-adds a second.
    gmacs_per_s: Option<f64>,
    kernels: Vec<String>,
}

impl ProfileVerb {
    pub(super) fn run(self, global: &Global) -> Result<(), Coded> {
        let input = |e: anyhow::Error| Coded::new(ExitCode::Input, e);
        let graph = Graph::load(&self.model)?;
        let sampled = self.samples.open(&self.model)?;
        let Some(calibration) = &sampled.calibration else {
            let hint = "times depend on real inputs; give --data FILE.npz with the model's inputs";
            return Err(input(anyhow::anyhow!("{}: {hint}", self.model.display())));
        };
        let bindings = Bindings { batch: sampled.batch, dims: &sampled.dims };
        let options = EngineOptions { transforms: self.engine.clone(), ..EngineOptions::default() };
        let plan = Model::load(Source::File(&self.model), bindings)?.optimise(&options)?;
        let inputs = plan.inputs(&calibration.first())?;
        let profile = plan.profile(&inputs, self.runs.max(1))?;
        let macs = costs(&graph, bindings)?;
        let (layers, rest_ns) = layers(&graph, &profile, &macs);
        let median = |times: &[LatencyNs]| {
            stats::median(&times.iter().map(|t| t.as_f64()).collect::<Vec<_>>()).unwrap_or(0.0)
        };
        let (plain, looked) = (median(&profile.plain_ns), median(&profile.profiled_ns));
        let own: f64 = layers.iter().map(|l| l.time_ns).sum();
        let accounted = (own + rest_ns) / looked.max(1.0);
        if global.json {
            say!(
                "{:#}",
                json!({
                    "schema": 1, "runs": self.runs, "layers": layers, "unattributed_ns": rest_ns,
                    "latency_p50_ns": plain, "profiled_p50_ns": looked, "accounted": accounted,
                })
            );
            return Ok(());
        }
        table(&layers);
        say!(
            "{:.1} us plain, {:.1} us with a clock around each of {} nodes, of which the layers account for {:.1} %",
            plain / 1e3,
            looked / 1e3,
            profile.nodes.len(),
            100.0 * accounted
        );
        if rest_ns > 0.0 {
            say!("{:.1} us belong to no layer of the file", rest_ns / 1e3);
        }
        Ok(())
    }
}

fn costs(graph: &Graph, bindings: Bindings) -> Result<BTreeMap<usize, u64>, Coded> {
    let facts = graph.facts(bindings.dims, bindings.batch)?;
    let each = graph.node_costs(&facts.shapes).into_iter().flatten();
    Ok(each.map(|cost| (cost.position, cost.macs)).collect())
}

/// The layers in the graph's order, and the time that belongs to none.
fn layers(graph: &Graph, profile: &Profile, macs: &BTreeMap<usize, u64>) -> (Vec<Layer>, f64) {
    let mut found: BTreeMap<usize, Layer> = BTreeMap::new();
    let mut rest_ns = 0.0;
    for (from, node) in attributed(graph, profile) {
        let time = node.median_ns();
        let Some(position) = from else {
            rest_ns += time;
            continue;
        };
        let layer = found.entry(position).or_default();
        layer.time_ns += time;
        if Plan::is_glue(&node.node) {
            layer.glue_ns += time;
        }
        layer.kernels.extend(node.node.kernels.iter().cloned());
        layer.kernels.dedup();
    }
    let whole: f64 = found.values().map(|l| l.time_ns).sum::<f64>() + rest_ns;
    for (position, layer) in &mut found {
        let node = &graph.nodes()[*position];
        layer.layer = graph::layer_name(node, *position);
        layer.operator = node.op_type.clone();
        layer.share = layer.time_ns / whole.max(1.0);
        layer.macs = macs.get(position).copied();
        layer.gmacs_per_s = layer.macs.map(|macs| macs as f64 / layer.time_ns.max(1.0));
    }
    (found.into_values().collect(), rest_ns)
}

fn table(layers: &[Layer]) {
    say!(
        "{:<28} {:<18} {:>9} {:>6} {:>9} {:>7}  kernels",
        "layer",
        "operator",
        "time",
        "share",
        "of it glue",
        "GMAC/s"
    );
    for layer in layers {
        let speed = layer.gmacs_per_s.map_or(String::new(), |speed| format!("{speed:.1}"));
        say!(
            "{:<28} {:<18} {:>6.1} us {:>4.1} % {:>7.1} us {speed:>7}  {}",
            layer.layer,
            layer.operator,
            layer.time_ns / 1e3,
            100.0 * layer.share,
            layer.glue_ns / 1e3,
            layer.kernels.join(", ")
        );
    }
}
