//! Vector-Jacobian products of pooling.
//!
//! A mean spreads the gradient over what its window saw. A maximum hands it to the first entry of the
//! window that has it.

use crate::graph::Weights;
use crate::ops::gradient::{
    GradientEmitter, GradientRefusal, InputGradients, NodeGradient, ShapedTensor, SlidingWindows,
    entry_shares,
};

pub(in crate::ops) fn vector_jacobian_product(
    e: &mut GradientEmitter,
    node: &NodeGradient,
) -> InputGradients {
    let dx = match node.node.op_type.as_str() {
        "AveragePool" => average(e, node)?,
        "MaxPool" if node.outputs.iter().skip(1).all(Option::is_none) => maximum(e, node)?,
        "GlobalAveragePool" => {
            let x = node.input(e, 0)?;
            let positions: usize = x.dims.iter().skip(2).product();
            let share = e.scaled(node.dy()?, 1.0 / positions.max(1) as f32);
            e.expand(&share, &x.dims)
        }
        "GlobalMaxPool" => global_maximum(e, node)?,
        _ => return Err(node.refuse_no_rule()),
    };
    node.first(dx)
}

fn windows(
    e: &GradientEmitter,
    node: &NodeGradient,
) -> Result<(ShapedTensor, SlidingWindows), GradientRefusal> {
    let x = node.input(e, 0)?;
    let y = node.output(e)?;
    let kernel = node.ints("kernel_shape").unwrap_or_default();
    let kernel: Vec<usize> = kernel.iter().filter_map(|size| usize::try_from(*size).ok()).collect();
    let (input, output) = (x.dims.get(2..), y.dims.get(2..));
    let spatial = (input.unwrap_or_default(), output.unwrap_or_default());
    let windows = SlidingWindows::new(node, spatial, &kernel)?;
    Ok((x, windows))
}

fn average(e: &mut GradientEmitter, node: &NodeGradient) -> Result<ShapedTensor, GradientRefusal> {
    let (x, windows) = windows(e, node)?;
    // Declared margins count as entries where the node says so, what lies beyond them never.
    let counts_margins = node.int("count_include_pad", 0) == 1;
    let declared = node.ints("pads").unwrap_or_default();
    let rank = windows.input.len();
    let counted: Vec<(usize, usize)> = (0..rank)
        .map(|axis| {
            let end = windows.before[axis] + windows.input[axis];
            let behind =
                declared.get(axis + rank).map_or(windows.behind[axis], |pad| *pad as usize);
            if counts_margins { (0, end + behind) } else { (windows.before[axis], end) }
        })
        .collect();
    let counts = e.constant(entry_shares(&windows, &counted));
    let share = e.mul(node.dy()?, &counts);
    let plain = windows.dilations.iter().all(|dilation| *dilation == 1);
    if plain && windows.output.iter().all(|positions| *positions == 1) {
        return Ok(windows.written_whole(e, &share));
    }
    // A depthwise convolution with ones, the other way round.
    let channels = x.dims[1];
    let kernel = [&[channels, 1], windows.kernel.as_slice()].concat();
    let ones = e.constant(Weights::f32(&kernel, &vec![1.0; kernel.iter().product()]));
    Ok(windows.input_gradient(e, channels, &ones, &share))
}

fn maximum(e: &mut GradientEmitter, node: &NodeGradient) -> Result<ShapedTensor, GradientRefusal> {
    let (x, windows) = windows(e, node)?;
    let (y, dy) = (node.output(e)?, node.dy()?);
    let padded = windows.with_margins(e, &x, f32::MIN);
    let mut left: Option<ShapedTensor> = None;
    let mut parts = Vec::new();
    for place in windows.places() {
        let read = windows.read_at(e, &padded, &place);
        let equal = e.equal(&read, &y);
        // Windows none of whose earlier entries has been chosen.
        let (chosen, rest) = match &left {
            Some(left) => {
                let chosen = e.mul(left, &equal);
                let rest = e.sub(left, &chosen);
                (chosen, rest)
            }
            None => {
                let rest = e.complement(&equal);
                (equal, rest)
            }
        };
        left = Some(rest);
        let own = e.mul(&chosen, dy);
        parts.push(windows.written_at(e, &own, &place));
    }
    let sum = e.sum_of(&parts);
    Ok(windows.without_margins(e, &sum))
}

/// Equal maxima share the gradient.
fn global_maximum(
    e: &mut GradientEmitter,
    node: &NodeGradient,
) -> Result<ShapedTensor, GradientRefusal> {
    let (x, y) = (node.input(e, 0)?, node.output(e)?);
    let axes: Vec<usize> = (2..x.rank()).collect();
    Ok(e.shared_among_equal(&x, &y, node.dy()?, &axes))
}
