//! Constant folding: tensors that do not depend on the inputs, as values.

use super::rewriter::{GraphRewriter, NodeRemoval};
use crate::calibration_plan::tensors_plan;
use crate::catalog::Calibration;
use ndarray::ArrayD;
use paring_agent::arrays::Dtype;
use paring_core::schema::EngineOptions;
use paring_onnx::graph::{ElementType, Graph, Node, Weights};
use std::collections::BTreeMap;

/// Beyond so many elements a computed constant stays computed.
const MOST_ELEMENTS: usize = 1 << 22;

/// Integers beyond this are not exact as floats, as which the engine hands out what it computed.
const EXACT: f32 = 16_777_216.0;

/// Computes constants: integers from the analysis, all else by the engine on `probe`.
pub(super) fn fold(rewriter: &mut GraphRewriter, executable: &Graph, probe: Option<&Calibration>) {
    unwrap_halves(rewriter);
    integers(rewriter);
    let still = still(rewriter);
    let Some(values) = probe.and_then(|probe| computed(executable, &still, probe)) else { return };
    let mut held: BTreeMap<String, (Weights, bool)> = BTreeMap::new();
    for (one, values) in still.into_iter().zip(values) {
        let all: Vec<f32> = values.iter().copied().collect();
        if let Some(weights) = weights(values.shape(), &all, one.dtype) {
            held.insert(one.tensor, (weights, one.half));
        }
    }
    let mut bypass = NodeRemoval::default();
    for (position, node) in rewriter.graph.nodes().iter().enumerate() {
        if node.output.iter().any(|o| held.contains_key(o)) {
            bypass.gone.insert(position);
        }
    }
    rewriter.bypass(&bypass);
    for (tensor, (weights, half)) in held {
        match weights.to_f32() {
            Some(values) => rewriter.store_floats(&tensor, &weights.dims, &values, half),
            None => rewriter.store(&tensor, weights),
        }
    }
}

/// Weights that are stored in 16 bits and cast are read as they are stored.
fn unwrap_halves(rewriter: &mut GraphRewriter) {
    let (mut bypass, mut found) = (NodeRemoval::default(), Vec::new());
    for (position, node) in rewriter.graph.nodes().iter().enumerate() {
        let ([stored], [output]) = (node.input.as_slice(), node.output.as_slice()) else {
            continue;
        };
        let float = rewriter.facts.types.get(output) == Some(&Dtype::F32);
        if node.op_type != "Cast" || !float || !rewriter.is_half(stored) {
            continue;
        }
        let Ok(weights) = rewriter.graph.weights(stored) else { continue };
        if !rewriter.is_fixed(output) {
            bypass.gone.insert(position);
            found.push((output.clone(), weights));
        }
    }
    rewriter.bypass(&bypass);
    found.into_iter().for_each(|(tensor, weights)| rewriter.hold(&tensor, weights));
}

fn integers(rewriter: &mut GraphRewriter) {
    let mut bypass = NodeRemoval::default();
    let mut found = Vec::new();
    for (position, node) in rewriter.graph.nodes().iter().enumerate() {
        let known = |o: &String| {
            let values = rewriter.facts.integers.get(o)?;
            let dims = rewriter.shape(o)?.to_vec();
            let fits = dims.iter().product::<usize>() == values.len() && !rewriter.is_fixed(o);
            fits.then(|| (o.clone(), dims, values.clone()))
        };
        let all: Option<Vec<_>> = node.output.iter().map(known).collect();
        let stays = node.output.is_empty() || node.op_type.ends_with("QuantizeLinear");
        if let Some(all) = all.filter(|_| !GraphRewriter::has_body(node) && !stays) {
            bypass.gone.insert(position);
            found.extend(all);
        }
    }
    rewriter.bypass(&bypass);
    for (tensor, dims, values) in found {
        let weights = match rewriter.facts.types.get(&tensor) {
            Some(Dtype::I32) => {
                let narrow: Vec<i32> = values.iter().map(|v| *v as i32).collect();
                Weights::i32(&dims, &narrow)
            }
            _ => Weights::i64(&dims, &values),
        };
        rewriter.store(&tensor, weights);
    }
}

/// A tensor that only constants lead to.
struct ConstantTensor {
    tensor: String,
    dtype: Dtype,
    /// 16-bit floats are among these.
    half: bool,
}

/// Tensors that only constants lead to. Weights in other types or orders stay as they are stored.
fn still(rewriter: &GraphRewriter) -> Vec<ConstantTensor> {
    let mut found: Vec<ConstantTensor> = Vec::new();
    for node in rewriter.graph.nodes() {
        let earlier = |i: &String| found.iter().find(|earlier| earlier.tensor == *i);
        let computed = |i: &String| earlier(i).is_some();
        let stored = |i: &String| i.is_empty() || rewriter.is_constant(i) || computed(i);
        let still = !node.input.is_empty() && node.input.iter().all(stored);
        let [output] = node.output.as_slice() else { continue };
        let small =
            rewriter.shape(output).is_some_and(|s| s.iter().product::<usize>() <= MOST_ELEMENTS);
        let held = [Dtype::F32, Dtype::I32, Dtype::I64, Dtype::Bool];
        let dtype = rewriter.facts.types.get(output).filter(|dtype| held.contains(dtype));
        let keeps = keeps(node, rewriter) && !node.input.first().is_some_and(computed);
        let Some(dtype) = dtype.filter(|_| still && small && !keeps && !unsettled(node)) else {
            continue;
        };
        let half =
            node.input.iter().any(|i| rewriter.is_half(i) || earlier(i).is_some_and(|e| e.half));
        if !rewriter.is_fixed(output) {
            found.push(ConstantTensor { tensor: output.clone(), dtype: *dtype, half });
        }
    }
    found
}

/// True of a node that only says how weights are stored.
fn keeps(node: &Node, rewriter: &GraphRewriter) -> bool {
    let from = node.input.first().and_then(|input| rewriter.graph.element(input));
    match node.op_type.as_str() {
        "DequantizeLinear" | "QuantizeLinear" | "Transpose" | "Identity" => true,
        // No weights are whole numbers of these types.
        "Cast" => !from.is_some_and(|from| [6, 7, 9].contains(&from.0)),
        _ => false,
    }
}

/// True of a node whose outputs do not follow from its inputs alone.
fn unsettled(node: &Node) -> bool {
    node.op_type.starts_with("Random") || GraphRewriter::has_body(node)
}

fn computed(
    executable: &Graph,
    still: &[ConstantTensor],
    probe: &Calibration,
) -> Option<Vec<ArrayD<f32>>> {
    if still.is_empty() {
        return None;
    }
    let tensors: Vec<String> = still.iter().map(|one| one.tensor.clone()).collect();
    let plan = tensors_plan(executable, &tensors, probe, &EngineOptions::default()).ok()?;
    plan.run(&plan.inputs(&probe.first()).ok()?).ok()
}

/// Values as they are stored in a type; `None` of integers that floats cannot hold.
fn weights(dims: &[usize], values: &[f32], dtype: Dtype) -> Option<Weights> {
    if dtype != Dtype::F32 && !values.iter().all(|v| v.abs() < EXACT) {
        return None;
    }
    Some(match dtype {
        Dtype::F32 => Weights::f32(dims, values),
        Dtype::I32 => Weights::i32(dims, &values.iter().map(|v| *v as i32).collect::<Vec<_>>()),
        Dtype::I64 => Weights::i64(dims, &values.iter().map(|v| *v as i64).collect::<Vec<_>>()),
        Dtype::Bool => {
            let bytes = values.iter().map(|v| u8::from(*v != 0.0)).collect();
            Weights { dims: dims.to_vec(), element: ElementType::BOOL, bytes }
        }
        _ => return None,
    })
}
