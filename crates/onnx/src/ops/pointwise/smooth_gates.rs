//! Slopes of activations that multiply their input by a gate: GELU in its forms, Swish (SiLU),
//! HardSwish, Mish.

use crate::ops::gradient::{GradientEmitter, NodeGradient, ShapedTensor};

/// The slope of such an activation at its input; `None` of another operator.
pub(super) fn gate_slope(
    e: &mut GradientEmitter,
    node: &NodeGradient,
    x: &ShapedTensor,
) -> Option<ShapedTensor> {
    Some(match node.node.op_type.as_str() {
        "Gelu" if node.text("approximate") == "tanh" => gelu_tanh(e, x),
        "Gelu" => gelu(e, x),
        "FastGelu" if node.name(1).is_none() => gelu_tanh(e, x),
        "QuickGelu" => swish(e, x, node.float("alpha", 1.702)),
        "Swish" => swish(e, x, node.float("alpha", 1.0)),
        "HardSwish" => hard_swish(e, x),
        "Mish" => mish(e, x),
        _ => return None,
    })
}

/// Φ(x) + x·φ(x), of the normal distribution and its density.
pub(super) fn gelu(e: &mut GradientEmitter, x: &ShapedTensor) -> ShapedTensor {
    let scaled = e.scaled(x, std::f32::consts::FRAC_1_SQRT_2);
    let erf = e.unary("Erf", &scaled);
    let more = e.shifted(&erf, 1.0);
    let distribution = e.scaled(&more, 0.5);
    let square = e.mul(x, x);
    let exponent = e.scaled(&square, -0.5);
    let bell = e.unary("Exp", &exponent);
    // 1 / √(2π)
    let density =
        e.scaled(&bell, 0.5 * std::f32::consts::FRAC_1_SQRT_2 * std::f32::consts::FRAC_2_SQRT_PI);
    let slope = e.mul(x, &density);
    e.add(&distribution, &slope)
}

/// Of 0.5·x·(1 + tanh u), u = √(2/π)·(x + 0.044715·x³).
fn gelu_tanh(e: &mut GradientEmitter, x: &ShapedTensor) -> ShapedTensor {
    const CUBIC: f32 = 0.044_715;
    // √(2/π)
    let factor = std::f32::consts::FRAC_1_SQRT_2 * std::f32::consts::FRAC_2_SQRT_PI;
    let square = e.mul(x, x);
    let inner = e.scaled(&square, CUBIC * factor);
    let inner = e.shifted(&inner, factor);
    let inner = e.mul(x, &inner);
    let tanh = e.unary("Tanh", &inner);
    let outer = e.shifted(&tanh, 1.0);
    let outer = e.scaled(&outer, 0.5);
    let tanh_square = e.mul(&tanh, &tanh);
    let steep = e.complement(&tanh_square);
    let inner_slope = e.scaled(&square, 3.0 * CUBIC * factor);
    let inner_slope = e.shifted(&inner_slope, factor);
    let steep = e.mul(&steep, &inner_slope);
    let steep = e.mul(&steep, x);
    let steep = e.scaled(&steep, 0.5);
    e.add(&outer, &steep)
}

/// Of x·σ(αx): σ·(1 + αx·(1 − σ)).
fn swish(e: &mut GradientEmitter, x: &ShapedTensor, alpha: f32) -> ShapedTensor {
    let inner = e.scaled(x, alpha);
    let sigmoid = e.unary("Sigmoid", &inner);
    let rest = e.complement(&sigmoid);
    let product = e.mul(&inner, &rest);
    let more = e.shifted(&product, 1.0);
    e.mul(&sigmoid, &more)
}

/// 0 up to −3, 1 from 3 on, and (2x + 3) / 6 between.
fn hard_swish(e: &mut GradientEmitter, x: &ShapedTensor) -> ShapedTensor {
    let third = e.scaled(x, 1.0 / 3.0);
    let line = e.shifted(&third, 0.5);
    let (above, below) = (e.above(x, -3.0), e.below(x, 3.0));
    let inside = e.mul(&above, &below);
    let line = e.mul(&inside, &line);
    let beyond = e.complement(&below);
    e.add(&line, &beyond)
}

/// Of x·t, t = tanh(softplus(x)): t + x·(1 − t²)·σ(x).
fn mish(e: &mut GradientEmitter, x: &ShapedTensor) -> ShapedTensor {
    let softplus = e.unary("Softplus", x);
    let tanh = e.unary("Tanh", &softplus);
    let square = e.mul(&tanh, &tanh);
    let rest = e.complement(&square);
    let sigmoid = e.unary("Sigmoid", x);
    let steep = e.mul(&rest, &sigmoid);
    let steep = e.mul(&steep, x);
    e.add(&tanh, &steep)
}
