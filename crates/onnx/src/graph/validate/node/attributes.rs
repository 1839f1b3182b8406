//! Attributes of a node against its operator.

use super::super::initializers;
use super::super::operator_table::{OperatorSchema, versions};
use super::super::validator::ModelValidator;
use super::super::violations::Violation;
use super::node_at::NodeAt;
use std::collections::HashSet;
use tract_onnx::pb::{AttributeProto, attribute_proto::AttributeType};

impl<'a> ModelValidator<'a> {
    /// Checks what an attribute holds by itself: one value, of the type it says, and sound tensors.
    pub(in crate::graph::validate) fn attribute_values(&mut self, at: &NodeAt<'a>) {
        let mut names = HashSet::new();
        for attribute in &at.node.attribute {
            if !names.insert(attribute.name.as_str()) {
                let (node, attribute) = (at.label(), attribute.name.clone());
                self.found.push(Violation::DuplicateAttribute { node, attribute });
            }
            let stated = kind(attribute);
            let other = held(attribute).find(|kind| Some(*kind) != stated);
            if let (Some(expected), Some(found)) = (stated, other) {
                self.wrong_type(at, attribute, found, expected);
            }
            for tensor in attribute.t.iter().chain(&attribute.tensors) {
                if let Some(problem) = initializers::problem(tensor) {
                    let initializer = format!("{} of {}", attribute.name, at.label().name);
                    self.found.push(Violation::InitializerData { initializer, problem });
                }
            }
        }
    }

    /// Checks that all attributes are the operator's, and those that it needs are there.
    pub(in crate::graph::validate) fn attributes(
        &mut self,
        at: &NodeAt<'a>,
        schema: &OperatorSchema,
    ) {
        for attribute in &at.node.attribute {
            match schema.attributes.iter().find(|rule| rule.name == attribute.name) {
                Some(rule) => match kind(attribute) {
                    Some(found) if found != rule.kind => {
                        self.wrong_type(at, attribute, found, rule.kind);
                    }
                    _ => {}
                },
                // Names of this form are free for tools.
                None if attribute.name.starts_with("__") => {}
                None => {
                    let all = versions(at.domain, &at.node.op_type).iter();
                    let has = |schema: &&OperatorSchema| {
                        schema.attributes.iter().any(|rule| rule.name == attribute.name)
                    };
                    let mut later = all.filter(|other| other.since > schema.since);
                    let since = later.find(has).map(|other| other.since);
                    let (node, attribute) = (at.label(), attribute.name.clone());
                    self.found.push(Violation::UnknownAttribute { node, attribute, since });
                }
            }
        }
        for rule in schema.attributes.iter().filter(|rule| rule.required) {
            if at.node.attribute.iter().all(|attribute| attribute.name != rule.name) {
                let (node, attribute) = (at.label(), rule.name.to_string());
                self.found.push(Violation::AttributeMissing { node, attribute });
            }
        }
    }

    fn wrong_type(
        &mut self,
        at: &NodeAt<'a>,
        attribute: &AttributeProto,
        found: AttributeType,
        expected: AttributeType,
    ) {
        self.found.push(Violation::AttributeType {
            node: at.label(),
            attribute: attribute.name.clone(),
            found: found.as_str_name(),
            expected: expected.as_str_name(),
        });
    }
}

/// The type that an attribute states; the first versions of the format did not.
fn kind(attribute: &AttributeProto) -> Option<AttributeType> {
    let kind = AttributeType::try_from(attribute.r#type).ok()?;
    Some(kind).filter(|kind| *kind != AttributeType::Undefined)
}

/// The types of the values that an attribute holds; zero and nothing look the same.
fn held(attribute: &AttributeProto) -> impl Iterator<Item = AttributeType> {
    let fields = [
        (AttributeType::Float, attribute.f != 0.0),
        (AttributeType::Int, attribute.i != 0),
        (AttributeType::String, !attribute.s.is_empty()),
        (AttributeType::Tensor, attribute.t.is_some()),
        (AttributeType::Graph, attribute.g.is_some()),
        (AttributeType::SparseTensor, attribute.sparse_tensor.is_some()),
        (AttributeType::Floats, !attribute.floats.is_empty()),
        (AttributeType::Ints, !attribute.ints.is_empty()),
        (AttributeType::Strings, !attribute.strings.is_empty()),
        (AttributeType::Tensors, !attribute.tensors.is_empty()),
        (AttributeType::Graphs, !attribute.graphs.is_empty()),
        (AttributeType::SparseTensors, !attribute.sparse_tensors.is_empty()),
        (AttributeType::TypeProtos, !attribute.type_protos.is_empty()),
    ];
    fields.into_iter().filter(|(_, held)| *held).map(|(kind, _)| kind)
}
