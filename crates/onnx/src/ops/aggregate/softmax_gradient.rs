//! Vector-Jacobian products of Softmax and LogSoftmax.

use crate::ops::gradient::{GradientEmitter, InputGradients, NodeGradient};

/// Of y = softmax(x): y·(dy − Σ dy·y); of its logarithm: dy − exp(y)·Σ dy.
pub(in crate::ops) fn vector_jacobian_product(
    e: &mut GradientEmitter,
    node: &NodeGradient,
) -> InputGradients {
    let (y, dy) = (node.output(e)?, node.dy()?);
    let axis = node.axis(-1, y.rank())?;
    let dx = match node.node.op_type.as_str() {
        "Softmax" => {
            let weighted = e.mul(dy, &y);
            let mean = e.reduce_sum(&weighted, &[axis], true);
            let rest = e.sub(dy, &mean);
            e.mul(&y, &rest)
        }
        "LogSoftmax" => {
            let sum = e.reduce_sum(dy, &[axis], true);
            let probabilities = e.unary("Exp", &y);
            let shared = e.mul(&probabilities, &sum);
            e.sub(dy, &shared)
        }
        _ => return Err(node.refuse_no_rule()),
    };
    node.first(dx)
}
