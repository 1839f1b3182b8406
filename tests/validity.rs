//! Rules of the ONNX specification against `onnx.checker` and ONNX Runtime.
//!
//! Needs Python with onnx and onnxruntime: `scripts/test` makes one and names it in `PARING_PYTHON`.

mod common;

use common::{digits, network, python, shared, skipped};
use paring::graph::{Graph, GraphError, Violation, validate, violations};
use prost::Message;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use tract_onnx::pb::{AttributeProto, ModelProto, NodeProto};

/// A model as one of the tests judged it.
#[derive(serde::Deserialize)]
struct Verdict {
    file: String,
    model: String,
    mutation: Option<String>,
    /// What `onnx.checker` says against it.
    checker: Option<String>,
    /// What ONNX Runtime says on loading it, without optimisations.
    runtime: Option<String>,
}

impl Verdict {
    /// Whether ONNX Runtime refuses it for a type, which `onnx.checker` does not look at.
    fn is_type_error(&self) -> bool {
        self.runtime.as_ref().is_some_and(|refusal| refusal.contains("Type Error"))
    }

    /// Whether ONNX Runtime loads it, or knows it and has no kernel.
    fn is_loadable(&self) -> bool {
        self.runtime.as_ref().is_none_or(|refusal| refusal.contains("NOT_IMPLEMENTED"))
    }
}

/// What we refuse and both others accept: each a sentence of the specification.
fn is_stricter(violation: &Violation) -> bool {
    // docs/IR.md, names within a graph: the names of nodes are unique.
    matches!(violation, Violation::DuplicateNodeName { .. })
}

fn has_onnx(python: &str) -> bool {
    let output = Command::new(python).args(["-c", "import onnx, onnxruntime"]).output();
    output.is_ok_and(|output| output.status.success())
}

fn verdicts(folder: &Path, python: &str) -> Vec<Verdict> {
    for seed in 0..12 {
        let file = folder.join(format!("network-{seed:02}.onnx"));
        network::random(seed, 4 + seed as usize).save(&file).unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/validity/models.py");
    let output = Command::new(python).arg(script).arg(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&std::fs::read(folder.join("verdicts.json")).unwrap()).unwrap()
}

#[test]
fn the_checker_and_the_runtime_agree() {
    let Some(python) = python().filter(|python| has_onnx(python)) else {
        return skipped("rules against onnx.checker, because there is no Python with onnx");
    };
    let folder = tempfile::tempdir().unwrap();
    let verdicts = verdicts(folder.path(), &python);
    let mut counts: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    let mut wrong = Vec::new();
    for verdict in &verdicts {
        let bytes = std::fs::read(folder.path().join("judged").join(&verdict.file)).unwrap();
        let found = violations(&Graph::decode(&verdict.file, &bytes).unwrap());
        let refused = verdict.checker.is_some() || verdict.is_type_error();
        let accepted = verdict.checker.is_none() && verdict.is_loadable();
        let strict: Vec<&Violation> = found.iter().filter(|v| !is_stricter(v)).collect();
        let label = verdict.mutation.as_deref().unwrap_or("as made");
        let count = counts.entry(label).or_default();
        match (refused, accepted) {
            (true, _) if !found.is_empty() => count[0] += 1,
            (_, true) if strict.is_empty() => count[1] += 1,
            (false, false) => count[2] += 1,
            _ => {
                count[3] += 1;
                let Verdict { file, model, checker, runtime, .. } = verdict;
                let ours: Vec<String> = found.iter().map(ToString::to_string).collect();
                wrong.push(format!(
                    "{file} {model}, {label}: we {ours:?}, checker {checker:?}, runtime {runtime:?}"
                ));
            }
        }
    }
    println!(
        "{} models: refused by both, accepted by both, not comparable, different",
        verdicts.len()
    );
    for (label, [refused, accepted, open, different]) in &counts {
        println!("{label}: {refused}, {accepted}, {open}, {different}");
    }
    assert!(verdicts.len() > 2000, "only {} models", verdicts.len());
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}

fn models_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            models_below(&path, found);
        } else if path.extension().is_some_and(|e| e == "onnx") {
            found.push(path);
        }
    }
}

#[test]
fn models_of_the_field_are_valid() {
    let mut files = Vec::new();
    models_below(digits("").as_path(), &mut files);
    for folder in ["mlperf-tiny", "zoo"] {
        match shared(folder) {
            Some(folder) => models_below(&folder, &mut files),
            None => skipped(&format!("the models of {folder}, which are not here")),
        }
    }
    assert!(!files.is_empty());
    for file in files {
        let found = violations(&Graph::load(&file).unwrap());
        let found: Vec<&Violation> = found.iter().filter(|v| !v.is_unknown_operator()).collect();
        assert!(found.is_empty(), "{}: {}", file.display(), found[0]);
    }
}

/// Changes an encoded random network and gives the message of its first violation.
fn refusal(change: impl FnOnce(&mut ModelProto)) -> String {
    let graph = network::random(5, 6);
    validate(&graph).unwrap();
    let mut model = ModelProto::decode(graph.encode().as_slice()).unwrap();
    change(&mut model);
    let changed = Graph::decode("network", &model.encode_to_vec()).unwrap();
    match validate(&changed) {
        Err(GraphError::Specification { source, .. }) => source.to_string(),
        other => panic!("{other:?}"),
    }
}

fn nodes(model: &mut ModelProto) -> &mut Vec<NodeProto> {
    &mut model.graph.as_mut().unwrap().node
}

#[test]
fn refusals_name_the_node_the_operator_and_what_is_expected() {
    let said = refusal(|model| {
        let attribute = AttributeProto { name: "axis".into(), r#type: 2, ..Default::default() };
        nodes(model)[0].attribute.push(attribute);
    });
    assert!(said.contains("(ai.onnx.Conv, operator set 17) has the attribute `axis`"), "{said}");
    let said = refusal(|model| nodes(model)[1].input[0] = "nowhere".into());
    assert!(said.contains("(ai.onnx.Relu, operator set 17) reads `nowhere`"), "{said}");
    assert!(said.ends_with("which nothing gives"), "{said}");
    let said = refusal(|model| nodes(model).swap(0, 1));
    assert!(said.ends_with("which a later node gives: the graph is unsorted or cyclic"), "{said}");
    let said = refusal(|model| model.opset_import.clear());
    assert!(said.starts_with("the model imports no operator set of domain `ai.onnx`"), "{said}");
    let said = refusal(|model| model.ir_version = 3);
    assert!(said.contains("IR version 3 demands"), "{said}");
    let said = refusal(|model| {
        let node = &mut nodes(model)[0];
        node.attribute.iter_mut().find(|a| a.name == "kernel_shape").unwrap().ints = vec![3];
    });
    assert!(said.ends_with("has 1 numbers in `kernel_shape` where its weights need 2"), "{said}");
    let said = refusal(|model| {
        let graph = model.graph.as_mut().unwrap();
        let weights = graph.node[0].input[1].clone();
        let tensor = graph.initializer.iter_mut().find(|t| t.name == weights).unwrap();
        (tensor.data_type, tensor.int32_data) = (6, vec![0; tensor.raw_data.len() / 4]);
        tensor.raw_data.clear();
    });
    assert!(
        said.ends_with("as `W`, which may be float16, float, double")
            || said.contains("of int32 as `W`"),
        "{said}"
    );
}
