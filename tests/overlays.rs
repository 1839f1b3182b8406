//! Overlays of a run for model-explorer and Netron: every key names a tensor or a node of the variant's
//! file, and the files have the form that the viewers read.

mod common;
#[path = "common/runs.rs"]
mod runs;

use paring::graph::Graph;
use runs::{explain, measured, paring};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Names of a variant's nodes and of the tensors that they make.
struct FileNames {
    graph: String,
    nodes: BTreeSet<String>,
    tensors: BTreeSet<String>,
}

impl FileNames {
    fn of(run: &Path, variant: &str) -> FileNames {
        let graph = Graph::load(&run.join(format!("variants/{variant}.onnx"))).unwrap();
        let nodes = graph.nodes();
        FileNames {
            graph: graph.graph_name().to_string(),
            nodes: nodes.iter().map(|node| node.name.clone()).collect(),
            tensors: nodes.iter().flat_map(|node| node.output.clone()).collect(),
        }
    }
}

fn overlays(run: &Path, variant: &str) -> BTreeMap<String, Value> {
    let entries = std::fs::read_dir(run.join("overlay").join(variant)).unwrap();
    let file = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        let value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        (path.file_name().unwrap().to_str().unwrap().to_string(), value)
    };
    entries.map(file).collect()
}

/// Node data: `name`, `results` by output tensor and by node, and colours.
#[track_caller]
fn check_node_data(file: &str, data: &Value, names: &FileNames) {
    let known = ["name", "results", "thresholds", "gradient"];
    let object = data.as_object().unwrap();
    assert!(object.keys().all(|key| known.contains(&key.as_str())), "{file}: {data}");
    assert!(object["name"].is_string());
    let results = object["results"].as_object().unwrap();
    assert!(!results.is_empty(), "{file}");
    for (key, entry) in results {
        let known = names.tensors.contains(key) || names.nodes.contains(key);
        assert!(known, "{file}: neither tensor nor node is called `{key}`");
        assert!(entry["value"].is_f64() || entry["value"].is_string(), "{file}: {entry}");
    }
    assert!(results.keys().any(|key| names.tensors.contains(key)), "{file}");
    let color = |item: &Value| {
        let text = item["bgColor"].as_str().unwrap();
        text.len() == 7 && text.starts_with('#') && u32::from_str_radix(&text[1..], 16).is_ok()
    };
    let list = |key: &str| object.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    assert!(list("thresholds").iter().chain(&list("gradient")).all(color), "{file}");
    let stops: Vec<f64> =
        list("gradient").iter().map(|stop| stop["stop"].as_f64().unwrap()).collect();
    assert!(stops.is_empty() || (stops.first(), stops.last()) == (Some(&0.0), Some(&1.0)));
}

#[track_caller]
fn check_netron(data: &Value, names: &FileNames) -> BTreeSet<String> {
    assert_eq!(data["signature"], "netron:attachment");
    let lists = [("metadata", "string"), ("metrics", "float32")];
    let mut said = BTreeSet::new();
    for (list, kind_of_value) in lists {
        for entry in data[list].as_array().unwrap() {
            let target = entry["target"].as_str().unwrap();
            let exists = match entry["kind"].as_str().unwrap() {
                "model" => target.is_empty(),
                "graph" => target == names.graph,
                "node" => names.nodes.contains(target),
                "value" => names.tensors.contains(target),
                _ => false,
            };
            assert!(exists, "{entry}");
            assert_eq!(entry["type"], kind_of_value);
            assert_eq!(entry["value"].is_number(), list == "metrics", "{entry}");
            said.insert(entry["name"].as_str().unwrap().to_string());
        }
    }
    said
}

#[test]
fn keys_name_tensors_of_the_variant_and_files_have_the_viewers_form() {
    let folder = tempfile::tempdir().unwrap();
    let run = measured(folder.path());
    let out = run.to_str().unwrap();
    paring(folder.path(), &explain(out, "3")).success();
    paring(folder.path(), &["verify", out]).success();
    for (variant, expected) in [
        ("baseline", &["netron", "precision", "time.host"][..]),
        ("pruned", &["netron", "precision", "removed", "time.host"]),
        ("both", &["netron", "output-difference", "precision", "removed", "time.host"]),
    ] {
        let (names, files) = (FileNames::of(&run, variant), overlays(&run, variant));
        let stems: Vec<&str> = files.keys().map(|file| file.trim_end_matches(".json")).collect();
        assert_eq!(stems, expected, "{variant}");
        for (file, data) in files.iter().filter(|(file, _)| *file != "netron.json") {
            check_node_data(file, data, &names);
        }
        let said = check_netron(&files["netron.json"], &names);
        let pruned = said.contains("removed") && said.contains("decision 1");
        assert_eq!(pruned, variant != "baseline", "{said:?}");
    }
    let both = overlays(&run, "both");
    let words: BTreeSet<&str> = both["precision.json"]["results"]
        .as_object()
        .unwrap()
        .values()
        .map(|entry| entry["value"].as_str().unwrap())
        .collect();
    assert_eq!(words, BTreeSet::from(["int8"]));
    let removed = both["removed.json"]["results"].as_object().unwrap();
    let share = |entry: &Value| entry["value"].as_f64().unwrap();
    assert!(removed.values().map(share).all(|share| (0.0..1.0).contains(&share)));
    assert!(removed.values().map(share).any(|share| share > 0.2));
    // Written again from the files alone, they are the same.
    paring(folder.path(), &["report", out]).success();
    assert_eq!(overlays(&run, "both"), both);
}
