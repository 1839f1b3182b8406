//! Vector-Jacobian products of functions of several tensors that are broadcast against each other:
//! each input's gradient is summed over the axes along which it was stretched.

use super::smooth_gates::gelu;
use crate::ops::gradient::{
    GradientEmitter, GradientRefusal, InputGradients, NodeGradient, ShapedTensor,
};

pub(in crate::ops) fn vector_jacobian_product(
    e: &mut GradientEmitter,
    node: &NodeGradient,
) -> InputGradients {
    let dy = node.dy()?;
    match node.node.op_type.as_str() {
        "Add" | "Sum" => each(e, node, |_, _, _| Ok(dy.clone())),
        "Sub" => {
            each(e, node, |e, _, slot| Ok(if slot == 0 { dy.clone() } else { e.unary("Neg", dy) }))
        }
        "Mean" => {
            let share = 1.0 / node.node.input.len().max(1) as f32;
            each(e, node, |e, _, _| Ok(e.scaled(dy, share)))
        }
        "Mul" => each(e, node, |e, node, slot| {
            let other = node.input(e, 1 - slot.min(1))?;
            Ok(e.mul(dy, &other))
        }),
        "Div" => each(e, node, |e, node, slot| {
            let divisor = node.input(e, 1)?;
            let reciprocal = e.unary("Reciprocal", &divisor);
            let quotient = e.mul(dy, &reciprocal);
            if slot == 0 {
                return Ok(quotient);
            }
            let y = node.output(e)?;
            let product = e.mul(&quotient, &y);
            Ok(e.unary("Neg", &product))
        }),
        "Pow" => each(e, node, power),
        "Max" | "Min" => each(e, node, extreme),
        "Where" => each(e, node, selected),
        "PRelu" => each(e, node, parametric),
        "BiasGelu" => each(e, node, |e, node, _| {
            let (x, bias) = (node.input(e, 0)?, node.input(e, 1)?);
            let sum = e.add(&x, &bias);
            let slope = gelu(e, &sum);
            Ok(e.mul(dy, &slope))
        }),
        _ => Err(node.refuse_no_rule()),
    }
}

/// The gradient of every input that is asked for, from one that has the output's shape.
fn each(
    e: &mut GradientEmitter,
    node: &NodeGradient,
    mut gradient: impl FnMut(
        &mut GradientEmitter,
        &NodeGradient,
        usize,
    ) -> Result<ShapedTensor, GradientRefusal>,
) -> InputGradients {
    let mut all = node.none();
    for slot in (0..all.len()).filter(|slot| node.wants(*slot)) {
        let dims = node.input(e, slot)?.dims;
        let whole = gradient(e, node, slot)?;
        all[slot] = Some(e.sum_to(&whole, &dims));
    }
    Ok(all)
}

/// The gradient goes to what the condition has chosen.
fn selected(
    e: &mut GradientEmitter,
    node: &NodeGradient,
    slot: usize,
) -> Result<ShapedTensor, GradientRefusal> {
    let condition = node.input(e, 0)?;
    let chosen = e.as_floats(&condition);
    let chosen = if slot == 1 { chosen } else { e.complement(&chosen) };
    Ok(e.mul(node.dy()?, &chosen))
}

/// x above 0, else slope·x.
fn parametric(
    e: &mut GradientEmitter,
    node: &NodeGradient,
    slot: usize,
) -> Result<ShapedTensor, GradientRefusal> {
    let (x, slope, dy) = (node.input(e, 0)?, node.input(e, 1)?, node.dy()?);
    let open = e.above(&x, 0.0);
    let closed = e.complement(&open);
    let own = match slot {
        0 => {
            let leak = e.mul(&closed, &slope);
            e.add(&open, &leak)
        }
        _ => e.mul(&closed, &x),
    };
    Ok(e.mul(dy, &own))
}

/// x^p: p·x^(p − 1) for the base, y·ln x for the exponent.
fn power(
    e: &mut GradientEmitter,
    node: &NodeGradient,
    slot: usize,
) -> Result<ShapedTensor, GradientRefusal> {
    let (x, exponent, dy) = (node.input(e, 0)?, node.input(e, 1)?, node.dy()?);
    if slot == 1 {
        let y = node.output(e)?;
        let log = e.unary("Log", &x);
        let slope = e.mul(&y, &log);
        return Ok(e.mul(dy, &slope));
    }
    let stored = e.stored(&exponent.name).and_then(|stored| stored.numbers());
    let slope = match stored.as_deref() {
        // A product is exact for negative bases too, whatever the engine makes of their powers.
        Some([2.0]) => e.scaled(&x, 2.0),
        Some([0.5]) => {
            let y = node.output(e)?;
            let half = e.scalar(0.5);
            e.div(&half, &y)
        }
        Some([exponent]) => {
            let less = e.scalar(exponent - 1.0);
            let below = e.binary("Pow", &x, &less);
            e.scaled(&below, *exponent)
        }
        _ => {
            let less = e.shifted(&exponent, -1.0);
            let below = e.binary("Pow", &x, &less);
            e.mul(&exponent, &below)
        }
    };
    Ok(e.mul(dy, &slope))
}

/// The gradient goes to the first input that has the largest (smallest) value.
fn extreme(
    e: &mut GradientEmitter,
    node: &NodeGradient,
    slot: usize,
) -> Result<ShapedTensor, GradientRefusal> {
    let y = node.output(e)?;
    let x = node.input(e, slot)?;
    let mut chosen = e.equal(&x, &y);
    for before in 0..slot {
        let other = node.input(e, before)?;
        let equal = e.equal(&other, &y);
        let not = e.complement(&equal);
        chosen = e.mul(&chosen, &not);
    }
    Ok(e.mul(&chosen, node.dy()?))
}
