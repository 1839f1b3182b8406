//! Ranges of attributes: numbers that no node of its operator can have, whatever it reads.

use super::nodes::NodeAt;
use super::{Validator, Violation};
use crate::graph::attribute::ints;
use tract_onnx::pb::{AttributeProto, attribute_proto::AttributeType};

/// Operators with a window that moves over spatial axes.
const WINDOWED: [&str; 9] = [
    "Conv",
    "ConvTranspose",
    "ConvInteger",
    "QLinearConv",
    "AveragePool",
    "MaxPool",
    "LpPool",
    "MaxUnpool",
    "QLinearAveragePool",
];

/// Longest side of a window and its steps and margins: more than any axis that fits in memory has.
const MOST_SPATIAL: i64 = 1 << 24;

/// Attributes of single numbers: operators, name, least and most.
const RANGES: &[(&[&str], &str, i64, i64)] = &[
    (&["Conv", "ConvTranspose", "ConvInteger", "QLinearConv"], "group", 1, MOST_SPATIAL),
    (&["SpaceToDepth", "DepthToSpace"], "blocksize", 1, MOST_SPATIAL),
    (&["LSTM", "GRU", "RNN"], "hidden_size", 1, MOST_SPATIAL),
    (&["LRN"], "size", 1, MOST_SPATIAL),
    (&["Split", "SplitToSequence"], "num_outputs", 1, MOST_SPATIAL),
    (&["LpPool", "LpNormalization", "ReduceL1", "GlobalLpPool"], "p", 1, MOST_SPATIAL),
    (&["QuantizeLinear", "DequantizeLinear"], "block_size", 0, MOST_SPATIAL),
    (&["MultiHeadAttention", "GroupQueryAttention"], "num_heads", 1, MOST_SPATIAL),
    (&["GroupQueryAttention"], "kv_num_heads", 1, MOST_SPATIAL),
    (&["Attention"], "num_heads", 1, MOST_SPATIAL),
    (&["Attention"], "q_num_heads", 1, MOST_SPATIAL),
    (&["Attention"], "kv_num_heads", 1, MOST_SPATIAL),
    (&["GroupNormalization"], "num_groups", 1, MOST_SPATIAL),
    (&["TopK"], "k", 0, i64::MAX),
];

impl<'a> Validator<'a> {
    /// Checks numbers of attributes by themselves and against each other.
    pub(super) fn attribute_ranges(&mut self, at: &NodeAt<'a>) {
        let operator = at.node.op_type.as_str();
        for (operators, name, least, most) in RANGES {
            let Some(value) = given(at, name, AttributeType::Int).map(|attribute| attribute.i)
            else {
                continue;
            };
            if operators.contains(&operator) && !(*least..=*most).contains(&value) {
                self.range(at, name, value, *least, *most);
            }
        }
        if WINDOWED.contains(&operator) {
            self.window(at);
        }
        match operator {
            "Transpose" => self.permutation(at),
            // Sizes of the parts; from version 13 on they are an input.
            "Split" => self.each(at, "split", 0, i64::MAX),
            _ => {}
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
