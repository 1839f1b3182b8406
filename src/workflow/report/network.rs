//! The baseline's layers with weights, and what flows between them, from its file in the run.

use super::layers::job;
use crate::pipeline::{self, Folders, variant_record};
use crate::report::ResultRow;
use crate::report::html::{ReportLayer, ReportNetwork};
use paring_onnx::graph::{Graph, layer_names};
use paring_onnx::ops;
use std::collections::{BTreeMap, BTreeSet};

/// Layers with weights of the baseline, and what flows between them; a sentence where they cannot be
/// told.
pub(super) fn network(
    folders: &Folders,
    rows: &[ResultRow],
    unreadable: &mut Vec<String>,
) -> ReportNetwork {
    let Some(row) = rows.first() else { return ReportNetwork::default() };
    baseline_layers(folders, row).unwrap_or_else(|why| {
        unreadable.push(format!("The network is not drawn: {why}."));
        ReportNetwork::default()
    })
}

fn baseline_layers(folders: &Folders, row: &ResultRow) -> Result<ReportNetwork, String> {
    let baseline = variant_record(folders, pipeline::BASELINE).map_err(|e| e.to_string())?;
    let graph = Graph::load(&folders.variants().join(&baseline.file)).map_err(|e| e.to_string())?;
    let dims = job(folders, &row.target).map(|job| job.dims).unwrap_or_default();
    let facts = graph.facts(&dims, row.measurement.setting.batch).map_err(|e| e.to_string())?;
    layer_edges(&graph, &facts.shapes)
        .ok_or_else(|| "a shape in the baseline's file is unknown".to_string())
}

/// Layers that multiply, in the graph's order, each linked with the nearest ones behind it.
fn layer_edges(graph: &Graph, shapes: &BTreeMap<String, Vec<usize>>) -> Option<ReportNetwork> {
    let costs = graph.node_costs(shapes).into_iter().collect::<Option<Vec<_>>>()?;
    let positions: BTreeSet<usize> = costs.iter().map(|cost| cost.position).collect();
    let names = layer_names(graph);
    let mut found = ReportNetwork::default();
    let mut sources: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (position, node) in graph.nodes().iter().enumerate() {
        let inputs = node.input.iter().filter_map(|input| sources.get(input.as_str()));
        let before: BTreeSet<usize> = inputs.flatten().copied().collect();
        let own = if positions.contains(&position) {
            let index = found.layers.len();
            found.edges.extend(before.iter().map(|from| (*from, index)));
            let name = names.get(position).cloned().unwrap_or_default();
            let output = node.output.first().and_then(|output| shapes.get(output));
            let width = output.and_then(|shape| match shape.len() {
                4.. => shape.get(1).copied(),
                _ => shape.last().copied(),
            });
            let module = match name.rsplit_once(['/', '.']) {
                Some((module, _)) if !module.is_empty() => module.to_string(),
                _ => name.clone(),
            };
            let outputs = ops::output_axis(node)
                .and_then(|(slot, axis)| Some((node.input.get(slot)?.clone(), axis)));
            found.layers.push(ReportLayer { name, module, width: width.unwrap_or(0), outputs });
            BTreeSet::from([index])
        } else {
            before
        };
        for output in &node.output {
            sources.insert(output, own.clone());
        }
    }
    Some(found)
}
