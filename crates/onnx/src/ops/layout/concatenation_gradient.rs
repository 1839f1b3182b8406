//! Vector-Jacobian products of Concat and Split.

use crate::ops::gradient::{GradientEmitter, InputGradients, NodeGradient, ShapedTensor};

pub(in crate::ops) fn vector_jacobian_product(
    e: &mut GradientEmitter,
    node: &NodeGradient,
) -> InputGradients {
    match node.node.op_type.as_str() {
        "Concat" => concat(e, node),
        "Split" => split(e, node),
        _ => Err(node.refuse_no_rule()),
    }
}

/// Each part gets its own stretch.
fn concat(e: &mut GradientEmitter, node: &NodeGradient) -> InputGradients {
    let dy = node.dy()?;
    let axis = node.axis(0, dy.rank())?;
    let mut all = node.none();
    let mut start = 0;
    for (slot, own) in all.iter_mut().enumerate() {
        let part = node.input(e, slot)?;
        if node.wants(slot) {
            let mut starts = vec![0; dy.rank()];
            starts[axis] = start;
            *own = Some(e.slice(dy, &starts, &part.dims, &vec![1; dy.rank()]));
        }
        start += part.dims[axis];
    }
    Ok(all)
}

/// Gradients of the parts one behind the other, zeros for parts that nothing depends on.
fn split(e: &mut GradientEmitter, node: &NodeGradient) -> InputGradients {
    let x = node.input(e, 0)?;
    let axis = node.axis(0, x.rank())?;
    let mut parts = Vec::new();
    for (slot, name) in node.node.output.iter().enumerate() {
        parts.push(match node.outputs.get(slot).and_then(Option::as_ref) {
            Some(gradient) => gradient.clone(),
            None => {
                let part = node.shaped(e, name)?;
                e.zeros(&part.dims)
            }
        });
    }
    let parts: Vec<&ShapedTensor> = parts.iter().collect();
    node.first(e.concat(&parts, axis))
}
