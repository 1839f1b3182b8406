//! Times layer by layer of a finished run, from the nodes that it timed.

use crate::pipeline::{self, Folders, read_json, recorded_nodes};
use crate::report::ResultRow;
use paring_core::schema::{Job, LayerTable, MachineRoofline, NodeProfile};
use paring_onnx::graph::Graph;
use std::collections::BTreeSet;

/// The job that measured on a target.
pub(super) fn job(folders: &Folders, target: &str) -> Option<Job> {
    read_json(&folders.journal(target).join("job.json"))
}

/// Times by layer of every variant and target whose nodes were timed and can still be read.
pub(in crate::workflow) fn recorded_layers(
    folders: &Folders,
    rows: &[ResultRow],
) -> Vec<LayerTable> {
    layer_tables(folders, rows, &mut Vec::new())
}

/// Times by layer of every variant and target whose nodes were timed; a sentence about each that was
/// and cannot be read any more.
pub(super) fn layer_tables(
    folders: &Folders,
    rows: &[ResultRow],
    unreadable: &mut Vec<String>,
) -> Vec<LayerTable> {
    let mut seen = BTreeSet::new();
    let first = |row: &&ResultRow| {
        seen.insert((row.variant.name.clone(), row.target.clone(), row.measurement.setting.batch))
    };
    let mut tables = Vec::new();
    for row in rows.iter().filter(first) {
        let (variant, batch) = (&row.variant, row.measurement.setting.batch);
        let nodes = recorded_nodes(folders, &row.target, variant, batch).map_err(|why| why.0);
        let found = nodes.and_then(|nodes| nodes.map(|n| table(folders, row, &n)).transpose());
        match found {
            Ok(table) => tables.extend(table),
            Err(why) => unreadable.push(format!(
                "Times by layer of {} on {} are not shown: {why}.",
                variant.name, row.target
            )),
        }
    }
    tables
}

fn table(folders: &Folders, row: &ResultRow, nodes: &NodeProfile) -> Result<LayerTable, String> {
    let (variant, target) = (&row.variant, row.target.as_str());
    let peaks: Option<MachineRoofline> = read_json(&folders.journal(target).join("peaks.json"));
    let graph = Graph::load(&folders.variants().join(&variant.file)).map_err(|e| e.to_string())?;
    let job =
        job(folders, target).ok_or_else(|| format!("journal/{target}/job.json cannot be read"))?;
    let facts = graph.facts(&job.dims, row.measurement.setting.batch).map_err(|e| e.to_string())?;
    let names = (variant.name.as_str(), target);
    let table = pipeline::layers(&graph, &facts, nodes, peaks.as_ref(), names);
    Ok(LayerTable { emulated: row.environment.emulated, ..table })
}
