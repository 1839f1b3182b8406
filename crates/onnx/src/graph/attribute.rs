//! Attributes of nodes, and what nodes compute by them.

use super::Node;
use prost::Message;
use tract_onnx::pb::{AttributeProto, attribute_proto::AttributeType};

fn find<'a>(node: &'a Node, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|a| a.name == name)
}

/// An integer attribute.
pub fn int(node: &Node, name: &str) -> Option<i64> {
    find(node, name).map(|a| a.i)
}

/// A float attribute.
pub fn float(node: &Node, name: &str) -> Option<f32> {
    find(node, name).map(|a| a.f)
}

/// A list of integers.
pub fn ints(node: &Node, name: &str) -> Option<Vec<i64>> {
    find(node, name).map(|a| a.ints.clone())
}

/// Sets an integer attribute, adding it where it is not there.
pub fn set_int(node: &mut Node, name: &str, value: i64) {
    match node.attribute.iter_mut().find(|a| a.name == name) {
        Some(attribute) => attribute.i = value,
        None => node.attribute.push(AttributeProto {
            name: name.to_string(),
            r#type: AttributeType::Int as i32,
            i: value,
            ..AttributeProto::default()
        }),
    }
}

/// Sets a list of integers, adding it where it is not there.
pub fn set_ints(node: &mut Node, name: &str, values: Vec<i64>) {
    match node.attribute.iter_mut().find(|a| a.name == name) {
        Some(attribute) => attribute.ints = values,
        None => node.attribute.push(AttributeProto {
            name: name.to_string(),
            r#type: AttributeType::Ints as i32,
            ints: values,
            ..AttributeProto::default()
        }),
    }
}

/// Sets a float attribute, adding it where it is not there.
pub fn set_float(node: &mut Node, name: &str, value: f32) {
    match node.attribute.iter_mut().find(|a| a.name == name) {
        Some(attribute) => attribute.f = value,
        None => node.attribute.push(AttributeProto {
            name: name.to_string(),
            r#type: AttributeType::Float as i32,
            f: value,
            ..AttributeProto::default()
        }),
    }
}

/// Operator, inputs and attributes of a node as bytes: nodes that compute the same have the same.
pub fn computation(node: &Node) -> Vec<u8> {
    let Node { op_type, domain, input, attribute, .. } = node.clone();
    Node { op_type, domain, input, attribute, ..Node::default() }.encode_to_vec()
}

/// A text attribute.
pub fn text(node: &Node, name: &str) -> Option<String> {
    find(node, name).map(|a| String::from_utf8_lossy(&a.s).into_owned())
}
