//! Undoing a step with what its decisions took out.

use super::paring::Paring;
use crate::DecisionDraft;
use paring_onnx::graph::{self, ElementType, Graph, GraphError, Weights};
use std::collections::BTreeMap;

/// Name of the tensor that holds a graph without its weights, encoded.
const GRAPH: &str = "#graph";

/// The reason that a step cannot be undone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UndoError {
    /// A tensor is nowhere to be found.
    #[error("neither the variant nor its parings hold the original tensor `{0}`")]
    Lost(String),
    /// A paring is not one of a step, or its slices do not fit.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

/// The tensors that undoing a step needs beside its decisions' parings: the graph before it without its
/// weights, and every initializer that the decisions do not bring back.
///
/// # Errors
/// [`GraphError`] where an initializer cannot be read.
pub fn undo_tensors(
    before: &Graph,
    after: &Graph,
    decisions: &[DecisionDraft],
) -> Result<Paring, UndoError> {
    let skeleton = before.skeleton().encode();
    let bytes = Weights { dims: vec![skeleton.len()], element: ElementType::U8, bytes: skeleton };
    let mut rest = Paring(BTreeMap::from([(GRAPH.to_string(), bytes)]));
    let parings: Vec<&Paring> = decisions.iter().map(|d| &d.paring).collect();
    let back = brought_back(after, &parings)?;
    for name in before.initializer_names() {
        let Ok(weights) = before.weights(name) else { continue };
        if back.get(name) != Some(&weights) {
            rest.0.insert(name.to_string(), weights);
        }
    }
    Ok(rest)
}

/// The graph before a step, every initializer bit for bit, from the one behind it.
///
/// # Errors
/// [`UndoError::Lost`] names a tensor that is missing or has another shape.
pub fn undo(after: &Graph, rest: &Paring, decisions: &[Paring]) -> Result<Graph, UndoError> {
    let bytes = rest.0.get(GRAPH).ok_or_else(|| UndoError::Lost(GRAPH.into()))?;
    let mut graph = Graph::decode(after.name(), &bytes.bytes)?;
    let parings: Vec<&Paring> = decisions.iter().collect();
    let mut back = brought_back(after, &parings)?;
    let whole = rest.0.iter().filter(|(name, _)| *name != GRAPH);
    back.extend(whole.map(|(name, weights)| (name.clone(), weights.clone())));
    let names: Vec<String> = graph.initializer_names().iter().map(|n| (*n).to_string()).collect();
    for name in names {
        let wanted = graph.dims(&name);
        match back.remove(&name).filter(|w| Some(&w.dims) == wanted.as_ref()) {
            Some(weights) => graph.set_weights(&name, weights),
            // Types of less than a byte never change and stay in the skeleton.
            None if graph.weights(&name).is_ok() => {}
            None => return Err(UndoError::Lost(name)),
        }
    }
    Ok(graph)
}

/// All initializers of a graph once its decisions are taken back, the last first.
fn brought_back(
    after: &Graph,
    decisions: &[&Paring],
) -> Result<BTreeMap<String, Weights>, GraphError> {
    let mut tensors: BTreeMap<String, Weights> = BTreeMap::new();
    for name in after.initializer_names() {
        tensors.extend(after.weights(name).ok().map(|weights| (name.to_string(), weights)));
    }
    for Paring(paring) in decisions.iter().rev() {
        for (key, taken) in paring.iter().rev().filter(|(key, _)| !is_index(key, paring)) {
            let places = paring.get(&format!("{key}#places")).and_then(Weights::to_i64);
            let (Some(places), Some((name, axis))) = (places, key.rsplit_once('@')) else {
                tensors.insert(key.clone(), taken.clone());
                continue;
            };
            let places: Vec<usize> = places.iter().map(|p| *p as usize).collect();
            let axis: usize = axis.parse().unwrap_or(usize::MAX);
            if let Some(kept) = tensors.get(name) {
                let whole = graph::insert(kept, axis, taken, &places)?;
                tensors.insert(name.to_string(), whole);
            }
        }
    }
    Ok(tensors)
}

/// True of an entry that says where another one was: an initializer may be called so too.
fn is_index(key: &str, paring: &BTreeMap<String, Weights>) -> bool {
    let of = ["#indices", "#places", "#mask"].iter().find_map(|end| key.strip_suffix(end));
    of.is_some_and(|of| paring.contains_key(of))
}
