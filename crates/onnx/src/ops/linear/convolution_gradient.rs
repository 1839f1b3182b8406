//! Vector-Jacobian products of Conv and ConvTranspose.
//!
//! The gradient of a convolution's input is a transposed convolution of the output's with the same
//! weights, that of its weights a product of what the windows read with the output's.

use crate::graph::{set_int, set_ints};
use crate::ops::gradient::{
    GradientEmitter, GradientRefusal, InputGradients, NodeGradient, ShapedTensor, SlidingWindows,
    margin_list,
};

pub(in crate::ops) fn vector_jacobian_product(
    e: &mut GradientEmitter,
    node: &NodeGradient,
) -> InputGradients {
    let transposed = match node.node.op_type.as_str() {
        "Conv" => false,
        "ConvTranspose" => true,
        _ => return Err(node.refuse_no_rule()),
    };
    let (x, w, dy) = (node.input(e, 0)?, node.input(e, 1)?, node.dy()?);
    let convolution = GroupedConvolution::of(node, (&x, &w, dy), transposed)?;
    let mut all = node.none();
    if node.wants(0) {
        all[0] = Some(match transposed {
            false => convolution.windows.input_gradient(e, convolution.group, &w, dy),
            true => convolution.forward(e, dy, &w, x.dims[1]),
        });
    }
    if node.wants(1) {
        // The windows slide over the larger side: the input, or a transposed convolution's output.
        let (over, positions) = if transposed { (dy, &x) } else { (&x, dy) };
        all[1] = Some(convolution.weight_gradient(e, over, positions, &w.dims));
    }
    if node.wants(2) {
        let axes: Vec<usize> = (0..dy.rank()).filter(|axis| *axis != 1).collect();
        all[2] = Some(e.reduce_sum(dy, &axes, false));
    }
    Ok(all)
}

/// A convolution, or the one that a transposed convolution is the adjoint of.
struct GroupedConvolution {
    group: usize,
    windows: SlidingWindows,
}

impl GroupedConvolution {
    fn of(
        node: &NodeGradient,
        (x, w, dy): (&ShapedTensor, &ShapedTensor, &ShapedTensor),
        transposed: bool,
    ) -> Result<Self, GradientRefusal> {
        let odd = ["SAME_UPPER", "SAME_LOWER"].contains(&node.text("auto_pad").as_str())
            || node.ints("output_shape").is_some();
        if transposed && odd {
            return Err(node.refuse_form("a transposed convolution whose margins are not given"));
        }
        let (over, positions) = if transposed { (dy, x) } else { (x, dy) };
        let spatial = |tensor: &ShapedTensor| tensor.dims.get(2..).unwrap_or_default().to_vec();
        let kernel = spatial(w);
        let windows = SlidingWindows::new(node, (&spatial(over), &spatial(positions)), &kernel)?;
        let group = usize::try_from(node.int("group", 1)).unwrap_or(1).max(1);
        if kernel.is_empty() || !w.dims[0].is_multiple_of(group) {
            return Err(node.refuse_form("weights of another shape"));
        }
        Ok(GroupedConvolution { group, windows })
    }

    /// The convolution itself; `w` is `[channels, inputs / group, …]`.
    fn forward(
        &self,
        e: &mut GradientEmitter,
        x: &ShapedTensor,
        w: &ShapedTensor,
        channels: usize,
    ) -> ShapedTensor {
        let windows = &self.windows;
        let dims = [&[x.dims[0], channels], windows.output.as_slice()].concat();
        let pads = margin_list(&windows.before, &windows.behind);
        e.emit("Conv", &[x, w], &dims, |node| {
            set_int(node, "group", self.group as i64);
            set_ints(node, "pads", pads);
            windows.set_steps(node);
        })
    }

    /// The gradient of the weights: what the windows read of `over`, times the values at their
    /// positions, summed over batch and positions.
    fn weight_gradient(
        &self,
        e: &mut GradientEmitter,
        over: &ShapedTensor,
        positions: &ShapedTensor,
        dims: &[usize],
    ) -> ShapedTensor {
        match dims[1] {
            1 if self.group > 1 => self.depthwise_weights(e, over, positions, dims),
            _ => self.unfolded_weights(e, over, positions, dims),
        }
    }

    /// Depthwise: one convolution of every channel of every sample with the values at its positions.
    fn depthwise_weights(
        &self,
        e: &mut GradientEmitter,
        over: &ShapedTensor,
        positions: &ShapedTensor,
        dims: &[usize],
    ) -> ShapedTensor {
        let windows = &self.windows;
        let (batch, inputs, outputs) = (over.dims[0], over.dims[1], positions.dims[1]);
        let planes = [&[1, batch * inputs], windows.input.as_slice()].concat();
        let planes = e.reshape(over, &planes);
        let kernels = [&[batch * outputs, 1], windows.output.as_slice()].concat();
        let kernels = e.reshape(positions, &kernels);
        let pads = margin_list(&windows.before, &windows.behind);
        let places: Vec<usize> = (0..windows.kernel.len())
            .map(|axis| {
                let all = windows.before[axis] + windows.input[axis] + windows.behind[axis];
                let span = (windows.output[axis] - 1) * windows.strides[axis] + 1;
                all.saturating_sub(span) / windows.dilations[axis] + 1
            })
            .collect();
        let sums = [&[1, batch * outputs], places.as_slice()].concat();
        let sums = e.emit("Conv", &[&planes, &kernels], &sums, |node| {
            set_int(node, "group", (batch * inputs) as i64);
            set_ints(node, "pads", pads);
            windows.set_exchanged_steps(node);
        });
        let counts = [&[1, batch * outputs], windows.kernel.as_slice()].concat();
        let sums = e.slice(&sums, &vec![0; counts.len()], &counts, &vec![1; counts.len()]);
        let each = e.reshape(&sums, &[&[batch], dims].concat());
        let sum = e.reduce_sum(&each, &[0], true);
        e.reshape(&sum, dims)
    }

    /// A matrix product with all windows written out, one for each group.
    fn unfolded_weights(
        &self,
        e: &mut GradientEmitter,
        over: &ShapedTensor,
        positions: &ShapedTensor,
        dims: &[usize],
    ) -> ShapedTensor {
        let windows = &self.windows;
        let (inputs, outputs) = (over.dims[1], positions.dims[1]);
        let count = positions.elements() / outputs.max(1);
        let padded = windows.with_margins(e, over, 0.0);
        let channels_first = |e: &mut GradientEmitter, x: &ShapedTensor| {
            let mut order: Vec<usize> = (0..x.rank()).collect();
            order.swap(0, 1);
            e.transpose(x, &order)
        };
        let padded = channels_first(e, &padded);
        let mut read = Vec::new();
        for place in windows.places() {
            let values = windows.read_at(e, &padded, &place);
            read.push(e.reshape(&values, &[inputs, 1, count]));
        }
        let parts: Vec<&ShapedTensor> = read.iter().collect();
        let unfolded = e.concat(&parts, 1);
        let values = channels_first(e, positions);
        let width = inputs / self.group * read.len();
        let matrix = |e: &mut GradientEmitter, x: &ShapedTensor, rows: usize| match self.group {
            1 => e.reshape(x, &[rows, count]),
            group => e.reshape(x, &[group, rows, count]),
        };
        let unfolded = matrix(e, &unfolded, width);
        let values = matrix(e, &values, outputs / self.group);
        let product = match self.group {
            1 => {
                let dims = [values.dims[0], unfolded.dims[0]];
                e.emit("Gemm", &[&values, &unfolded], &dims, |node| set_int(node, "transB", 1))
            }
            _ => {
                let unfolded = e.flipped(&unfolded);
                e.matmul(&values, &unfolded)
            }
        };
        e.reshape(&product, dims)
    }
}
