//! Element types of outputs that follow from attributes or other inputs than a type variable says.

use super::control_flow_bodies::BodyResults;
use super::node_at::NodeAt;
use crate::graph::element_type::ElementType;
use tract_onnx::pb::{AttributeProto, TensorProto};

/// An attribute's statement of a type.
enum StatedElement {
    Absent,
    /// It is there, and its value is a function's argument or text.
    Unknown,
    Element(ElementType),
}

fn attribute<'a>(at: &NodeAt<'a>, name: &str) -> Option<&'a AttributeProto> {
    at.node.attribute.iter().find(|attribute| attribute.name == name)
}

/// A type number in an attribute; 0 says nothing.
fn stated(at: &NodeAt, name: &str) -> StatedElement {
    match attribute(at, name) {
        None => StatedElement::Absent,
        Some(attribute) if !attribute.ref_attr_name.is_empty() || !attribute.s.is_empty() => {
            StatedElement::Unknown
        }
        Some(attribute) if attribute.i == 0 => StatedElement::Absent,
        Some(attribute) => i32::try_from(attribute.i)
            .map_or(StatedElement::Unknown, |i| StatedElement::Element(ElementType(i))),
    }
}

/// The type in an attribute, or the one that its absence means.
fn stated_or(at: &NodeAt, name: &str, absent: Option<ElementType>) -> Option<ElementType> {
    match stated(at, name) {
        StatedElement::Absent => absent,
        StatedElement::Unknown => None,
        StatedElement::Element(element) => Some(element),
    }
}

/// The tensor of a Constant node.
pub(in crate::graph::validate) fn constant<'a>(at: &NodeAt<'a>) -> Option<&'a TensorProto> {
    let is_constant = at.is_standard() && at.node.op_type == "Constant";
    attribute(at, "value").filter(|_| is_constant)?.t.as_ref()
}

fn constant_element(at: &NodeAt) -> Option<ElementType> {
    let value = at.node.attribute.first()?;
    match value.name.as_str() {
        "value" => value.t.as_ref().map(|tensor| ElementType(tensor.data_type)),
        "value_int" | "value_ints" => Some(ElementType::I64),
        "value_float" | "value_floats" => Some(ElementType::F32),
        "value_string" | "value_strings" => Some(ElementType(8)),
        _ => None,
    }
}

/// The element type of an output of a standard operator whose type variables do not tell it.
/// `inputs` are those of the node's inputs, `results` those of its bodies.
pub(in crate::graph::validate) fn element(
    at: &NodeAt,
    since: i64,
    slot: usize,
    inputs: &[Option<ElementType>],
    results: &BodyResults,
) -> Option<ElementType> {
    if !at.is_standard() {
        return None;
    }
    let input = |slot: usize| inputs.get(slot).copied().flatten();
    let has = |slot: usize| at.node.input.get(slot).is_some_and(|name| !name.is_empty());
    match at.node.op_type.as_str() {
        "If" | "Loop" | "Scan" => results.element(slot),
        "Cast" | "BitCast" => stated_or(at, "to", None),
        "Constant" => constant_element(at),
        "ConstantOfShape" => match attribute(at, "value") {
            None => Some(ElementType::F32),
            Some(value) => value.t.as_ref().map(|tensor| ElementType(tensor.data_type)),
        },
        "EyeLike" | "RandomNormalLike" | "RandomUniformLike" | "Bernoulli" => {
            stated_or(at, "dtype", input(0))
        }
        "RandomNormal" | "RandomUniform" => stated_or(at, "dtype", Some(ElementType::F32)),
        "Multinomial" => stated_or(at, "dtype", Some(ElementType::I32)),
        "HannWindow" | "HammingWindow" | "BlackmanWindow" | "MelWeightMatrix" => {
            stated_or(at, "output_datatype", Some(ElementType::F32))
        }
        "QuantizeLinear" if has(2) => input(2),
        "QuantizeLinear" => stated_or(at, "output_dtype", Some(ElementType::U8)),
        "DequantizeLinear" if since >= 23 => stated_or(at, "output_dtype", input(1)),
        "LayerNormalization" if slot > 0 => stated_or(at, "stash_type", Some(ElementType::F32)),
        _ => None,
    }
}
