//! Vector-Jacobian products of Gemm and MatMul.

use crate::graph::{set_float, set_int};
use crate::ops::gradient::{GradientEmitter, InputGradients, NodeGradient, ShapedTensor};

pub(in crate::ops) fn vector_jacobian_product(
    e: &mut GradientEmitter,
    node: &NodeGradient,
) -> InputGradients {
    match node.node.op_type.as_str() {
        "Gemm" => gemm(e, node),
        "MatMul" => matmul(e, node),
        _ => Err(node.refuse_no_rule()),
    }
}

/// A factor of a Gemm, turned or not.
type TurnedFactor<'a> = (&'a ShapedTensor, bool);

/// `alpha · a · b`, each factor turned where it says so.
fn product(
    e: &mut GradientEmitter,
    (a, turns_a): TurnedFactor,
    (b, turns_b): TurnedFactor,
    alpha: f32,
) -> ShapedTensor {
    let dims = [a.dims[usize::from(turns_a)], b.dims[usize::from(!turns_b)]];
    e.emit("Gemm", &[a, b], &dims, |node| {
        set_float(node, "alpha", alpha);
        set_int(node, "transA", i64::from(turns_a));
        set_int(node, "transB", i64::from(turns_b));
    })
}

/// Y = α·A′·B′ + β·C: dA′ = α·dY·B′ᵀ, dB′ = α·A′ᵀ·dY.
fn gemm(e: &mut GradientEmitter, node: &NodeGradient) -> InputGradients {
    let (a, b, dy) = (node.input(e, 0)?, node.input(e, 1)?, node.dy()?);
    if a.rank() != 2 || b.rank() != 2 {
        return Err(node.refuse_form("a factor that is no matrix"));
    }
    let (turns_a, turns_b) = (node.int("transA", 0) != 0, node.int("transB", 0) != 0);
    let (alpha, beta) = (node.float("alpha", 1.0), node.float("beta", 1.0));
    let mut all = node.none();
    if node.wants(0) {
        all[0] = Some(match turns_a {
            false => product(e, (dy, false), (&b, !turns_b), alpha),
            true => product(e, (&b, turns_b), (dy, true), alpha),
        });
    }
    if node.wants(1) {
        all[1] = Some(match turns_b {
            false => product(e, (&a, !turns_a), (dy, false), alpha),
            true => product(e, (dy, true), (&a, turns_a), alpha),
        });
    }
    if node.wants(2) {
        let dims = node.input(e, 2)?.dims;
        let sum = e.sum_to(dy, &dims);
        all[2] = Some(e.scaled(&sum, beta));
    }
    Ok(all)
}

/// The last two axes multiply, those before them broadcast; a vector is a matrix of one row (first
/// factor) or one column (second).
fn matmul(e: &mut GradientEmitter, node: &NodeGradient) -> InputGradients {
    let (a, b) = (node.input(e, 0)?, node.input(e, 1)?);
    let (rows, columns) = (as_row(e, &a), as_column(e, &b));
    let mut dims = node.output(e)?.dims;
    if a.rank() == 1 {
        dims.insert(dims.len().saturating_sub(usize::from(b.rank() > 1)), 1);
    }
    if b.rank() == 1 {
        dims.push(1);
    }
    let dy = e.reshape(node.dy()?, &dims);
    let mut all = node.none();
    if node.wants(0) {
        let turned = e.flipped(&columns);
        let whole = e.matmul(&dy, &turned);
        let own = e.sum_to(&whole, &rows.dims);
        all[0] = Some(e.reshape(&own, &a.dims));
    }
    if node.wants(1) {
        let own = second_factor(e, (&rows, &columns), &dy);
        all[1] = Some(e.reshape(&own, &b.dims));
    }
    Ok(all)
}

/// aᵀ·dy: of one matrix of weights a single product over all rows of the batch.
fn second_factor(
    e: &mut GradientEmitter,
    (a, b): (&ShapedTensor, &ShapedTensor),
    dy: &ShapedTensor,
) -> ShapedTensor {
    let shared = b.elements() == b.dims[b.rank() - 2] * b.dims[b.rank() - 1];
    let lead = |tensor: &ShapedTensor| tensor.dims[..tensor.rank() - 2].to_vec();
    if shared && lead(a) == lead(dy) {
        let as_matrix = |e: &mut GradientEmitter, tensor: &ShapedTensor| {
            let width = tensor.dims[tensor.rank() - 1];
            e.reshape(tensor, &[tensor.elements() / width.max(1), width])
        };
        let (a, dy) = (as_matrix(e, a), as_matrix(e, dy));
        let own = product(e, (&a, true), (&dy, false), 1.0);
        return e.reshape(&own, &b.dims);
    }
    let turned = e.flipped(a);
    let whole = e.matmul(&turned, dy);
    e.sum_to(&whole, &b.dims)
}

fn as_row(e: &mut GradientEmitter, a: &ShapedTensor) -> ShapedTensor {
    match a.dims.as_slice() {
        [depth] => e.reshape(a, &[1, *depth]),
        _ => a.clone(),
    }
}

fn as_column(e: &mut GradientEmitter, b: &ShapedTensor) -> ShapedTensor {
    match b.dims.as_slice() {
        [depth] => e.reshape(b, &[*depth, 1]),
        _ => b.clone(),
    }
}
