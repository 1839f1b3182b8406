//! Surgery against an independent reference: a model whose removed components are multiplied by
//! zero where their consumers read them, and the bytes of the baseline.

mod common;

use common::{digits, outputs, random_inputs, shared, skipped};
use paring::catalog::{Criterion, catalog};
use paring::compress::{Made, prune_channels};
use paring::graph::{self, Graph, Weights, int};
use paring::record::Origins;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Prunes a quarter of every coupling; `None` where nothing can be removed.
fn pruned(path: &Path) -> Option<(Graph, Made)> {
    let graph = Graph::load(path).unwrap();
    let shapes = graph.shapes(&BTreeMap::new(), 1).ok()?;
    let origins = Origins::default();
    let made = prune_channels(graph.clone(), &shapes, origins, 0.25, Criterion::L1).ok()?;
    Some((graph, made))
}

/// The original graph with zeros where consumers multiply what was removed.
fn masked(graph: &Graph, made: &Made) -> Graph {
    let shapes = graph.shapes(&BTreeMap::new(), 1).unwrap();
    let found = catalog(graph, &shapes, &Origins::default()).unwrap();
    let mut masked = graph.clone();
    for decision in &made.decisions {
        let coupling = found.couplings.iter().find(|c| c.id == decision.coupling).unwrap();
        let gone: BTreeSet<usize> = decision.components.iter().map(|c| c.original_index).collect();
        for component in coupling.components.iter().filter(|c| gone.contains(&c.original_index)) {
            for ((initializer, axis), indices) in &component.slices {
                if reads(graph, initializer, *axis) {
                    let weights = masked.weights(initializer).unwrap();
                    masked.set_weights(initializer, zeroed(&weights, *axis, indices));
                }
            }
        }
    }
    masked
}

/// Whether an axis of an initializer is one that a node sums over.
fn reads(graph: &Graph, initializer: &str, axis: usize) -> bool {
    graph.nodes().iter().any(|node| {
        let is_weight = node.input.get(1).is_some_and(|w| w == initializer);
        let depthwise = int(node, "group").unwrap_or(1) > 1;
        is_weight
            && match node.op_type.as_str() {
                "Conv" => axis == 1 && !depthwise,
                "Gemm" => axis == usize::from(int(node, "transB") == Some(1)),
                "MatMul" => axis == 0,
                _ => false,
            }
    })
}

fn zeroed(weights: &Weights, axis: usize, indices: &[usize]) -> Weights {
    let mut values = weights.to_f32().unwrap();
    let inner: usize = weights.dims[axis + 1..].iter().product();
    for (position, value) in values.iter_mut().enumerate() {
        if indices.contains(&(position / inner % weights.dims[axis])) {
            *value = 0.0;
        }
    }
    Weights::f32(&weights.dims, &values)
}

#[track_caller]
fn masked_equals_sliced(path: &Path) -> usize {
    let Some((graph, made)) = pruned(path) else { return 0 };
    let inputs = random_inputs(path, 1);
    let expected = outputs(&masked(&graph, &made), &inputs);
    let found = outputs(&made.graph, &inputs);
    let largest = expected.iter().fold(0.0f32, |most, v| most.max(v.abs())).max(1e-6);
    for (e, f) in expected.iter().zip(&found) {
        let difference = (e - f).abs() / largest;
        assert!(difference < 1e-5, "{}: {e} and {f}", path.display());
    }
    made.decisions.iter().map(|d| d.components.len()).sum()
}

#[test]
fn masked_equals_sliced_on_the_examples() {
    assert!(masked_equals_sliced(&digits("digits_cnn.onnx")) > 50);
    assert!(masked_equals_sliced(&digits("digits_transformer.onnx")) > 0);
}

#[test]
fn masked_equals_sliced_on_real_models() {
    let Some(folder) = shared("mlperf-tiny") else { return skipped("no MLPerf Tiny data") };
    assert_eq!(masked_equals_sliced(&folder.join("kws_dscnn_f32.onnx")), 5 * 16);
    assert!(masked_equals_sliced(&folder.join("resnet8_f32.onnx")) > 0);
}

#[test]
fn masked_equals_sliced_on_exported_graphs() {
    let Some(folder) = shared("zoo") else { return skipped("no exported graphs") };
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths.iter().filter(|p| p.extension().is_some_and(|e| e == "onnx")) {
        println!("{}: {} components removed", path.display(), masked_equals_sliced(path));
    }
}

#[test]
fn what_was_taken_out_goes_back_bit_for_bit() {
    let (graph, made) = pruned(&digits("digits_cnn.onnx")).unwrap();
    let mut restored = made.graph.clone();
    let mut missing: BTreeMap<(String, usize), BTreeSet<usize>> = BTreeMap::new();
    let slices = |paring: &paring::compress::Paring| -> Vec<(String, usize, Vec<usize>)> {
        let keys = paring.0.keys().filter(|key| !key.ends_with("#indices"));
        keys.map(|key| {
            let (initializer, axis) = key.rsplit_once('@').unwrap();
            let indices = &paring.0[&format!("{key}#indices")].bytes;
            let (chunks, _) = indices.as_chunks::<8>();
            let indices = chunks.iter().map(|c| i64::from_le_bytes(*c) as usize).collect();
            (initializer.to_string(), axis.parse().unwrap(), indices)
        })
        .collect()
    };
    for decision in &made.decisions {
        for (initializer, axis, indices) in slices(&decision.paring) {
            missing.entry((initializer, axis)).or_default().extend(indices);
        }
    }
    for decision in made.decisions.iter().rev() {
        for (initializer, axis, indices) in slices(&decision.paring).into_iter().rev() {
            let gone = missing.get_mut(&(initializer.clone(), axis)).unwrap();
            indices.iter().for_each(|i| assert!(gone.remove(i)));
            // Positions among those that are there once these are back.
            let positions: Vec<usize> =
                indices.iter().map(|i| i - gone.range(..i).count()).collect();
            let kept = restored.weights(&initializer).unwrap();
            let taken = &decision.paring.0[&format!("{initializer}@{axis}")];
            let whole = graph::insert(&kept, axis, taken, &positions).unwrap();
            restored.set_weights(&initializer, whole);
        }
    }
    for name in graph.initializer_names() {
        assert_eq!(restored.weights(name).unwrap(), graph.weights(name).unwrap(), "{name}");
    }
}

#[test]
fn ids_name_the_baseline_s_indices_also_after_two_steps() {
    let (graph, first) = pruned(&digits("digits_cnn.onnx")).unwrap();
    let shapes = first.graph.shapes(&BTreeMap::new(), 1).unwrap();
    let second = prune_channels(first.graph, &shapes, first.origins, 0.25, Criterion::L1).unwrap();
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
    let shapes = graph.shapes(&BTreeMap::new(), 1).unwrap();
    let found = catalog(&graph, &shapes, &Origins::default()).unwrap();
    let ids: Vec<&str> = found.couplings.iter().map(|c| c.id.as_str()).collect();
    assert_eq!(ids, ["stem", "block1.pw", "block2.pw", "block3.pw", "block4.pw"]);
    assert!(found.couplings.iter().all(|c| c.components.len() == 64));
    let refused: Vec<(&str, &str)> =
        found.refused.iter().map(|r| (r.layer.as_str(), r.reason.as_str())).collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0].0, "head");
}
