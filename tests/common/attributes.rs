//! Attributes of nodes that the library itself never sets.

use paring::graph::{Node, Weights, set_int};

pub fn set_float(node: &mut Node, name: &str, value: f32) {
    set_int(node, name, 0);
    if let Some(attribute) = node.attribute.iter_mut().find(|a| a.name == name) {
        // FLOAT of AttributeProto.AttributeType.
        (attribute.r#type, attribute.f) = (1, value);
    }
}

pub fn set_text(node: &mut Node, name: &str, value: &str) {
    set_int(node, name, 0);
    if let Some(attribute) = node.attribute.iter_mut().find(|a| a.name == name) {
        // STRING of AttributeProto.AttributeType.
        (attribute.r#type, attribute.s) = (3, value.as_bytes().to_vec());
    }
}

/// Gives a node a body of one node.
pub fn set_body(node: &mut Node, name: &str, body: Node, output: &str) {
    set_int(node, name, 0);
    let Some(attribute) = node.attribute.iter_mut().find(|a| a.name == name) else { return };
    // GRAPH of AttributeProto.AttributeType.
    attribute.r#type = 5;
    let graph = attribute.g.get_or_insert_default();
    graph.name = name.into();
    graph.node.push(body);
    graph.output.push(Default::default());
    if let Some(declared) = graph.output.last_mut() {
        declared.name = output.into();
    }
}

/// Gives a node a tensor as an attribute.
pub fn set_tensor(node: &mut Node, name: &str, weights: Weights) {
    set_int(node, name, 0);
    let Some(attribute) = node.attribute.iter_mut().find(|a| a.name == name) else { return };
    // TENSOR of AttributeProto.AttributeType.
    attribute.r#type = 4;
    let tensor = attribute.t.get_or_insert_default();
    tensor.dims = weights.dims.iter().map(|d| *d as i64).collect();
    (tensor.data_type, tensor.raw_data) = (weights.element.0, weights.bytes);
}
