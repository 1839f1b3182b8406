//! Vector-Jacobian products of operators that move entries: Transpose, DepthToSpace, SpaceToDepth.

use crate::ops::gradient::{
    GradientEmitter, GradientRefusal, InputGradients, NodeGradient, ShapedTensor,
};

pub(in crate::ops) fn vector_jacobian_product(
    e: &mut GradientEmitter,
    node: &NodeGradient,
) -> InputGradients {
    let x = node.input(e, 0)?;
    let dx = match node.node.op_type.as_str() {
        "Transpose" => {
            let order = match node.ints("perm") {
                Some(order) => order.iter().map(|axis| *axis as usize).collect(),
                None => (0..x.rank()).rev().collect::<Vec<usize>>(),
            };
            let back = |axis: usize| order.iter().position(|own| *own == axis).unwrap_or(axis);
            let back: Vec<usize> = (0..x.rank()).map(back).collect();
            e.transpose(node.dy()?, &back)
        }
        "DepthToSpace" => blocks(e, node, &x, true)?,
        "SpaceToDepth" => blocks(e, node, &x, false)?,
        _ => return Err(node.refuse_no_rule()),
    };
    node.first(dx)
}

/// Moves squares of positions into channels (`gathers`), or back, as the inverse of the node.
fn blocks(
    e: &mut GradientEmitter,
    node: &NodeGradient,
    x: &ShapedTensor,
    gathers: bool,
) -> Result<ShapedTensor, GradientRefusal> {
    let dy = node.dy()?;
    let size = usize::try_from(node.int("blocksize", 1)).unwrap_or(1).max(1);
    let ([n, c, h, w], [_, out_c, out_h, out_w]) = (x.dims.as_slice(), dy.dims.as_slice()) else {
        return Err(node.refuse_form("a tensor of another rank than 4"));
    };
    // The channels of a position stand before those of the blocks, or behind them.
    let channels_first = gathers && node.text("mode") == "CRD";
    Ok(match gathers {
        true => {
            let apart = e.reshape(dy, &[*n, *out_c, *h, size, *w, size]);
            let order = if channels_first { [0, 1, 3, 5, 2, 4] } else { [0, 3, 5, 1, 2, 4] };
            let moved = e.transpose(&apart, &order);
            e.reshape(&moved, &[*n, *c, *h, *w])
        }
        false => {
            let apart = e.reshape(dy, &[*n, size, size, *c, *out_h, *out_w]);
            let moved = e.transpose(&apart, &[0, 3, 4, 1, 5, 2]);
            e.reshape(&moved, &[*n, *c, *h, *w])
        }
    })
}
