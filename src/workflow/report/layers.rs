//! Times layer by layer of a finished run, from the nodes that it timed.

use crate::pipeline::{self, Folders, kept_nodes, read_json};
use crate::report::ResultRow;
use paring_core::schema::{Job, LayerTable, MachineRoofline};
use paring_onnx::graph::Graph;
use std::collections::BTreeSet;

/// The job that measured on a target.
pub(super) fn job(folders: &Folders, target: &str) -> Option<Job> {
    read_json(&folders.journal(target).join("job.json"))
}

/// Times by layer of every variant and target whose nodes were timed.
pub(in crate::workflow) fn layer_tables(folders: &Folders, rows: &[ResultRow]) -> Vec<LayerTable> {
    let table = |row: &ResultRow| {
        let (variant, target) = (&row.variant, row.target.as_str());
        let batch = row.measurement.setting.batch;
        let nodes = kept_nodes(folders, target, variant, batch)?;
        let peaks: Option<MachineRoofline> = read_json(&folders.journal(target).join("peaks.json"));
        let graph = Graph::load(&folders.variants().join(&variant.file)).ok()?;
        let facts = graph.facts(&job(folders, target)?.dims, batch).ok()?;
        let names = (variant.name.as_str(), target);
        let table = pipeline::layers(&graph, &facts, &nodes, peaks.as_ref(), names);
        Some(LayerTable { emulated: row.environment.emulated, ..table })
    };
    let mut seen = BTreeSet::new();
    let first = |row: &&ResultRow| {
        seen.insert((row.variant.name.clone(), row.target.clone(), row.measurement.setting.batch))
    };
    rows.iter().filter(first).filter_map(table).collect()
}
