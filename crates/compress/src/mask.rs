//! The other way to remove something: zeros where it is read. It costs as much as before and gives
//! what a cut must give, so every cut can be held against it.

use super::CompressError;
use crate::catalog::{self, Calibration, Slices};
use paring_agent::engine::{Bindings, Model, Source};
use paring_core::schema::EngineOptions;
use paring_onnx::graph::{ElementType, Facts, FreshNames, Graph, Node, Weights};
use std::collections::{BTreeMap, BTreeSet};

/// What is exact up to rounding differs by less, relative to the largest output, also through many
/// layers.
pub(super) const EXACT: f64 = 1e-3;

/// The graph in which every operator that sums over an entry of `gone` reads a zero in its place: 0.0 in
/// floats, the zero point in integers. Stored integer weights stay: what they multiply is zero.
pub fn masked(graph: &Graph, facts: &Facts, gone: &Slices) -> Graph {
    let mut axes: BTreeMap<&str, Vec<(usize, &[usize])>> = BTreeMap::new();
    for ((tensor, axis), indices) in gone {
        axes.entry(tensor).or_default().push((*axis, indices));
    }
    let mut masked = graph.clone();
    let names = FreshNames::new(graph);
    let mut masking = Masking { facts, graph: &mut masked, names, nodes: Vec::new() };
    for node in graph.nodes() {
        let mut node = node.clone();
        for (slot, zero) in catalog::summed_slots(&node).iter().copied() {
            let Some(read) = node.input.get(slot).cloned() else { continue };
            for (axis, indices) in axes.get(read.as_str()).into_iter().flatten() {
                let zero = zero.and_then(|z| node.input.get(z)).filter(|z| !z.is_empty()).cloned();
                masking.mask(&mut node, slot, (&read, *axis), indices, zero);
            }
        }
        masking.nodes.push(node);
    }
    let nodes = masking.nodes;
    masked.set_nodes(nodes);
    masked.tidy();
    masked
}

/// A graph that is being masked.
struct Masking<'a> {
    facts: &'a Facts,
    graph: &'a mut Graph,
    names: FreshNames,
    nodes: Vec<Node>,
}

impl Masking<'_> {
    /// Lets a node read zeros at `indices` of an axis of the tensor `read`, which it reads in `slot`.
    fn mask(
        &mut self,
        node: &mut Node,
        slot: usize,
        (read, axis): (&str, usize),
        indices: &[usize],
        zero: Option<String>,
    ) {
        let Some(shape) = self.facts.shapes.get(read) else { return };
        let indices: BTreeSet<&usize> = indices.iter().collect();
        let mut dims = vec![1; shape.len()];
        dims[axis] = shape[axis];
        let stays = |i: usize| !indices.contains(&i);
        let output = node.output.first().cloned().unwrap_or_default();
        let name = self.names.get(&output, &format!("/mask{slot}.{axis}"));
        let (op_type, input) = match self.element(read) {
            ElementType::F32 => {
                let mask: Vec<f32> = (0..shape[axis]).map(|i| f32::from(stays(i))).collect();
                self.graph.set_weights(&name, Weights::f32(&dims, &mask));
                ("Mul", vec![node.input[slot].clone(), name.clone()])
            }
            // Of integers the computed ones alone: zeros there multiply whatever the weights are.
            _ if self.graph.dims(read).is_some() => return,
            element => {
                let bytes = (0..shape[axis]).map(|i| u8::from(stays(i))).collect();
                let mask = Weights { dims, element: ElementType::BOOL, bytes };
                self.graph.set_weights(&name, mask);
                let zero = zero.unwrap_or_else(|| self.zero(element));
                ("Where", vec![name.clone(), node.input[slot].clone(), zero])
            }
        };
        let output = self.names.get(&name, "/masked");
        self.nodes.push(Node {
            name: output.clone(),
            op_type: op_type.into(),
            input,
            output: vec![output.clone()],
            ..Node::default()
        });
        node.input[slot] = output;
    }

    fn element(&self, tensor: &str) -> ElementType {
        match (self.graph.weights(tensor), self.facts.types.get(tensor)) {
            (Ok(weights), _) => weights.element,
            (_, Some(dtype)) => ElementType::from(*dtype),
            _ => ElementType::F32,
        }
    }

    /// A stored zero of an element type, for operators that are told none.
    fn zero(&mut self, element: ElementType) -> String {
        let name = self.names.get("mask.zero", &format!(".{}", element.0));
        let bytes = vec![0; element.size().unwrap_or(1)];
        self.graph.set_weights(&name, Weights { dims: vec![], element, bytes });
        name
    }
}

/// All outputs of a graph that are numbers, on the first calibration samples.
///
/// # Errors
/// The engine's.
pub(super) fn answers(graph: &Graph, calibration: &Calibration) -> Result<Vec<f32>, CompressError> {
    let bytes = graph.encode();
    let bindings = Bindings { batch: calibration.batch, dims: &calibration.dims };
    let model = Model::load(Source::Bytes(graph.name(), &bytes), bindings)?;
    let plan = model.optimise(&EngineOptions::default())?;
    let outputs = plan.run_numbers(&plan.inputs(&calibration.first())?)?;
    Ok(outputs.into_iter().flatten().collect())
}

/// The same; `None` of a graph that the engine cannot run, which nothing can be held against.
pub(super) fn answered(graph: &Graph, calibration: &Calibration) -> Option<Vec<f32>> {
    answers(graph, calibration).ok()
}

/// Refuses a rewrite that should change nothing and does, on the first calibration samples. Where the
/// engine cannot run the graph as it was, there is nothing to tell.
///
/// # Errors
/// [`CompressError::NotEquivalent`] says by how much; the engine's.
pub fn equivalent(
    rewrite: &'static str,
    before: &Graph,
    after: &Graph,
    calibration: &Calibration,
) -> Result<(), CompressError> {
    if before.encode() == after.encode() {
        return Ok(());
    }
    let Some(expected) = answered(before, calibration) else { return Ok(()) };
    let found = answers(after, calibration)?;
    if differ(&expected, &found) {
        return Err(CompressError::NotEquivalent(rewrite, apart(&expected, &found)));
    }
    Ok(())
}

/// Whether two lists of outputs are further apart than rounding explains: by their largest difference
/// and as a whole. An output that is rounded itself, as by ArgMax or to bytes, may flip in few places.
pub(super) fn differ(a: &[f32], b: &[f32]) -> bool {
    if apart(a, b) <= EXACT {
        return false;
    }
    let square = |v: f64| v * v;
    let both = || a.iter().zip(b).filter(|(a, b)| a != b && !(a.is_nan() && b.is_nan()));
    let off: f64 = both().map(|(a, b)| square(f64::from(*a) - f64::from(*b))).sum();
    let power: f64 = a.iter().filter(|v| v.is_finite()).map(|v| square(f64::from(*v))).sum();
    // What is no number on one side makes this infinite or none.
    let far = off.sqrt() > EXACT * power.sqrt();
    a.len() != b.len() || off.is_nan() || far
}

/// Largest difference of two lists of outputs relative to the largest of `a`: infinite where one is no
/// number or is missing and the other is not.
pub(super) fn apart(a: &[f32], b: &[f32]) -> f64 {
    if a.len() != b.len() {
        return f64::INFINITY;
    }
    let finite = a.iter().filter(|v| v.is_finite());
    let largest = finite.fold(f32::MIN_POSITIVE, |most, v| most.max(v.abs()));
    let gap = |(a, b): (&f32, &f32)| match (a - b).abs() {
        _ if a == b || (a.is_nan() && b.is_nan()) => 0.0,
        gap if gap.is_nan() => f64::INFINITY,
        gap => f64::from(gap / largest),
    };
    a.iter().zip(b).map(gap).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rounded_output_may_flip_in_few_places_and_no_other_may_be_off() {
        let bytes: Vec<f32> = (0..10_000).map(|i| (i % 256) as f32).collect();
        let mut flipped = bytes.clone();
        flipped[300] += 1.0;
        assert!(apart(&bytes, &flipped) > EXACT && !differ(&bytes, &flipped));
        let scaled: Vec<f32> = bytes.iter().map(|v| v * 1.01).collect();
        assert!(differ(&bytes, &scaled));
        flipped[300] = f32::NAN;
        assert!(differ(&bytes, &flipped) && differ(&flipped, &bytes));
        assert!(!differ(&flipped, &flipped) && differ(&bytes, &bytes[1..]));
    }
}
