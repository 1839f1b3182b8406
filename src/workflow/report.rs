//! `paring report`: report.html of a run, from the files in its directory alone.

use super::{Progress, ProgressEvent, WorkflowError};
use crate::ledger::read_ledger;
use crate::pipeline::{self, Folders, kept_nodes, read_json, variant_record};
use crate::report::html::{ReportLayer, ReportNetwork, RunReport, report_html};
use crate::report::{ReportError, ResultRow};
use crate::study::{RunDirectory, recorded_rows};
use paring_core::schema::{Explanation, Job, LayerTable, MachineRoofline, Sha256Hex};
use paring_onnx::graph::{Graph, layer_names};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A report that was written.
#[derive(Clone, Debug)]
pub struct WrittenReport {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: usize,
    /// The run's manifest with it.
    pub manifest_sha256: Sha256Hex,
}

/// Writes report.html into a run directory, and the manifest that holds it.
///
/// # Errors
/// [`WorkflowError`] where the directory is no run, or a record in it cannot be read.
pub fn report(run: &Path) -> Result<WrittenReport, WorkflowError> {
    let mut directory = RunDirectory::existing(run)?;
    let (path, bytes) = write_report(&directory)?;
    Ok(WrittenReport { path, bytes, manifest_sha256: directory.seal()? })
}

/// Writes report.html without a manifest; gives its path and size in bytes.
///
/// # Errors
/// [`WorkflowError`] where a record of the run cannot be read.
pub fn write_report(directory: &RunDirectory) -> Result<(PathBuf, usize), WorkflowError> {
    let folders = &directory.folders;
    let rows = recorded_rows(folders)?;
    let explanations: Vec<Explanation> = read_json(&folders.explanations()).unwrap_or_default();
    let ledger = read_ledger(&folders.ledger())?;
    let study = study_words(folders);
    let word = |key: &str| study.get(key).map_or("", String::as_str);
    let root = folders.root().display().to_string();
    let html = report_html(&RunReport {
        facts: &directory.protocol.facts(),
        owner: word("owner"),
        purpose: word("purpose"),
        rows: &rows,
        layers: &layer_tables(folders, &rows),
        explanations: &explanations,
        ledger: &ledger,
        network: &network(folders, &rows),
        directory: &root,
    });
    let html = html.map_err(ReportError::from)?;
    let path = folders.root().join("report.html");
    pipeline::replace(&path, html.as_bytes())?;
    Ok((path.to_path_buf(), html.len()))
}

/// Writes report.html where that can be done; what it is derived of is whole without it.
pub(super) fn write_report_if_possible(directory: &RunDirectory, progress: &Progress) {
    if let Err(error) = write_report(directory) {
        progress(ProgressEvent::NoReport(&error));
    }
}

/// Texts under `[study]` of the study that the run keeps.
fn study_words(folders: &Folders) -> BTreeMap<String, String> {
    let text = folders.root().join("study.toml").read().unwrap_or_default();
    let table: toml::Table =
        std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok()).unwrap_or_default();
    let words = table.get("study").and_then(toml::Value::as_table).into_iter().flatten();
    words.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_string()))).collect()
}

/// The job that measured on a target.
fn job(folders: &Folders, target: &str) -> Option<Job> {
    read_json(&folders.journal(target).join("job.json"))
}

/// Times by layer of every variant and target whose nodes were timed.
fn layer_tables(folders: &Folders, rows: &[ResultRow]) -> Vec<LayerTable> {
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

/// Layers with weights of the baseline, and what flows between them; empty where its shapes are unknown.
fn network(folders: &Folders, rows: &[ResultRow]) -> ReportNetwork {
    let found = rows.first().and_then(|row| {
        let baseline = variant_record(folders, pipeline::BASELINE).ok()?;
        let graph = Graph::load(&folders.variants().join(&baseline.file)).ok()?;
        let dims = job(folders, &row.target).map(|job| job.dims).unwrap_or_default();
        layer_edges(&graph, &graph.facts(&dims, row.measurement.setting.batch).ok()?.shapes)
    });
    found.unwrap_or_default()
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
            found.layers.push(ReportLayer { name, module, width: width.unwrap_or(0) });
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
