//! Lossless simplification of a graph: normalisations that fold into
//! weights, constants, copies, repetitions, and nodes that nobody reads.

use super::batch_normalization::fold_batch_normalization;
use crate::calibration_plan::tensors_plan;
use crate::catalog::Calibration;
use crate::{CompressError, DecisionDraft};
use paring_agent::arrays::Dtype;
use paring_agent::engine::onnx;
use paring_core::schema::EngineOptions;
use paring_onnx::graph::{ElementType, Graph, Node, TensorFacts, Weights};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// A constant is kept as values where these are no more than so many.
const MOST_VALUES: usize = 65_536;

/// Leaves out what does not change the outputs; one decision for each kind of it.
///
/// # Errors
/// [`CompressError`] where the graph cannot be analysed or a constant cannot be computed.
pub fn lossless(
    graph: &Graph,
    calibration: &Calibration,
) -> Result<(Graph, Vec<DecisionDraft>), CompressError> {
    let mut graph = graph.clone();
    let mut drafts = fold_batch_normalization(&mut graph)?;
    let facts = graph.facts(&calibration.dims, calibration.batch)?;
    let kinds: [(&str, &str, Vec<String>); 4] = [
        ("leave out copies", "they hand on what they read", copies(&mut graph)),
        (
            "compute constants",
            "they read stored values alone",
            constants(&mut graph, &facts, calibration)?,
        ),
        (
            "merge repetitions",
            "another node computes the same of the same",
            repetitions(&mut graph),
        ),
        ("leave out dead nodes", "nothing reads what they give", dead(&mut graph)),
    ];
    for (operation, why, names) in kinds.into_iter().filter(|(_, _, names)| !names.is_empty()) {
        drafts.push(DecisionDraft {
            operation: operation.into(),
            coupling: names.join(", "),
            reason: format!("{} nodes: {why}", names.len()),
            ..DecisionDraft::default()
        });
    }
    graph.tidy();
    Ok((graph, drafts))
}

/// True of a node that gives something else every time.
fn draws(node: &Node) -> bool {
    node.op_type.starts_with("Random")
        || ["Bernoulli", "Multinomial"].contains(&node.op_type.as_str())
}

fn outputs_of(graph: &Graph) -> BTreeSet<String> {
    graph.outputs().into_iter().map(str::to_string).collect()
}

fn has_body(node: &Node) -> bool {
    onnx::bodies(node).next().is_some()
}

fn rewire(graph: &mut Graph, renamed: &BTreeMap<String, String>, gone: &BTreeSet<usize>) {
    let nodes = graph.nodes().iter().enumerate().filter(|(p, _)| !gone.contains(p));
    let nodes = nodes.map(|(_, node)| node.clone()).collect();
    graph.set_nodes(nodes);
    graph.rename_reads(renamed);
}

/// Identity, and Dropout, which does nothing after training.
fn copies(graph: &mut Graph) -> Vec<String> {
    let outputs = outputs_of(graph);
    let (mut renamed, mut gone, mut names) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
    for (position, node) in graph.nodes().iter().enumerate() {
        let plain =
            node.op_type == "Identity" || (node.op_type == "Dropout" && node.input.len() < 3);
        let one = node.output.iter().filter(|o| !o.is_empty()).count() == 1;
        if plain && one && !outputs.contains(&node.output[0]) {
            renamed.insert(node.output[0].clone(), node.input[0].clone());
            gone.insert(position);
            names.push(node.name.clone());
        }
    }
    rewire(graph, &renamed, &gone);
    names
}

/// Nodes that read stored values alone become such values.
fn constants(
    graph: &mut Graph,
    facts: &TensorFacts,
    calibration: &Calibration,
) -> Result<Vec<String>, CompressError> {
    let outputs = outputs_of(graph);
    let mut stored: BTreeSet<String> =
        graph.initializer_names().into_iter().map(str::to_string).collect();
    let (mut found, mut gone, mut names) = (Vec::new(), BTreeSet::new(), Vec::new());
    for (position, node) in graph.nodes().iter().enumerate() {
        // Weights that are stored in fewer bits are meant to be, and draws are no constants.
        let narrow = |input: &String| {
            let element = graph.weights(input).map(|weights| weights.element);
            element.is_ok_and(|e| [ElementType::I8, ElementType::U8].contains(&e))
        };
        let kept = node.op_type == "DequantizeLinear"
            || (node.op_type == "Cast" && node.input.iter().any(narrow))
            || draws(node);
        let still = !node.input.is_empty() && node.input.iter().all(|i| stored.contains(i));
        let [output] = node.output.as_slice() else { continue };
        let small =
            facts.shapes.get(output).is_some_and(|s| s.iter().product::<usize>() <= MOST_VALUES);
        let known = match facts.types.get(output) {
            Some(Dtype::F32) => true,
            Some(Dtype::I64 | Dtype::I32) => facts.integers.contains_key(output),
            _ => false,
        };
        if still && small && known && !kept && !has_body(node) && !outputs.contains(output) {
            stored.insert(output.clone());
            found.push(output.clone());
            gone.insert(position);
            names.push(node.name.clone());
        }
    }
    let floats: Vec<String> =
        found.iter().filter(|t| !facts.integers.contains_key(*t)).cloned().collect();
    let mut values = computed(graph, &floats, calibration)?;
    for tensor in &found {
        let shape = facts.shapes.get(tensor).cloned().unwrap_or_default();
        let weights = match facts.integers.get(tensor) {
            Some(integers) if facts.types.get(tensor) == Some(&Dtype::I32) => {
                let narrow: Vec<i32> = integers.iter().map(|v| *v as i32).collect();
                Weights::i32(&shape, &narrow)
            }
            Some(integers) => Weights::i64(&shape, integers),
            None => Weights::f32(&shape, &values.remove(tensor).unwrap_or_default()),
        };
        graph.set_weights(tensor, weights);
    }
    rewire(graph, &BTreeMap::new(), &gone);
    Ok(names)
}

fn computed(
    graph: &Graph,
    tensors: &[String],
    calibration: &Calibration,
) -> Result<BTreeMap<String, Vec<f32>>, CompressError> {
    if tensors.is_empty() {
        return Ok(BTreeMap::new());
    }
    let plan = tensors_plan(graph, tensors, calibration, &EngineOptions::default())?;
    let values = plan.run(&plan.inputs(&calibration.first())?)?;
    let values = values.into_iter().map(|v| v.iter().copied().collect());
    Ok(tensors.iter().cloned().zip(values).collect())
}

/// Nodes that compute what an earlier one does.
fn repetitions(graph: &mut Graph) -> Vec<String> {
    let outputs = outputs_of(graph);
    let (mut renamed, mut gone, mut names) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (position, node) in graph.nodes().iter().enumerate() {
        let read = |input: &String| renamed.get(input).unwrap_or(input).clone();
        let input: Vec<String> = node.input.iter().map(read).collect();
        let mut attribute = node.attribute.clone();
        attribute.sort_by(|a, b| a.name.cmp(&b.name));
        let (op_type, domain) = (node.op_type.clone(), node.domain.clone());
        let bare = Node { op_type, domain, input, attribute, ..Node::default() };
        let stays =
            draws(node) || has_body(node) || node.output.iter().any(|o| outputs.contains(o));
        // Of twins the same outputs must be there.
        let given: Vec<bool> = node.output.iter().map(|output| !output.is_empty()).collect();
        match seen.entry(format!("{bare:?} {given:?}")) {
            Entry::Occupied(first) if !stays => {
                let same = node.output.iter().cloned().zip(first.get().iter().cloned());
                renamed.extend(same.filter(|(own, _)| !own.is_empty()));
                gone.insert(position);
                names.push(node.name.clone());
            }
            Entry::Vacant(place) if !stays => {
                place.insert(node.output.clone());
            }
            _ => {}
        }
    }
    rewire(graph, &renamed, &gone);
    names
}

fn dead(graph: &mut Graph) -> Vec<String> {
    let mut read = outputs_of(graph);
    let (mut gone, mut names) = (BTreeSet::new(), Vec::new());
    for (position, node) in graph.nodes().iter().enumerate().rev() {
        if node.output.iter().any(|output| read.contains(output)) {
            read.extend(node.input.iter().cloned());
            read.extend(onnx::captured(node).into_iter().map(str::to_string));
        } else {
            gone.insert(position);
            names.push(node.name.clone());
        }
    }
    names.reverse();
    rewire(graph, &BTreeMap::new(), &gone);
    names
}
