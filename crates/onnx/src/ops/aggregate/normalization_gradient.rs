//! Vector-Jacobian products of normalisations.

use super::reduction_gradient::mean;
use crate::ops::gradient::{
    GradientEmitter, GradientRefusal, InputGradients, NodeGradient, ShapedTensor,
};

pub(in crate::ops) fn vector_jacobian_product(
    e: &mut GradientEmitter,
    node: &NodeGradient,
) -> InputGradients {
    match node.node.op_type.as_str() {
        "BatchNormalization" if node.int("training_mode", 0) == 0 => stored_statistics(e, node),
        "LayerNormalization" => {
            let (x, axes) = trailing_axes(e, node)?;
            over_axes(e, node, &x, (&axes, true))
        }
        "RMSNormalization" | "SimplifiedLayerNormalization" => {
            let (x, axes) = trailing_axes(e, node)?;
            over_axes(e, node, &x, (&axes, false))
        }
        "InstanceNormalization" => {
            let x = node.input(e, 0)?;
            let axes: Vec<usize> = (2..x.rank()).collect();
            over_axes(e, node, &x, (&axes, true))
        }
        _ => Err(node.refuse_no_rule()),
    }
}

/// One number a channel, laid out to be broadcast along axis 1.
fn per_channel(e: &mut GradientEmitter, parameter: &ShapedTensor, rank: usize) -> ShapedTensor {
    let at = |axis: usize| if axis == 1 { parameter.elements() } else { 1 };
    let dims: Vec<usize> = (0..rank).map(at).collect();
    e.reshape(parameter, &dims)
}

/// y = (x − mean)·inverse·scale + shift, inverse = (variance + ε)^−½.
fn stored_statistics(e: &mut GradientEmitter, node: &NodeGradient) -> InputGradients {
    let (x, scale, dy) = (node.input(e, 0)?, node.input(e, 1)?, node.dy()?);
    let (center, variance) = (node.input(e, 3)?, node.input(e, 4)?);
    let moved = e.shifted(&variance, node.float("epsilon", 1e-5));
    let deviation = e.unary("Sqrt", &moved);
    let factor = e.div(&scale, &deviation);
    let axes: Vec<usize> = (0..x.rank()).filter(|axis| *axis != 1).collect();
    let mut all = node.none();
    if node.wants(0) {
        let factor = per_channel(e, &factor, x.rank());
        all[0] = Some(e.mul_per_channel(dy, &factor));
    }
    let shift = e.reduce_sum(dy, &axes, false);
    // Σ dy·(x − mean), from which those of scale and variance follow.
    let along = if node.wants(1) || node.wants(4) {
        let center = per_channel(e, &center, x.rank());
        let centered = e.sub(&x, &center);
        let product = e.mul(dy, &centered);
        Some(e.reduce_sum(&product, &axes, false))
    } else {
        None
    };
    if let Some(along) = &along {
        all[1] = node.wants(1).then(|| e.div(along, &deviation));
        if node.wants(4) {
            let share = e.div(along, &moved);
            let share = e.mul(&share, &factor);
            all[4] = Some(e.scaled(&share, -0.5));
        }
    }
    if node.wants(3) {
        let product = e.mul(&shift, &factor);
        all[3] = Some(e.unary("Neg", &product));
    }
    all[2] = node.wants(2).then_some(shift);
    Ok(all)
}

fn trailing_axes(
    e: &GradientEmitter,
    node: &NodeGradient,
) -> Result<(ShapedTensor, Vec<usize>), GradientRefusal> {
    if node.outputs.iter().skip(1).any(Option::is_some) {
        return Err(node.refuse_form("a gradient of its statistics"));
    }
    let x = node.input(e, 0)?;
    let first = node.axis(-1, x.rank())?;
    let axes = (first..x.rank()).collect();
    Ok((x, axes))
}

/// y = x̂·scale + shift, x̂ = (x − mean)·inverse over `axes`, without the mean where it is not
/// `centered`: dx = inverse·(g − mean g − x̂·mean(g·x̂)) with g = dy·scale.
fn over_axes(
    e: &mut GradientEmitter,
    node: &NodeGradient,
    x: &ShapedTensor,
    (axes, centered): (&[usize], bool),
) -> InputGradients {
    let dy = node.dy()?;
    let per_instance = node.node.op_type == "InstanceNormalization";
    let deviation = match centered {
        true => {
            let center = mean(e, x, axes);
            e.sub(x, &center)
        }
        false => x.clone(),
    };
    let square = e.mul(&deviation, &deviation);
    let variance = mean(e, &square, axes);
    let moved = e.shifted(&variance, node.float("epsilon", 1e-5));
    let root = e.unary("Sqrt", &moved);
    let inverse = e.unary("Reciprocal", &root);
    let normal = e.mul(&deviation, &inverse);
    let mut all = node.none();
    let stored_scale = node.input(e, 1)?;
    if node.wants(0) {
        let scale = match per_instance {
            true => per_channel(e, &stored_scale, x.rank()),
            false => stored_scale.clone(),
        };
        let g = e.mul(dy, &scale);
        let along = e.mul(&g, &normal);
        let along = mean(e, &along, axes);
        let along = e.mul(&normal, &along);
        let mut rest = e.sub(&g, &along);
        if centered {
            let center = mean(e, &g, axes);
            rest = e.sub(&rest, &center);
        }
        all[0] = Some(e.mul(&rest, &inverse));
    }
    let summed = |e: &mut GradientEmitter, whole: &ShapedTensor, parameter: &ShapedTensor| {
        if !per_instance {
            return e.sum_to(whole, &parameter.dims);
        }
        let others: Vec<usize> = (0..whole.rank()).filter(|axis| *axis != 1).collect();
        e.reduce_sum(whole, &others, false)
    };
    if node.wants(1) {
        let product = e.mul(dy, &normal);
        all[1] = Some(summed(e, &product, &stored_scale));
    }
    if node.wants(2) {
        let shift = node.input(e, 2)?;
        all[2] = Some(summed(e, dy, &shift));
    }
    Ok(all)
}
