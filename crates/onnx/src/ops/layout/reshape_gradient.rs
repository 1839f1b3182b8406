//! Vector-Jacobian products of operators that change shapes: Reshape, Flatten, Squeeze, Unsqueeze,
//! Expand.

use crate::ops::gradient::{GradientEmitter, InputGradients, NodeGradient};

pub(in crate::ops) fn vector_jacobian_product(
    e: &mut GradientEmitter,
    node: &NodeGradient,
) -> InputGradients {
    let (x, dy) = (node.input(e, 0)?, node.dy()?);
    let dx = match node.node.op_type.as_str() {
        "Expand" => e.sum_to(dy, &x.dims),
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => e.reshape(dy, &x.dims),
        _ => return Err(node.refuse_no_rule()),
    };
    node.first(dx)
}
