//! What other tools did: told from the two models alone, whatever names and values they gave.

mod common;

use common::{digits, shared, skipped};
use paring::catalog::Criterion;
use paring::compress::{ChannelPruning, ModelDifference, compare, prune_channels};
use paring::engine::DimensionBindings;
use paring::graph::{Graph, Weights};
use paring::schema::OriginalIndices;
use paring::stats;
use predicates::str::contains;
use rand::RngExt;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const AT: DimensionBindings = DimensionBindings { batch: 1, dims: &BTreeMap::new() };

fn paring(arguments: &[&str]) -> assert_cmd::assert::Assert {
    assert_cmd::Command::new(env!("CARGO_BIN_EXE_paring")).args(arguments).assert()
}

/// Another tool's work: components removed at random, every weight changed by noise of this share of
/// its tensor's spread, and numbers instead of names. Gives what went, by coupling.
fn elsewhere(base: &Graph, noise: f32, seed: u64) -> (Graph, BTreeMap<String, Vec<usize>>) {
    let how = ChannelPruning::channels(0.3, Criterion::Random);
    let made = prune_channels(base.clone(), AT, OriginalIndices::default(), &how, None, None, seed)
        .unwrap();
    let truth = made.decisions.iter().filter(|d| !d.components.is_empty()).map(|d| {
        let mut gone: Vec<usize> = d.components.iter().map(|c| c.original_index).collect();
        gone.sort_unstable();
        (d.coupling.clone(), gone)
    });
    let truth = truth.collect();
    let mut graph = made.graph;
    let mut rng = stats::generator(seed, "fine-tuning");
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let kept: BTreeSet<String> =
        graph.inputs().into_iter().chain(graph.outputs()).map(str::to_string).collect();
    let stored: Vec<String> = graph.initializer_names().iter().map(|n| n.to_string()).collect();
    let mut nodes = graph.nodes().to_vec();
    for (position, node) in nodes.iter_mut().enumerate() {
        node.name = format!("n{position}");
        for name in node.input.iter_mut().chain(&mut node.output).filter(|n| !kept.contains(*n)) {
            let number = format!("{}", 100 + names.len());
            name.clone_from(names.entry(name.clone()).or_insert(number));
        }
    }
    for name in stored {
        let weights = graph.weights(&name).unwrap();
        let changed = match weights.to_f32().filter(|_| weights.dims.len() > 1) {
            Some(values) => {
                let power: f32 = values.iter().map(|v| v * v).sum::<f32>() / values.len() as f32;
                let mut draw = || (rng.random::<f32>() - 0.5) * 12f32.sqrt() * power.sqrt() * noise;
                let moved: Vec<f32> = values.iter().map(|v| v + draw()).collect();
                Weights::f32(&weights.dims, &moved)
            }
            None => weights,
        };
        graph.set_weights(&names[&name], changed);
    }
    graph.set_nodes(nodes);
    graph.tidy();
    (graph, truth)
}

fn found(base: &Graph, variant: &Graph) -> ModelDifference {
    compare(base, variant, AT, None).unwrap()
}

#[test]
fn what_another_tool_removed_is_named_through_fine_tuning_and_renaming() {
    let base = Graph::load(&digits("digits_cnn.onnx")).unwrap();
    for (seed, noise) in [(1, 0.0), (2, 0.1), (3, 0.3)] {
        let (variant, truth) = elsewhere(&base, noise, seed);
        let difference = found(&base, &variant);
        assert_eq!(difference.unexplained, Vec::<String>::new());
        let (mut right, mut all) = (0, 0);
        for coupling in &difference.couplings {
            let gone = &truth[&coupling.coupling];
            assert_eq!(coupling.removed.len(), gone.len(), "{}", coupling.coupling);
            right += coupling.removed.iter().filter(|i| gone.contains(i)).count();
            all += gone.len();
        }
        assert!(right as f64 >= 0.95 * all as f64, "{right} of {all} at noise {noise}");
        let tuned = difference.tensors.iter().filter(|t| t.what == "weights changed").count();
        assert_eq!(tuned, if noise == 0.0 { 0 } else { difference.tensors.len() });
    }
}

/// Where so much changed that some are wrong, what is stated must be what is right.
#[test]
fn confidence_is_honest() {
    let base = Graph::load(&digits("digits_cnn.onnx")).unwrap();
    let (mut stated, mut right, mut count) = (0.0, 0.0, 0.0);
    for seed in 0..6 {
        let (variant, truth) = elsewhere(&base, 2.5, seed);
        for coupling in found(&base, &variant).couplings {
            for (index, sure) in coupling.removed.iter().zip(&coupling.confidence) {
                stated += sure;
                right += f64::from(u8::from(truth[&coupling.coupling].contains(index)));
                count += 1.0;
            }
        }
    }
    let (stated, right) = (stated / count, right / count);
    println!("heavily changed weights: {right:.3} right, {stated:.3} stated, of {count}");
    assert!(right < 0.99, "the test is too easy to tell anything");
    assert!((stated - right).abs() < 0.05, "{stated} stated, {right} right");
}

#[test]
fn a_model_is_itself() {
    let base = Graph::load(&digits("digits_transformer.onnx")).unwrap();
    assert!(found(&base, &base).is_none());
}

#[test]
fn the_published_int8_model_has_the_same_layers_and_nothing_removed() {
    let Some(folder) = shared("mlperf-tiny") else { return skipped("no MLPerf Tiny data") };
    let load = |name: &str| Graph::load(&folder.join(name)).unwrap();
    let difference = found(&load("kws_dscnn_f32.onnx"), &load("kws_dscnn_tflite_int8.onnx"));
    assert_eq!(difference.couplings.len(), 5);
    assert!(difference.couplings.iter().all(|c| c.removed.is_empty() && c.width == 64));
    assert_eq!((difference.layers_removed.len(), difference.layers_added.len()), (0, 0));
    let per: Vec<&str> = difference.tensors.iter().map(|t| t.precision_there.as_str()).collect();
    assert_eq!((per.len(), per[0], per[9]), (10, "int8 per channel", "int8 per tensor"));
}

#[test]
fn an_imported_variant_stands_in_the_run_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let base = Graph::load(&digits("digits_cnn.onnx")).unwrap();
    let (variant, truth) = elsewhere(&base, 0.05, 4);
    variant.save(&folder.path().join("theirs.onnx")).unwrap();
    let (study, out) = (folder.path().join("study.toml"), folder.path().join("run"));
    let text = format!(
        "[study]\nname = \"import\"\nowner = \"tests\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n\
         [[variant]]\nname = \"theirs\"\nimport = \"theirs.onnx\"\n\
         [[variant]]\nname = \"theirs-int8\"\nfrom = \"theirs\"\nsteps = [{{ quantize = \"int8\" }}]\n",
        digits("digits_cnn.onnx"),
        digits("digits.npz"),
    );
    std::fs::write(&study, text).unwrap();
    let (study, run) = (study.to_str().unwrap(), out.to_str().unwrap());
    paring(&["compress", study, "--out", run, "--evaluate"]).success();
    let record = std::fs::read(out.join("variants/theirs.json")).unwrap();
    let record: paring::schema::VariantRecord = serde_json::from_slice(&record).unwrap();
    assert_eq!(record.removed_count(), truth.values().map(Vec::len).sum::<usize>());
    let given = std::fs::read(folder.path().join("theirs.onnx")).unwrap();
    assert_eq!(std::fs::read(out.join("variants/theirs.onnx")).unwrap(), given);
    for variant in ["theirs", "theirs-int8"] {
        paring(&["restore", run, "--variant", variant, "--all"])
            .success()
            .stdout(contains("bit for bit"));
        let back = Path::new(run).join(format!("restored/{variant}.all.onnx"));
        let base = digits("digits_cnn.onnx");
        paring(&["diff", base.to_str().unwrap(), back.to_str().unwrap()])
            .success()
            .stdout(contains("no difference"));
    }
    paring(&["restore", run, "--variant", "theirs", "--pruned"])
        .code(2)
        .stderr(contains("made by another tool"));
}
