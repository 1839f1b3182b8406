//! The nodes of a profile, charged to the layers of the file that they came from, and held against
//! what the machine can do.

use super::{Folders, PipelineError, read_json, replace_json};
use crate::data::Dtype;
use crate::graph::{self, Facts, Graph};
use crate::record::{
    Job, LayerTable, LayerTime, NodeProfile, NodeTime, Peaks, SCHEMA, VariantRecord,
};
use crate::target::LocalAgent;
use std::collections::{BTreeMap, BTreeSet};

/// Charges every node to its layer: the ONNX node that the engine made it from. What only moves data,
/// and what the engine does in between, is the layer's glue.
pub fn layers(
    graph: &Graph,
    facts: &Facts,
    profile: &NodeProfile,
    peaks: Option<&Peaks>,
    (variant, target): (&str, &str),
) -> LayerTable {
    let macs: BTreeMap<usize, u64> = graph
        .node_costs(&facts.shapes)
        .into_iter()
        .flatten()
        .map(|cost| (cost.position, cost.macs))
        .collect();
    let mut found: BTreeMap<usize, LayerTime> = BTreeMap::new();
    let mut outside_ns = profile.end_ns;
    for node in &profile.nodes {
        // What has kernels multiplies.
        match graph::origin(graph, &node.name, !node.kernels.is_empty()) {
            Some(position) => charge(found.entry(position).or_default(), node),
            None => outside_ns += node.own_ns + node.before_ns,
        }
    }
    let whole = profile.profiled_ns.max(1.0);
    for (position, layer) in &mut found {
        describe(layer, graph, facts, *position);
        layer.share = layer.time_ns / whole;
        layer.macs = macs.get(position).copied();
        rate(layer, peaks);
    }
    LayerTable {
        schema: SCHEMA,
        variant: variant.to_string(),
        variant_id: profile.variant_id.clone(),
        target: target.to_string(),
        batch: profile.batch,
        runs: profile.runs,
        plain_ns: profile.plain_ns,
        profiled_ns: profile.profiled_ns,
        outside_ns,
        layers: found.into_values().collect(),
    }
}

fn charge(layer: &mut LayerTime, node: &NodeTime) {
    layer.time_ns += node.own_ns + node.before_ns;
    layer.glue_ns += node.before_ns;
    if node.moves {
        layer.glue_ns += node.own_ns;
    }
    for kernel in &node.kernels {
        if !layer.kernels.contains(kernel) {
            layer.kernels.push(kernel.clone());
        }
    }
}

fn describe(layer: &mut LayerTime, graph: &Graph, facts: &Facts, position: usize) {
    let node = &graph.nodes()[position];
    layer.position = position;
    layer.layer = graph::layer_name(node, position);
    layer.module = match layer.layer.rsplit_once(['/', '.']) {
        Some((module, _)) if !module.is_empty() => module.to_string(),
        _ => layer.layer.clone(),
    };
    layer.operator = node.op_type.clone();
    let tensors: BTreeSet<&String> =
        node.input.iter().chain(&node.output).filter(|t| !t.is_empty()).collect();
    layer.bytes = tensors.into_iter().map(|tensor| bytes_of(graph, facts, tensor)).sum();
}

/// Bytes of a tensor at the profiled sizes.
fn bytes_of(graph: &Graph, facts: &Facts, tensor: &str) -> Option<u64> {
    if let Ok(weights) = graph.weights(tensor) {
        return Some(weights.bytes.len() as u64);
    }
    let elements: usize = facts.shapes.get(tensor)?.iter().product();
    let size = match facts.types.get(tensor)? {
        Dtype::F64 | Dtype::I64 => 8,
        Dtype::F32 | Dtype::I32 => 4,
        Dtype::I8 | Dtype::U8 | Dtype::Bool => 1,
    };
    Some((elements * size) as u64)
}

/// How fast a layer is, and how fast it could be on this machine.
fn rate(layer: &mut LayerTime, peaks: Option<&Peaks>) {
    let time = layer.time_ns.max(1.0);
    let ops = layer.macs.map(|macs| 2.0 * macs as f64);
    layer.gops = ops.map(|ops| ops / time);
    layer.gb_per_s = layer.bytes.map(|bytes| bytes as f64 / time);
    layer.ops_per_byte = ops.zip(layer.bytes).map(|(ops, bytes)| ops / (bytes as f64).max(1.0));
    let Some(peaks) = peaks else { return };
    // A depthwise loop multiplies floats without being one of the products' kernels.
    let known = layer.kernels.iter().find_map(|kernel| peaks.precision_of(kernel));
    let precision = known.or((!layer.kernels.is_empty()).then_some("f32"));
    let compute = precision.and_then(|precision| peaks.compute(precision));
    let memory = layer.bytes.and_then(|bytes| peaks.bandwidth(bytes));
    layer.compute_share = layer.gops.zip(compute).map(|(own, peak)| own / peak);
    layer.memory_share = layer.gb_per_s.zip(memory).map(|(own, peak)| own / peak);
    let balance = compute.zip(memory).map(|(compute, memory)| compute / memory);
    layer.bound = layer.ops_per_byte.zip(balance).map(|(own, balance)| {
        if own >= balance { "compute".to_string() } else { "memory".to_string() }
    });
}

/// Why a variant has no layers, by its name.
pub type WithoutLayers = Vec<(String, String)>;

/// Has the agent of `target` time the nodes of every variant of `job` at every batch size, unless
/// that was done before, and charges them to layers.
///
/// # Errors
/// [`PipelineError`] where what was measured cannot be kept.
pub fn measure_layers(
    folders: &Folders,
    target: &str,
    job: &Job,
    variants: &[VariantRecord],
) -> Result<(Vec<LayerTable>, WithoutLayers), PipelineError> {
    let folder = folders.journal(target).join("nodes");
    std::fs::create_dir_all(&folder).map_err(PipelineError::file("create", &folder))?;
    let job_path = folders.journal(target).join("job.json");
    let peaks_path = folders.journal(target).join("peaks.json");
    let peaks: Option<Peaks> = match read_json(&peaks_path) {
        Some(peaks) => Some(peaks),
        // Shares of peaks are empty where these cannot be measured.
        None => LocalAgent.peaks().ok(),
    };
    if let Some(peaks) = &peaks {
        replace_json(&peaks_path, peaks)?;
    }
    let (mut tables, mut without) = (Vec::new(), Vec::new());
    let batches: BTreeSet<usize> = job.settings.iter().map(|setting| setting.batch).collect();
    for batch in &batches {
        for (index, variant) in variants.iter().enumerate() {
            let path = folder.join(format!("{}-{batch}.json", variant.variant_id.short()));
            let kept: Option<NodeProfile> = read_json(&path);
            let kept = kept.filter(|kept| kept.variant_id == variant.variant_id);
            let profile = match kept.map_or_else(|| LocalAgent.nodes(&job_path, index, *batch), Ok)
            {
                Ok(profile) => profile,
                Err(error) => {
                    without.push((variant.name.clone(), error.to_string()));
                    continue;
                }
            };
            replace_json(&path, &profile)?;
            let failed = |source| PipelineError::Graph { variant: variant.name.clone(), source };
            let graph = Graph::load(&folders.variants().join(&variant.file)).map_err(failed)?;
            let facts = graph.facts(&job.dims, *batch).map_err(failed)?;
            let names = (variant.name.as_str(), target);
            tables.push(layers(&graph, &facts, &profile, peaks.as_ref(), names));
        }
    }
    Ok((tables, without))
}
