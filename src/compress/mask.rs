//! The other way to remove something: zeros where it is read. It costs as much as before and gives
//! what a cut must give, so every cut can be held against it.

use super::CompressError;
use crate::catalog::{Calibration, Slices};
use crate::engine::{Bindings, Model, Source};
use crate::graph::{Facts, Graph, Node, Weights};
use crate::record::EngineOptions;
use std::collections::{BTreeMap, BTreeSet};

/// Operators that sum over what they read; the others act entry by entry, or along other axes.
const SUMS: [&str; 6] = ["Conv", "ConvTranspose", "Gemm", "MatMul", "LSTM", "Attention"];

/// The graph in which every operator that sums over an entry of `gone` reads a zero in its place.
pub fn masked(graph: &Graph, facts: &Facts, gone: &Slices) -> Graph {
    let mut axes: BTreeMap<&str, Vec<(usize, &[usize])>> = BTreeMap::new();
    for ((tensor, axis), indices) in gone {
        axes.entry(tensor).or_default().push((*axis, indices));
    }
    let mut masked = graph.clone();
    let mut nodes = Vec::new();
    for node in graph.nodes() {
        let mut node = node.clone();
        let sums = SUMS.contains(&node.op_type.as_str());
        for slot in 0..if sums { node.input.len().min(2) } else { 0 } {
            let read = node.input[slot].clone();
            let (Some(axes), Some(shape)) = (axes.get(read.as_str()), facts.shapes.get(&read))
            else {
                continue;
            };
            for (axis, indices) in axes {
                let indices: BTreeSet<&usize> = indices.iter().collect();
                let mut dims = vec![1; shape.len()];
                dims[*axis] = shape[*axis];
                let kept = |i: usize| if indices.contains(&i) { 0.0 } else { 1.0 };
                let mask: Vec<f32> = (0..shape[*axis]).map(kept).collect();
                let name = format!("{}/mask{slot}.{axis}", node.output[0]);
                masked.set_weights(&name, Weights::f32(&dims, &mask));
                let output = format!("{name}/masked");
                nodes.push(Node {
                    name: output.clone(),
                    op_type: "Mul".into(),
                    input: vec![node.input[slot].clone(), name],
                    output: vec![output.clone()],
                    ..Node::default()
                });
                node.input[slot] = output;
            }
        }
        nodes.push(node);
    }
    masked.set_nodes(nodes);
    masked.tidy();
    masked
}

/// Largest difference of the outputs of two graphs on the first calibration samples, relative to the
/// largest output.
///
/// # Errors
/// The engine's.
pub(super) fn difference(
    a: &Graph,
    b: &Graph,
    calibration: &Calibration,
) -> Result<f64, CompressError> {
    let run = |graph: &Graph| -> Result<Vec<f32>, CompressError> {
        let bytes = graph.encode();
        let bindings = Bindings { batch: calibration.batch, dims: &calibration.dims };
        let model = Model::load(Source::Bytes(graph.name(), &bytes), bindings)?;
        let plan = model.optimise(&EngineOptions::default())?;
        let outputs = plan.run(&plan.inputs(&calibration.first())?)?;
        Ok(outputs.into_iter().flatten().collect())
    };
    let (a, b) = (run(a)?, run(b)?);
    let largest = a.iter().fold(f32::MIN_POSITIVE, |most, v| most.max(v.abs()));
    let apart = a.iter().zip(&b).fold(0.0f32, |most, (a, b)| most.max((a - b).abs()));
    Ok(f64::from(apart / largest))
}
