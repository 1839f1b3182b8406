//! The nodes of a profile, charged to the layers of the file that they came from, and held against
//! what the machine can do.

use super::remote_jobs::with_remote;
use crate::pipeline::panic_isolation::{attempt, reason};
use crate::pipeline::{Folders, PipelineError, read_json, replace_json};
use paring_agent::arrays::Dtype;
use paring_boards::{Target, TargetError, TargetSession};
use paring_core::files::ConfinedPath;
use paring_core::schema::{
    Job, LayerTable, LayerTime, MachineRoofline, MissingReason, NodeProfile, NodeTime, SCHEMA,
    VariantRecord,
};
use paring_onnx::graph::{self, Graph, TensorFacts};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Charges every node to its layer: the ONNX node that the engine made it from. What only moves data,
/// and what the engine does in between, is the layer's glue.
pub fn layers(
    graph: &Graph,
    facts: &TensorFacts,
    profile: &NodeProfile,
    peaks: Option<&MachineRoofline>,
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
    let nodes = profile.nodes.iter();
    let origins = graph::origins(graph, nodes.map(|node| (node.name.as_str(), node.multiplies())));
    for (node, origin) in profile.nodes.iter().zip(origins) {
        match origin {
            Some(position) => charge(found.entry(position).or_default(), node),
            None => outside_ns += node.own_ns + node.before_ns,
        }
    }
    let whole = profile.profiled_ns.max(1.0);
    let mut names = graph::layer_names(graph);
    for (position, layer) in &mut found {
        layer.layer = std::mem::take(&mut names[*position]);
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
        emulated: false,
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

fn describe(layer: &mut LayerTime, graph: &Graph, facts: &TensorFacts, position: usize) {
    let node = &graph.nodes()[position];
    layer.position = position;
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
fn bytes_of(graph: &Graph, facts: &TensorFacts, tensor: &str) -> Option<u64> {
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

/// Sets a layer's throughput, and its shares of the machine's peaks.
fn rate(layer: &mut LayerTime, peaks: Option<&MachineRoofline>) {
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

/// Times of a job's variants on one target, layer by layer.
#[derive(Clone, Debug, Default)]
pub struct LayerTables {
    /// One a variant and batch.
    pub tables: Vec<LayerTable>,
    /// Variants that have none, and why.
    pub without: Vec<(String, String)>,
    /// Peak throughputs of the target, where they could be measured.
    pub peaks: Option<MachineRoofline>,
}

/// Has the agent of `target` time the nodes of every variant of `job` at every batch size, unless
/// that was done before, and charges them to layers.
///
/// # Errors
/// [`PipelineError`] where what was measured cannot be kept, and where somebody interrupts.
pub(in crate::pipeline) fn measure_layers(
    folders: &Folders,
    (target, site): (&Target, &mut TargetSession),
    emulated: bool,
    job: &Job,
    variants: &[VariantRecord],
) -> Result<LayerTables, PipelineError> {
    let kept = folders.journal(&target.name).join("nodes");
    kept.create_folder().map_err(PipelineError::file("create", &kept))?;
    let mut session = NodeProfiler { folders, target, site, job, place: None };
    let mut found = LayerTables { peaks: session.peaks()?, ..LayerTables::default() };
    let batches: BTreeSet<usize> = job.settings.iter().map(|setting| setting.batch).collect();
    for batch in &batches {
        for (index, variant) in variants.iter().enumerate() {
            let profile = match session.nodes(index, variant, *batch) {
                Ok(profile) => profile,
                Err(error @ PipelineError::Target { source: TargetError::Interrupted, .. }) => {
                    return Err(error);
                }
                Err(PipelineError::Target { source, .. }) => {
                    found.without.push((variant.name.clone(), source.to_string()));
                    continue;
                }
                Err(error) => return Err(error),
            };
            let charged = attempt(&variant.name, || {
                let failed =
                    |source| PipelineError::Graph { variant: variant.name.clone(), source };
                let graph = Graph::load(&folders.variants().join(&variant.file)).map_err(failed)?;
                let facts = graph.facts(&job.dims, *batch).map_err(failed)?;
                let names = (variant.name.as_str(), target.name.as_str());
                Ok(layers(&graph, &facts, &profile, found.peaks.as_ref(), names))
            });
            match charged {
                Ok(table) => found.tables.push(LayerTable { emulated, ..table }),
                Err(error) => found.without.push((variant.name.clone(), reason(&error).0)),
            }
        }
    }
    Ok(found)
}

/// Nodes of a variant that were timed on a target; `None` where none were.
///
/// # Errors
/// [`MissingReason`] where the file is there and cannot be read, or is of another variant.
pub fn recorded_nodes(
    folders: &Folders,
    target: &str,
    variant: &VariantRecord,
    batch: usize,
) -> Result<Option<NodeProfile>, MissingReason> {
    let file = nodes_file(folders, target, variant, batch);
    if !file.exists() {
        return Ok(None);
    }
    let failed = |what: &str| MissingReason(format!("{} {what}", file.display()));
    let kept: NodeProfile = read_json(&file).ok_or_else(|| failed("cannot be read"))?;
    match kept.variant_id == variant.variant_id {
        true => Ok(Some(kept)),
        false => Err(failed("is of another variant")),
    }
}

fn nodes_file(
    folders: &Folders,
    target: &str,
    variant: &VariantRecord,
    batch: usize,
) -> ConfinedPath {
    let file = format!("{}-{batch}.json", variant.variant_id.short());
    folders.journal(target).join("nodes").join(file)
}

/// The nodes of a job's models on one machine.
struct NodeProfiler<'a, 'b> {
    folders: &'a Folders,
    target: &'a Target,
    site: &'a mut TargetSession<'b>,
    job: &'a Job,
    /// The job's folder on the machine, once it was brought there.
    place: Option<PathBuf>,
}

impl NodeProfiler<'_, '_> {
    /// Peak throughputs of the machine; shares of them are empty where they cannot be measured.
    fn peaks(&mut self) -> Result<Option<MachineRoofline>, PipelineError> {
        let path = self.folders.journal(&self.target.name).join("peaks.json");
        let peaks: Option<MachineRoofline> = match read_json(&path) {
            Some(peaks) => Some(peaks),
            None => self.site.peaks().ok(),
        };
        if let Some(peaks) = &peaks {
            replace_json(&path, peaks)?;
        }
        Ok(peaks)
    }

    fn nodes(
        &mut self,
        index: usize,
        variant: &VariantRecord,
        batch: usize,
    ) -> Result<NodeProfile, PipelineError> {
        if let Some(kept) =
            recorded_nodes(self.folders, &self.target.name, variant, batch).ok().flatten()
        {
            return Ok(kept);
        }
        let place = match self.place.clone() {
            Some(place) => place,
            None => {
                let file = self.folders.journal(&self.target.name).join("job.json");
                let site = &mut *self.site;
                with_remote(self.folders, self.target, self.job, &mut |remote| {
                    site.lay_out(remote, &file)
                })?
            }
        };
        let failed = |source| PipelineError::Target { target: self.target.name.clone(), source };
        let profile = self.site.nodes(self.place.insert(place), index, batch).map_err(failed)?;
        replace_json(&nodes_file(self.folders, &self.target.name, variant, batch), &profile)?;
        Ok(profile)
    }
}
