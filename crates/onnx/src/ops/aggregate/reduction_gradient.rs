//! Vector-Jacobian products of reductions of whole axes.

use crate::ops::gradient::{
    GradientEmitter, GradientRefusal, InputGradients, NodeGradient, ShapedTensor, positive,
};

pub(in crate::ops) fn vector_jacobian_product(
    e: &mut GradientEmitter,
    node: &NodeGradient,
) -> InputGradients {
    let x = node.input(e, 0)?;
    let axes = reduced_axes(e, node, x.rank())?;
    // As if the reduced axes had stayed.
    let kept: Vec<usize> =
        x.dims.iter().enumerate().map(|(a, d)| if axes.contains(&a) { 1 } else { *d }).collect();
    let dy = e.reshape(node.dy()?, &kept);
    let y = node.output(e)?;
    let dx = match node.node.op_type.as_str() {
        "ReduceSum" => e.expand(&dy, &x.dims),
        "ReduceMean" => {
            let count: usize = axes.iter().map(|axis| x.dims[*axis]).product();
            let share = e.scaled(&dy, 1.0 / count.max(1) as f32);
            e.expand(&share, &x.dims)
        }
        "ReduceSumSquare" => {
            let twice = e.scaled(&dy, 2.0);
            e.mul(&twice, &x)
        }
        "ReduceL1" => {
            let sign = e.unary("Sign", &x);
            e.mul(&dy, &sign)
        }
        "ReduceL2" => {
            let norm = e.reshape(&y, &kept);
            let share = e.div(&dy, &norm);
            e.mul(&share, &x)
        }
        "ReduceLogSum" => {
            let log = e.reshape(&y, &kept);
            let sum = e.unary("Exp", &log);
            let share = e.div(&dy, &sum);
            e.expand(&share, &x.dims)
        }
        "ReduceLogSumExp" => {
            let log = e.reshape(&y, &kept);
            let below = e.sub(&x, &log);
            let share = e.unary("Exp", &below);
            e.mul(&dy, &share)
        }
        "ReduceMax" | "ReduceMin" => {
            let extreme = e.reshape(&y, &kept);
            e.shared_among_equal(&x, &extreme, &dy, &axes)
        }
        _ => return Err(node.refuse_no_rule()),
    };
    node.first(dx)
}

fn reduced_axes(
    e: &GradientEmitter,
    node: &NodeGradient,
    rank: usize,
) -> Result<Vec<usize>, GradientRefusal> {
    let axes = node.integers(e, 1, "axes")?.unwrap_or_default();
    if axes.is_empty() {
        let whole = node.int("noop_with_empty_axes", 0) == 0;
        return Ok(if whole { (0..rank).collect() } else { Vec::new() });
    }
    let axes: Option<Vec<usize>> = axes.iter().map(|axis| positive(*axis, rank)).collect();
    axes.ok_or_else(|| node.refuse_form("an axis beyond the rank"))
}

/// The mean over axes, which stay with size 1.
pub(super) fn mean(e: &mut GradientEmitter, x: &ShapedTensor, axes: &[usize]) -> ShapedTensor {
    let count: usize = axes.iter().map(|axis| x.dims[*axis]).product();
    let sum = e.reduce_sum(x, axes, true);
    e.scaled(&sum, 1.0 / count.max(1) as f32)
}
