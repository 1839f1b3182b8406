//! Constant nodes as initializers: one way to hold values that never change.

use crate::graph::{Graph, Node, Weights};
use std::collections::BTreeSet;
use tract_onnx::pb::TensorProto;

impl Graph {
    /// Turns the Constant nodes of the main graph into initializers of the same names. Those whose
    /// value is an output of the model, and those of a kind that is rare, stay nodes.
    pub(in crate::graph) fn lift_constants(&mut self) {
        let outputs: BTreeSet<String> = self.outputs().iter().map(|o| (*o).to_string()).collect();
        let graph = self.graph_mut();
        let mut lifted = Vec::new();
        graph.node.retain(|node| {
            let value = constant(node).filter(|t| !outputs.contains(&t.name));
            let stays = value.is_none();
            lifted.extend(value);
            stays
        });
        graph.initializer.extend(lifted);
    }
}

/// The value of a Constant node, under the name of its output.
fn constant(node: &Node) -> Option<TensorProto> {
    if node.op_type != "Constant" {
        return None;
    }
    let [name] = node.output.as_slice() else { return None };
    let [attribute] = node.attribute.as_slice() else { return None };
    match attribute.name.as_str() {
        "value" => Some(TensorProto { name: name.clone(), ..attribute.t.clone()? }),
        "value_int" => Some(Weights::i64(&[], &[attribute.i]).into_proto(name)),
        "value_ints" => {
            let ints = &attribute.ints;
            Some(Weights::i64(&[ints.len()], ints).into_proto(name))
        }
        "value_float" => Some(Weights::f32(&[], &[attribute.f]).into_proto(name)),
        "value_floats" => {
            let floats = &attribute.floats;
            Some(Weights::f32(&[floats.len()], floats).into_proto(name))
        }
        _ => None,
    }
}
