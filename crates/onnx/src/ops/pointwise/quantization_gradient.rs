//! Straight-through gradients of QuantizeLinear and DequantizeLinear: rounding counts as the identity
//! between the ends of the range, and as constant beyond them.
//!
//! The gradient of a quantized tensor is that of the numbers that it stands for.
//!
//! Source: Bengio et al. 2013, arXiv 1308.3432; Jacob et al. 2018, arXiv 1712.05877.

use crate::graph::{ElementType, Weights};
use crate::ops::gradient::{
    GradientEmitter, GradientObstacle, GradientRefusal, InputGradients, NodeGradient, ShapedTensor,
};

pub(in crate::ops) fn vector_jacobian_product(
    e: &mut GradientEmitter,
    node: &NodeGradient,
) -> InputGradients {
    let dy = node.dy()?;
    match node.node.op_type.as_str() {
        "DequantizeLinear" => node.first(dy.clone()),
        "QuantizeLinear" => {
            let x = node.input(e, 0)?;
            let mut dx = dy.clone();
            for end in [0, 1] {
                let bound = range_end(e, node, end)?;
                let bound = along_axis(e, node, &bound, x.rank())?;
                let inside = if end == 0 { e.sub(&x, &bound) } else { e.sub(&bound, &x) };
                let inside = e.above(&inside, 0.0);
                dx = e.mul(&inside, &dx);
            }
            node.first(dx)
        }
        _ => Err(node.refuse_no_rule()),
    }
}

/// The numbers that the lowest (0) or highest (1) integer stands for, half a step beyond: what still
/// rounds to it.
fn range_end(
    e: &mut GradientEmitter,
    node: &NodeGradient,
    end: usize,
) -> Result<Weights, GradientRefusal> {
    let stored = |slot: usize| {
        let name = node.name(slot)?;
        e.stored(name)
    };
    let computed = || {
        let name = node.name(1).unwrap_or_default().to_string();
        node.refuse(GradientObstacle::ComputedParameter(name))
    };
    let scale = stored(1).ok_or_else(computed)?;
    let scales = scale.to_f32().ok_or_else(computed)?;
    let zero_point = stored(2);
    let element = zero_point.as_ref().map_or(ElementType::U8, |zero| zero.element);
    let ends = match element {
        ElementType::U8 => [0.0, 255.0],
        ElementType::I8 => [-128.0, 127.0],
        _ => return Err(node.refuse_form(&format!("quantization to {}", element.name()))),
    };
    let zeros = zero_point.and_then(|zero| zero.numbers()).unwrap_or_default();
    let beyond = [-0.5, 0.5][end];
    let at = |(index, scale): (usize, &f32)| {
        let zero = zeros.get(index).or(zeros.first()).copied().unwrap_or(0.0);
        (ends[end] + beyond - zero) * scale
    };
    let bounds: Vec<f32> = scales.iter().enumerate().map(at).collect();
    Ok(Weights::f32(&scale.dims, &bounds))
}

/// One number each index of the quantized axis, laid out to be broadcast.
fn along_axis(
    e: &mut GradientEmitter,
    node: &NodeGradient,
    bounds: &Weights,
    rank: usize,
) -> Result<ShapedTensor, GradientRefusal> {
    let mut bounds = bounds.clone();
    if bounds.len() > 1 {
        if bounds.dims.len() != 1 {
            return Err(node.refuse_form("blocked quantization"));
        }
        let axis = node.axis(1, rank)?;
        bounds.dims = (0..rank).map(|at| if at == axis { bounds.len() } else { 1 }).collect();
    } else {
        bounds.dims.clear();
    }
    Ok(e.constant(bounds))
}
