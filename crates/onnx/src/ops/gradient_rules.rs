//! Gradients of a node, each asked of its operator's family.

use super::aggregate::{
    normalization_gradient, pooling_gradient, reduction_gradient, softmax_gradient,
};
use super::family::{OperatorFamily, family_of};
use super::gradient::{GradientEmitter, InputGradients, NodeGradient};
use super::layout::{
    concatenation_gradient, indexing_gradient, resampling_gradient, reshape_gradient,
    transpose_gradient,
};
use super::linear::{convolution_gradient, product_gradient};
use super::pointwise::{activation_gradient, arithmetic_gradient, quantization_gradient};
use crate::graph::{ElementType, Node, int};

/// Emits the vector-Jacobian products of a node: from the gradients of its outputs those of the inputs
/// that are wanted. Others may be given too.
///
/// # Errors
/// A refusal that names the node, of operators and forms that have no rule.
pub fn vector_jacobian_product(
    emitter: &mut GradientEmitter,
    node: &NodeGradient,
) -> InputGradients {
    let Node { domain, op_type, name, .. } = node.node;
    let known = ["", "ai.onnx", "com.microsoft"].contains(&domain.as_str());
    emitter.begin(name);
    match family_of(op_type).filter(|_| known) {
        Some(OperatorFamily::Convolution) => {
            convolution_gradient::vector_jacobian_product(emitter, node)
        }
        Some(OperatorFamily::Product) => product_gradient::vector_jacobian_product(emitter, node),
        Some(OperatorFamily::Normalization) => {
            normalization_gradient::vector_jacobian_product(emitter, node)
        }
        Some(OperatorFamily::Softmax) => softmax_gradient::vector_jacobian_product(emitter, node),
        Some(OperatorFamily::Pooling) => pooling_gradient::vector_jacobian_product(emitter, node),
        Some(OperatorFamily::Reduction) => {
            reduction_gradient::vector_jacobian_product(emitter, node)
        }
        Some(OperatorFamily::Activation) => {
            activation_gradient::vector_jacobian_product(emitter, node)
        }
        Some(OperatorFamily::Arithmetic) => {
            arithmetic_gradient::vector_jacobian_product(emitter, node)
        }
        Some(OperatorFamily::Quantization) => {
            quantization_gradient::vector_jacobian_product(emitter, node)
        }
        Some(OperatorFamily::Reshape) => reshape_gradient::vector_jacobian_product(emitter, node),
        Some(OperatorFamily::Transpose) => {
            transpose_gradient::vector_jacobian_product(emitter, node)
        }
        Some(OperatorFamily::Concatenation) => {
            concatenation_gradient::vector_jacobian_product(emitter, node)
        }
        Some(OperatorFamily::Indexing) => indexing_gradient::vector_jacobian_product(emitter, node),
        Some(OperatorFamily::Resampling) => {
            resampling_gradient::vector_jacobian_product(emitter, node)
        }
        Some(
            OperatorFamily::Recurrent
            | OperatorFamily::Attention
            | OperatorFamily::ShapeValue
            | OperatorFamily::ControlFlow,
        )
        | None => Err(node.refuse_no_rule()),
    }
}

/// Gradient of rounding to whole numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RoundingGradient {
    /// None: between jumps it is constant.
    #[default]
    Zero,
    /// That of the identity, for training through simulated quantization.
    ///
    /// Source: Bengio et al. 2013, arXiv 1308.3432.
    StraightThrough,
}

/// True of an input slot through which small changes reach the node's outputs: not of shapes, indices
/// and conditions, and of no input of an operator whose output is constant between jumps.
pub fn passes_gradient(node: &Node, slot: usize, rounding: RoundingGradient) -> bool {
    match node.op_type.as_str() {
        "Round" => rounding == RoundingGradient::StraightThrough,
        "Shape" | "Size" | "ConstantOfShape" | "Range" => false,
        "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" => false,
        "And" | "Or" | "Xor" | "Not" | "BitwiseNot" | "IsNaN" | "IsInf" | "NonZero" => false,
        "Ceil" | "Floor" | "Sign" | "ArgMax" | "ArgMin" | "Hardmax" => false,
        "Cast" => slot == 0 && int(node, "to") == Some(i64::from(ElementType::F32.0)),
        "Where" => slot > 0,
        "Reshape" | "Expand" | "Squeeze" | "Unsqueeze" | "Gather" | "GatherElements"
        | "GatherND" | "Slice" | "Pad" | "Resize" | "Clip" | "Dropout" | "QuantizeLinear"
        | "DequantizeLinear" | "Split" | "CastLike" | "TopK" | "Tile" | "CumSum" | "Trilu" => {
            slot == 0
        }
        op if op.starts_with("Reduce") => slot == 0,
        _ => true,
    }
}
