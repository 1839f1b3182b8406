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
use tract_onnx::pb::tensor_shape_proto::Dimension;
use tract_onnx::pb::{AttributeProto, ModelProto, NodeProto, TensorShapeProto, type_proto};

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
    /// Whether ONNX Runtime refuses it for what `onnx.checker` does not look at and we do: names of
    /// nodes that are not unique, types of dense tensors. Not counted:
    /// types that are no dense tensors, which we do not follow, and nodes without a name, which are
    /// of ONNX Runtime's own expansions.
    fn breaks_rule_of_runtime(&self) -> bool {
        self.runtime.as_ref().is_some_and(|refusal| {
            let of_others = ["seq(", "optional(", "map(", "in node ()"];
            let type_error = refusal.contains("Type Error");
            let followed = !of_others.iter().any(|word| refusal.contains(word));
            type_error && followed || refusal.contains("two nodes with same node name")
        })
    }

    /// Whether ONNX Runtime loads it, or knows it and has no kernel.
    fn is_loadable(&self) -> bool {
        self.runtime.as_ref().is_none_or(|refusal| refusal.contains("NOT_IMPLEMENTED"))
    }
}

/// What we refuse and both others accept: each a sentence of the specification.
fn is_stricter(violation: &Violation, model: &str) -> bool {
    match violation {
        // Without `dtype` the output has the type of the input, which may be one that it cannot have.
        Violation::ElementNotAllowed { node, .. } => {
            ["RandomNormalLike", "RandomUniformLike"].contains(&node.operator.as_str())
        }
        // Both do not compare a constant with the declaration of the output that it is.
        Violation::DeclaredType { .. } => model.starts_with("Constant-"),
        // Neither looks at axes and at the rank of a bias before the model is run; the engine dies of them.
        Violation::AxisOutside { .. } | Violation::Rank { .. } => true,
        _ => false,
    }
}

/// A random network, its output with the rank that the specification wants declared.
fn random_network(seed: u64, parts: usize) -> ModelProto {
    let bytes = network::random(seed, parts).encode();
    let mut model = ModelProto::decode(bytes.as_slice()).unwrap();
    for output in &mut model.graph.as_mut().unwrap().output {
        let kind = output.r#type.as_mut().unwrap().value.as_mut().unwrap();
        let type_proto::Value::TensorType(tensor) = kind;
        tensor.shape = Some(TensorShapeProto { dim: vec![Dimension::default(); 2] });
    }
    model
}

fn has_onnx(python: &str) -> bool {
    let output = Command::new(python).args(["-c", "import onnx, onnxruntime"]).output();
    output.is_ok_and(|output| output.status.success())
}

fn verdicts(folder: &Path, python: &str) -> Vec<Verdict> {
    for seed in 0..12 {
        let file = folder.join(format!("network-{seed:02}.onnx"));
        std::fs::write(file, random_network(seed, 4 + seed as usize).encode_to_vec()).unwrap();
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
        let refused = verdict.checker.is_some() || verdict.breaks_rule_of_runtime();
        let accepted = verdict.checker.is_none() && verdict.is_loadable();
        let strict: Vec<&Violation> =
            found.iter().filter(|v| !is_stricter(v, &verdict.model)).collect();
        let label = verdict.mutation.as_deref().unwrap_or("as made");
        let count = counts.entry(label).or_default();
        match (refused, accepted) {
            _ if !found.is_empty() && (refused || !verdict.is_loadable()) => count[0] += 1,
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
    // Further models, of other makers.
    if let Ok(folder) = std::env::var("PARING_MODELS") {
        models_below(Path::new(&folder), &mut files);
    }
    assert!(!files.is_empty());
    let mut wrong = Vec::new();
    for file in files {
        let stored = std::fs::read(&file).unwrap();
        let Ok(graph) = Graph::decode("stored", &stored) else {
            println!("{}: no model", file.display());
            continue;
        };
        let started = std::time::Instant::now();
        let found = violations(&graph);
        let (nodes, elapsed) = (graph.nodes().len(), started.elapsed());
        println!("{}: {nodes} nodes in {elapsed:.1?}", file.display());
        let found = found.iter().filter(|v| !v.is_unknown_operator());
        wrong.extend(found.take(3).map(|v| format!("{}, as stored: {v}", file.display())));
        match Graph::load(&file) {
            Ok(graph) => {
                let found = violations(&graph);
                let found = found.iter().filter(|v| !v.is_unknown_operator());
                wrong.extend(found.take(3).map(|v| format!("{}: {v}", file.display())));
            }
            Err(error) => wrong.push(format!("{}: {error}", file.display())),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn ten_thousand_nodes_are_valid() {
    let mut model = random_network(1, 2);
    let graph = model.graph.as_mut().unwrap();
    let mut last = graph.output[0].name.clone();
    for position in graph.node.len()..10_000 {
        let output = if position == 9_999 { "end".into() } else { format!("long{position}") };
        graph.node.push(NodeProto {
            name: format!("node{position}"),
            op_type: "Add".into(),
            input: vec![last.clone(), last],
            output: vec![output.clone()],
            ..NodeProto::default()
        });
        last = output;
    }
    graph.output[0].name = last;
    let long = Graph::decode("long", &model.encode_to_vec()).unwrap();
    let started = std::time::Instant::now();
    assert_eq!(violations(&long), []);
    println!("{} nodes in {:.1?}", long.nodes().len(), started.elapsed());
}

/// Changes an encoded random network and gives the message of its first violation.
fn refusal(change: impl FnOnce(&mut ModelProto)) -> String {
    let mut model = random_network(5, 6);
    validate(&Graph::decode("network", &model.encode_to_vec()).unwrap()).unwrap();
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
        node.attribute.retain(|a| a.name == "kernel_shape");
        node.attribute[0].ints = vec![3];
    });
    assert!(said.ends_with("has 1 numbers in `kernel_shape` where 2 are needed"), "{said}");
    let said = refusal(|model| {
        let graph = model.graph.as_mut().unwrap();
        let weights = graph.node[0].input[1].clone();
        let tensor = graph.initializer.iter_mut().find(|t| t.name == weights).unwrap();
        (tensor.data_type, tensor.int32_data) = (6, vec![0; tensor.raw_data.len() / 4]);
        tensor.raw_data.clear();
    });
    assert!(said.contains("of int32 as `W`, which may be float, float16, double"), "{said}");
}
