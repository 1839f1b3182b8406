//! Ranges of attributes: numbers that no node of its operator can have, whatever it reads.

use super::super::validator::ModelValidator;
use super::super::violations::Violation;
use super::node_at::NodeAt;
use crate::graph::attribute::ints;
use crate::ops::{self, AttributeRange, MOST_SPATIAL};
use tract_onnx::pb::{AttributeProto, attribute_proto::AttributeType};

impl<'a> ModelValidator<'a> {
    /// Checks numbers of attributes by themselves and against each other.
    pub(in crate::graph::validate) fn attribute_ranges(&mut self, at: &NodeAt<'a>) {
        let limits = ops::limits(&at.node.op_type);
        for AttributeRange { name, least, most } in limits.attribute_ranges {
            let value = given(at, name, AttributeType::Int).map(|attribute| attribute.i);
            if let Some(value) = value.filter(|value| !(*least..=*most).contains(value)) {
                self.range(at, name, value, *least, *most);
            }
        }
        if limits.windowed {
            self.window(at);
        }
        if limits.permutes {
            self.permutation(at);
        }
        if let Some(name) = limits.sizes {
            self.each(at, name, 0, i64::MAX);
        }
    }

    fn window(&mut self, at: &NodeAt<'a>) {
        for name in ["kernel_shape", "strides", "dilations"] {
            self.each(at, name, 1, MOST_SPATIAL);
        }
        for name in ["pads", "output_padding"] {
            self.each(at, name, 0, MOST_SPATIAL);
        }
        let Some(kernel) = ints(at.node, "kernel_shape").filter(|kernel| !kernel.is_empty()) else {
            return;
        };
        for (attribute, each) in [("strides", 1), ("dilations", 1), ("pads", 2)] {
            let Some(found) = ints(at.node, attribute).map(|list| list.len()) else { continue };
            let expected = each * kernel.len();
            if found != expected && found > 0 {
                let node = at.label();
                self.found.push(Violation::AttributeLength { node, attribute, found, expected });
            }
        }
    }

    /// Checks every number of a list.
    fn each(&mut self, at: &NodeAt<'a>, name: &'static str, least: i64, most: i64) {
        let Some(attribute) = given(at, name, AttributeType::Ints) else { return };
        if let Some(value) = attribute.ints.iter().find(|value| !(least..=most).contains(*value)) {
            self.range(at, name, *value, least, most);
        }
    }

    fn range(
        &mut self,
        at: &NodeAt<'a>,
        attribute: &'static str,
        value: i64,
        least: i64,
        most: i64,
    ) {
        let node = at.label();
        self.found.push(Violation::AttributeRange { node, attribute, value, least, most });
    }

    fn permutation(&mut self, at: &NodeAt<'a>) {
        let Some(perm) = ints(at.node, "perm") else { return };
        let mut sorted = perm.clone();
        sorted.sort_unstable();
        if sorted.iter().zip(0..).any(|(axis, expected)| *axis != expected) {
            self.found.push(Violation::NoPermutation { node: at.label(), perm });
        }
    }
}

/// An attribute of the node itself and of the type it is to have; a function's argument is none.
fn given<'a>(at: &NodeAt<'a>, name: &str, kind: AttributeType) -> Option<&'a AttributeProto> {
    let attribute = at.node.attribute.iter().find(|attribute| attribute.name == name)?;
    let own = attribute.ref_attr_name.is_empty();
    (own && [kind as i32, AttributeType::Undefined as i32].contains(&attribute.r#type))
        .then_some(attribute)
}
