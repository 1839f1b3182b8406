//! What does not depend on the inputs, as values.

use super::rewriter::{Bypass, Rewriter};
use crate::catalog::Calibration;
use crate::data::Dtype;
use crate::engine::{Bindings, Model, Source};
use crate::graph::{Graph, Node, Weights};
use crate::record::EngineOptions;
use std::collections::BTreeMap;

/// Beyond so many elements a computed constant stays computed.
const MOST_ELEMENTS: usize = 1 << 22;

/// Computes constants: integers from the analysis, floats by the engine on `probe`.
pub(super) fn fold(rewriter: &mut Rewriter, executable: &Graph, probe: Option<&Calibration>) {
    integers(rewriter);
    let floats = floats(rewriter);
    let Some(values) = probe.and_then(|probe| computed(executable, &floats, probe)) else { return };
    let mut bypass = Bypass::default();
    for (position, node) in rewriter.graph.nodes().iter().enumerate() {
        if node.output.iter().any(|o| values.contains_key(o)) {
            bypass.gone.insert(position);
        }
    }
    rewriter.bypass(&bypass);
    for (tensor, (dims, values)) in values {
        rewriter.store(&tensor, Weights::f32(&dims, &values));
    }
}

fn integers(rewriter: &mut Rewriter) {
    let mut bypass = Bypass::default();
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
        if let Some(all) = all.filter(|_| !Rewriter::has_body(node) && !stays) {
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

/// Float tensors that only constants lead to. Weights in other types or orders stay as they are stored.
fn floats(rewriter: &Rewriter) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for node in rewriter.graph.nodes() {
        let stored = |i: &String| i.is_empty() || rewriter.is_constant(i) || found.contains(i);
        let still = !node.input.is_empty() && node.input.iter().all(stored);
        let [output] = node.output.as_slice() else { continue };
        let small =
            rewriter.shape(output).is_some_and(|s| s.iter().product::<usize>() <= MOST_ELEMENTS);
        let float = rewriter.facts.types.get(output) == Some(&Dtype::F32);
        if still && small && float && !keeps(node) && !rewriter.is_fixed(output) {
            found.push(output.clone());
        }
    }
    found
}

fn keeps(node: &Node) -> bool {
    let seen_through = ["DequantizeLinear", "QuantizeLinear", "Cast", "Transpose", "Identity"];
    seen_through.contains(&node.op_type.as_str())
        || node.op_type.starts_with("Random")
        || Rewriter::has_body(node)
}

type Computed = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

fn computed(executable: &Graph, tensors: &[String], probe: &Calibration) -> Option<Computed> {
    if tensors.is_empty() {
        return None;
    }
    let bytes = executable.encode();
    let source = Source::Bytes(executable.name(), &bytes);
    let bindings = Bindings { batch: probe.batch, dims: &probe.dims };
    let model = Model::load_tensors(source, bindings, tensors).ok()?;
    let plan = model.optimise(&EngineOptions::default()).ok()?;
    let values = plan.run(&plan.inputs(&probe.first()).ok()?).ok()?;
    let values = values.into_iter().map(|v| (v.shape().to_vec(), v.iter().copied().collect()));
    Some(tensors.iter().cloned().zip(values).collect())
}
