//! Vector-Jacobian products of functions of one tensor: the gradient of the output times the slope,
//! value by value.

use super::smooth_gates::gate_slope;
use crate::ops::gradient::{GradientEmitter, InputGradients, NodeGradient, ShapedTensor};

pub(in crate::ops) fn vector_jacobian_product(
    e: &mut GradientEmitter,
    node: &NodeGradient,
) -> InputGradients {
    let dy = node.dy()?;
    let x = node.input(e, 0)?;
    match node.node.op_type.as_str() {
        // Where rounding counts as the identity.
        "Round" | "Cast" | "CastLike" | "Dropout" | "Identity" => return node.first(dy.clone()),
        "Neg" => return node.first(e.unary("Neg", dy)),
        _ => {}
    }
    let ends = (&x, &node.output(e)?);
    let slope = piecewise_slope(e, node, ends)
        .or_else(|| smooth_slope(e, node, ends))
        .or_else(|| trigonometric_slope(e, node, ends))
        .or_else(|| exponential_unit_slope(e, node, &x))
        .or_else(|| gate_slope(e, node, &x));
    match slope {
        Some(slope) => node.first(e.mul(dy, &slope)),
        None => Err(node.refuse_no_rule()),
    }
}

/// Slopes that are constant between kinks, where they are 0 or those of one side.
fn piecewise_slope(
    e: &mut GradientEmitter,
    node: &NodeGradient,
    (x, y): (&ShapedTensor, &ShapedTensor),
) -> Option<ShapedTensor> {
    Some(match node.node.op_type.as_str() {
        // By the output, so that the input need not be kept apart from it.
        "Relu" => e.unary("Sign", y),
        "LeakyRelu" => {
            let leak = node.float("alpha", 0.01);
            let open = e.above(x, 0.0);
            let more = e.scaled(&open, 1.0 - leak);
            e.shifted(&more, leak)
        }
        "ThresholdedRelu" => e.above(x, node.float("alpha", 1.0)),
        "Clip" => clip_slope(e, node, x),
        "HardSigmoid" => {
            let (above, below) = (e.above(y, 0.0), e.below(y, 1.0));
            let open = e.mul(&above, &below);
            e.scaled(&open, node.float("alpha", 0.2))
        }
        "Abs" => e.unary("Sign", x),
        _ => return None,
    })
}

/// 1 between the bounds, which are inputs or missing.
fn clip_slope(e: &mut GradientEmitter, node: &NodeGradient, x: &ShapedTensor) -> ShapedTensor {
    let mut slope: Option<ShapedTensor> = None;
    for slot in [1, 2] {
        let Some(bound) = node.name(slot) else { continue };
        let bound = ShapedTensor { name: bound.to_string(), dims: Vec::new() };
        let inside = if slot == 1 { e.sub(x, &bound) } else { e.sub(&bound, x) };
        let inside = e.above(&inside, 0.0);
        slope = Some(match slope {
            Some(other) => e.mul(&other, &inside),
            None => inside,
        });
    }
    slope.unwrap_or_else(|| e.scalar(1.0))
}

/// Slopes that are expressions of the output, or of the input.
fn smooth_slope(
    e: &mut GradientEmitter,
    node: &NodeGradient,
    (x, y): (&ShapedTensor, &ShapedTensor),
) -> Option<ShapedTensor> {
    Some(match node.node.op_type.as_str() {
        "Sigmoid" => {
            let rest = e.complement(y);
            e.mul(y, &rest)
        }
        "Tanh" => {
            let square = e.mul(y, y);
            e.complement(&square)
        }
        "Exp" => y.clone(),
        "Log" => e.unary("Reciprocal", x),
        "Sqrt" => {
            let inverse = e.unary("Reciprocal", y);
            e.scaled(&inverse, 0.5)
        }
        "Reciprocal" => {
            let square = e.mul(y, y);
            e.unary("Neg", &square)
        }
        "Erf" => {
            let square = e.mul(x, x);
            let negative = e.unary("Neg", &square);
            let bell = e.unary("Exp", &negative);
            e.scaled(&bell, std::f32::consts::FRAC_2_SQRT_PI)
        }
        "Softplus" => e.unary("Sigmoid", x),
        "Softsign" => {
            let size = e.unary("Abs", x);
            let more = e.shifted(&size, 1.0);
            let square = e.mul(&more, &more);
            e.unary("Reciprocal", &square)
        }
        _ => return None,
    })
}

fn trigonometric_slope(
    e: &mut GradientEmitter,
    node: &NodeGradient,
    (x, y): (&ShapedTensor, &ShapedTensor),
) -> Option<ShapedTensor> {
    Some(match node.node.op_type.as_str() {
        "Sin" => e.unary("Cos", x),
        "Cos" => {
            let sine = e.unary("Sin", x);
            e.unary("Neg", &sine)
        }
        "Tan" => {
            let square = e.mul(y, y);
            e.shifted(&square, 1.0)
        }
        "Atan" => {
            let square = e.mul(x, x);
            let more = e.shifted(&square, 1.0);
            e.unary("Reciprocal", &more)
        }
        _ => return None,
    })
}

/// Of Elu, Celu and Selu: constant above 0, a scaled exponential below.
fn exponential_unit_slope(
    e: &mut GradientEmitter,
    node: &NodeGradient,
    x: &ShapedTensor,
) -> Option<ShapedTensor> {
    // The slope above 0, the one just below it, and the rate at which that one falls.
    let (above, below, rate) = match node.node.op_type.as_str() {
        "Elu" => (1.0, node.float("alpha", 1.0), 1.0),
        "Celu" => (1.0, 1.0, 1.0 / node.float("alpha", 1.0)),
        "Selu" => {
            let gamma = node.float("gamma", 1.050_701);
            (gamma, gamma * node.float("alpha", 1.673_263_2), 1.0)
        }
        _ => return None,
    };
    // Of the negative part alone, so that nothing overflows.
    let opposite = e.unary("Neg", x);
    let opposite = e.unary("Relu", &opposite);
    let inner = e.scaled(&opposite, -rate);
    let exponential = e.unary("Exp", &inner);
    let low = e.scaled(&exponential, below);
    let open = e.above(x, 0.0);
    let closed = e.complement(&open);
    let (high, low) = (e.scaled(&open, above), e.mul(&closed, &low));
    Some(e.add(&high, &low))
}
