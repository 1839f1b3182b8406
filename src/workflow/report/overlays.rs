//! `overlay/`: every variant of a run as viewers of models show it, from its file and the run's records.

use super::layers::job;
use super::records::ReportRecords;
use crate::pipeline::{Folders, recorded_divergences, replace};
use crate::report::{OverlayModel, OverlayNode, overlay_files};
use crate::workflow::WorkflowError;
use paring_core::schema::VariantRecord;
use paring_onnx::graph::{Graph, Node, NodeCost, layer_names};
use std::collections::{BTreeMap, BTreeSet};

/// Writes the overlays of every variant that was measured; gives a sentence about each variant that has
/// none, because its file cannot be read.
///
/// # Errors
/// [`WorkflowError`] names the file that cannot be written.
pub(super) fn write_overlays(
    folders: &Folders,
    records: &ReportRecords,
) -> Result<Vec<String>, WorkflowError> {
    let mut without = Vec::new();
    let mut seen = BTreeSet::new();
    let mut baseline: Option<BTreeMap<String, u64>> = None;
    for row in &records.rows {
        if !seen.insert(row.variant.name.as_str()) {
            continue;
        }
        let graph = match CostedGraph::load(folders, &row.variant, &row.target) {
            Ok(graph) => graph,
            Err(why) => {
                without.push(format!("No overlay of {}: {why}.", row.variant.name));
                continue;
            }
        };
        let before = baseline.get_or_insert_with(|| graph.products());
        let nodes = graph.nodes(before, &row.variant);
        let graph_name = graph.graph.graph_name().to_string();
        let divergences = recorded_divergences(folders, &row.variant.name);
        let model = OverlayModel::new(&row.variant, graph_name, nodes, divergences);
        let folder = folders.overlays().join(&row.variant.name);
        for file in overlay_files(&records.report(), &model) {
            let path = folder.join(&file.name);
            let content = format!("{:#}\n", file.content);
            // Of many variants on many targets most files stay as they were.
            if path.read().ok().is_none_or(|before| before != content.as_bytes()) {
                replace(&path, content.as_bytes())?;
            }
        }
    }
    Ok(without)
}

/// A variant's graph and what its products cost.
struct CostedGraph {
    graph: Graph,
    names: Vec<String>,
    costs: Vec<NodeCost>,
}

impl CostedGraph {
    fn load(
        folders: &Folders,
        variant: &VariantRecord,
        target: &str,
    ) -> Result<CostedGraph, String> {
        let graph =
            Graph::load(&folders.variants().join(&variant.file)).map_err(|e| e.to_string())?;
        let dims = job(folders, target).map(|job| job.dims).unwrap_or_default();
        let facts = graph.facts(&dims, 1).map_err(|e| e.to_string())?;
        let costs = graph.node_costs(&facts.shapes).into_iter().flatten().collect();
        Ok(CostedGraph { names: layer_names(&graph), graph, costs })
    }

    /// Multiply-accumulates of every layer that multiplies by weights.
    fn products(&self) -> BTreeMap<String, u64> {
        let named = |cost: &NodeCost| Some((self.names.get(cost.position)?.clone(), cost.macs));
        self.costs.iter().filter_map(named).collect()
    }

    /// Its nodes; `before` are the products of the baseline.
    fn nodes(&self, before: &BTreeMap<String, u64>, variant: &VariantRecord) -> Vec<OverlayNode> {
        let costs: BTreeMap<usize, &NodeCost> =
            self.costs.iter().map(|cost| (cost.position, cost)).collect();
        let nodes = self.graph.nodes().iter().zip(&self.names).enumerate();
        let of = |(position, (node, layer)): (usize, (&Node, &String))| {
            let cost = costs.get(&position);
            let halved =
                |cost: &NodeCost| cost.precision == "f32" && variant.options.halves(&node.name);
            let removed = cost
                .zip(before.get(layer))
                .map(|(cost, before)| 1.0 - cost.macs as f64 / (*before).max(1) as f64);
            OverlayNode {
                layer: layer.clone(),
                name: node.name.clone(),
                tensor: node.output.iter().find(|o| !o.is_empty()).cloned().unwrap_or_default(),
                precision: cost
                    .map(|cost| (if halved(cost) { "f16" } else { cost.precision }).to_string()),
                removed,
            }
        };
        nodes.map(of).collect()
    }
}
