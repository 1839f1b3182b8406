//! Surgery against an independent reference: a model whose removed components are multiplied by
//! zero where their consumers read them, and the bytes of the baseline.

mod common;

use common::surgery::{differ, found, loads, masked, pruned, quarter};
use common::{digits, outputs, python, random_inputs, shared, skipped};
use paring::catalog::{Catalog, Criterion, RefusedLayer};
use paring::compress::{ChannelPruning, PruneAmount, undo, undo_tensors};
use paring::engine::{self, ModelSource};
use paring::graph::Graph;
use paring::schema::OriginalIndices;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// Runs both in the engine, and writes both for ONNX Runtime; gives the number of components.
#[track_caller]
fn masked_equals_sliced(path: &Path, folder: &Path) -> usize {
    let graph = Graph::load(path).unwrap();
    let Some(made) = pruned(&graph) else { return 0 };
    let masked = masked(&graph, &made);
    let name = path.file_stem().unwrap().to_str().unwrap();
    masked.save(&folder.join(format!("{name}.masked.onnx"))).unwrap();
    made.graph.save(&folder.join(format!("{name}.sliced.onnx"))).unwrap();
    // Where the engine does not know an operator, ONNX Runtime alone is asked.
    if engine::describe(ModelSource::File(path)).is_ok() && loads(&graph) {
        let inputs = random_inputs(path, 1);
        let difference = differ(&outputs(&masked, &inputs), &outputs(&made.graph, &inputs));
        assert!(difference < 1e-5, "{}: {difference}", path.display());
    }
    made.decisions.iter().map(|d| d.components.len()).sum()
}

/// Holds all pairs of a folder against each other in ONNX Runtime.
fn equal_in_onnxruntime(folder: &Path, pairs: usize) {
    let Some(python) = python() else { return skipped("no Python with onnxruntime") };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnxruntime/pairs.py");
    let output = Command::new(python).arg(script).arg(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: BTreeMap<String, f64> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found.len(), pairs);
    for (name, difference) in found {
        assert!(difference < 1e-5, "{name}: {difference}");
    }
}

#[test]
fn masked_equals_sliced_on_the_examples() {
    let folder = tempfile::tempdir().unwrap();
    assert!(masked_equals_sliced(&digits("digits_cnn.onnx"), folder.path()) > 50);
    assert!(masked_equals_sliced(&digits("digits_transformer.onnx"), folder.path()) > 0);
    equal_in_onnxruntime(folder.path(), 2);
}

#[test]
fn masked_equals_sliced_on_real_models() {
    let Some(models) = shared("mlperf-tiny") else { return skipped("no MLPerf Tiny data") };
    let folder = tempfile::tempdir().unwrap();
    let path = models.join("kws_dscnn_f32.onnx");
    assert_eq!(masked_equals_sliced(&path, folder.path()), 5 * 16);
    assert!(masked_equals_sliced(&models.join("resnet8_f32.onnx"), folder.path()) > 0);
    equal_in_onnxruntime(folder.path(), 2);
}

#[test]
fn masked_equals_sliced_on_exported_graphs() {
    let Some(models) = shared("zoo") else { return skipped("no exported graphs") };
    let folder = tempfile::tempdir().unwrap();
    let mut paths: Vec<_> =
        std::fs::read_dir(models).unwrap().flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "onnx"));
    paths.sort();
    for path in &paths {
        let removed = masked_equals_sliced(path, folder.path());
        assert!(removed > 0, "nothing was removed from {}", path.display());
        let catalog = found(&Graph::load(path).unwrap());
        let share = removable(&catalog);
        println!(
            "{:<32} {removed:>5} components removed, {:>5.1} % removable, {} couplings of them {} lossy, {} refused",
            path.file_stem().unwrap().to_string_lossy(),
            100.0 * share,
            catalog.couplings.len(),
            catalog.couplings.iter().filter(|c| c.lossy.is_some()).count(),
            catalog.refused.len(),
        );
        assert!(share >= 0.9, "{}", path.display());
    }
    equal_in_onnxruntime(folder.path(), paths.len());
}

/// Share of layers with weights whose outputs can be removed, those that are the model's own apart.
fn removable(catalog: &Catalog) -> f64 {
    let kept = |r: &&RefusedLayer| {
        r.reason != "it is an output of the model" && !r.reason.contains("keeps a state")
    };
    let refused = catalog.refused.iter().filter(kept);
    let (free, kept) = (catalog.couplings.len(), refused.count());
    free as f64 / (free + kept).max(1) as f64
}

#[test]
fn what_was_taken_out_goes_back_bit_for_bit() {
    let mut paths = vec![digits("digits_cnn.onnx"), digits("digits_transformer.onnx")];
    let models = shared("zoo").into_iter().flat_map(|f| std::fs::read_dir(f).unwrap().flatten());
    paths.extend(models.map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "onnx")));
    for path in paths {
        let given = Graph::load(&path).unwrap();
        let channels = ChannelPruning::channels(0.25, Criterion::L1);
        let made = quarter(given.clone(), OriginalIndices::default(), &channels).unwrap();
        let rest = undo_tensors(&given, &made.graph, &made.decisions).unwrap();
        // The slices do most of it: what is stored whole beside them are shapes and the like.
        let whole: usize =
            rest.0.iter().filter(|(k, _)| *k != "#graph").map(|(_, w)| w.len()).sum();
        assert!(whole < 200, "{}: {whole} numbers stored whole", path.display());
        let parings: Vec<_> = made.decisions.iter().map(|d| d.paring.clone()).collect();
        let back = undo(&made.graph, &rest, &parings).unwrap();
        assert_eq!(back.nodes(), given.nodes());
        for name in given.initializer_names() {
            assert_eq!(back.weights(name).ok(), given.weights(name).ok(), "{name}");
        }
    }
}

#[test]
fn ids_name_the_baseline_s_indices_also_after_two_steps() {
    let graph = Graph::load(&digits("digits_cnn.onnx")).unwrap();
    let first = pruned(&graph).unwrap();
    let second =
        quarter(first.graph, first.origins, &ChannelPruning::channels(0.25, Criterion::L1))
            .unwrap();
    for (early, late) in first.decisions.iter().zip(&second.decisions) {
        assert_eq!(early.coupling, late.coupling);
        let early: BTreeSet<&String> = early.components.iter().map(|c| &c.id).collect();
        assert!(late.components.iter().all(|c| !early.contains(&c.id)));
    }
    let width = graph.dims("stem.weight").unwrap()[0];
    assert!(second.decisions[0].components.iter().all(|c| c.original_index < width));
}

#[test]
fn a_round_trip_changes_nothing() {
    for name in ["digits_cnn.onnx", "digits_transformer.onnx"] {
        let path = digits(name);
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join(name);
        let graph = Graph::load(&path).unwrap();
        graph.save(&copy).unwrap();
        let inputs = random_inputs(&path, 2);
        assert_eq!(outputs(&graph, &inputs), outputs(&Graph::load(&copy).unwrap(), &inputs));
    }
}

#[test]
fn the_catalog_of_kws_is_the_published_one() {
    let Some(folder) = shared("mlperf-tiny") else { return skipped("no MLPerf Tiny data") };
    let graph = Graph::load(&folder.join("kws_dscnn_f32.onnx")).unwrap();
    let found = found(&graph);
    let ids: Vec<&str> = found.couplings.iter().map(|c| c.id.as_str()).collect();
    assert_eq!(ids, ["stem", "block1.pw", "block2.pw", "block3.pw", "block4.pw"]);
    assert!(found.couplings.iter().all(|c| c.components.len() == 64));
    let refused: Vec<(&str, &str)> =
        found.refused.iter().map(|r| (r.layer.as_str(), r.reason.as_str())).collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0].0, "head");
}

#[test]
fn heads_of_the_transformer_are_named_and_removed_whole() {
    let path = digits("digits_transformer.onnx");
    let graph = Graph::load(&path).unwrap();
    let made = pruned(&graph).unwrap();
    let heads: Vec<&str> = made
        .decisions
        .iter()
        .filter(|d| d.operation == "prune heads")
        .map(|d| d.coupling.as_str())
        .collect();
    assert_eq!(heads, ["encoder.0.attn/head", "encoder.1.attn/head"]);
    let columns = |graph: &Graph| graph.dims("encoder.0.attn.q.weight").unwrap()[1];
    assert_eq!((columns(&graph), columns(&made.graph)), (64, 48));
}

#[test]
fn lossy_couplings_are_left_alone_unless_asked_for_and_say_so() {
    let graph = Graph::load(&digits("digits_transformer.onnx")).unwrap();
    let channels = ChannelPruning::channels(0.25, Criterion::L1);
    let made = quarter(graph.clone(), OriginalIndices::default(), &channels).unwrap();
    assert!(
        made.refusals.iter().any(|(what, why)| what == "patch" && why.contains("lossy = true"))
    );
    let lossy = ChannelPruning { lossy: true, ..channels };
    let made = quarter(graph, OriginalIndices::default(), &lossy).unwrap();
    assert_eq!(made.graph.dims("patch.weight").unwrap()[1], 48);
    assert!(loads(&made.graph));
}

#[test]
fn what_is_protected_stays_and_changes_no_score_of_the_rest() {
    let graph = Graph::load(&digits("digits_cnn.onnx")).unwrap();
    let one = ChannelPruning {
        amount: PruneAmount::Count(1),
        ..ChannelPruning::channels(0.5, Criterion::L1)
    };
    let two = ChannelPruning { amount: PruneAmount::Count(2), ..one.clone() };
    let removed = |pruning: &ChannelPruning| {
        let made = quarter(graph.clone(), OriginalIndices::default(), pruning).unwrap();
        made.decisions.into_iter().find(|d| !d.components.is_empty()).unwrap()
    };
    let free = removed(&two);
    let (first, second) = (&free.components[0], &free.components[1]);
    let only = |protect: Vec<String>| ChannelPruning {
        protect,
        layers: Some(free.coupling.clone()),
        ..one.clone()
    };
    let spared = removed(&only(vec![first.id.clone()]));
    assert_eq!(spared.components[0].id, second.id);
    assert_eq!(spared.components[0].score, second.score);
    // All but one are protected: one of many still goes.
    let found = found(&graph);
    let coupling = found.couplings.iter().find(|c| c.id == free.coupling).unwrap();
    let ids = coupling.components.iter().map(|c| coupling.component_id(c));
    let last = removed(&only(ids.filter(|id| *id != second.id).collect()));
    assert_eq!(last.components.iter().map(|c| &c.id).collect::<Vec<_>>(), [&second.id]);
}
