//! The adjoint of a convolution in its input: values at the positions of windows, spread over what the
//! windows see.

use super::emitter::{GradientEmitter, ShapedTensor};
use super::windows::SlidingWindows;
use crate::graph::{set_int, set_ints};

/// Attribute `pads` of these margins.
pub(in crate::ops) fn margin_list(before: &[usize], behind: &[usize]) -> Vec<i64> {
    before.iter().chain(behind).map(|margin| *margin as i64).collect()
}

impl SlidingWindows {
    /// The gradient of what a convolution's windows slide over; `w` is `[outputs, inputs / group, …]`.
    pub(in crate::ops) fn input_gradient(
        &self,
        e: &mut GradientEmitter,
        group: usize,
        w: &ShapedTensor,
        dy: &ShapedTensor,
    ) -> ShapedTensor {
        let windows = self;
        let channels = w.dims[1] * group;
        let dims = [&[dy.dims[0], channels], windows.input.as_slice()].concat();
        let axes = 0..windows.kernel.len();
        // Margins of the other side where nothing is skipped; there a convolution is faster.
        let around = |margins: &[usize]| -> Option<Vec<usize>> {
            let span = |axis: usize| (windows.kernel[axis] - 1) * windows.dilations[axis];
            axes.clone().map(|axis| span(axis).checked_sub(margins[axis])).collect()
        };
        let whole = axes.clone().all(|axis| {
            windows.strides[axis] == 1
                && windows.reach(axis) >= windows.input[axis] + windows.before[axis]
        });
        if let (true, Some(before), Some(behind)) =
            (whole, around(&windows.before), around(&windows.behind))
        {
            let turned = turned(e, group, w);
            let pads = margin_list(&before, &behind);
            return e.emit("Conv", &[dy, &turned], &dims, |node| {
                set_int(node, "group", group as i64);
                set_ints(node, "pads", pads);
                windows.set_steps(node);
            });
        }
        let pads = margin_list(&windows.before, &windows.behind);
        let unread = |axis: usize| {
            let all = windows.input[axis] + windows.before[axis];
            all.saturating_sub(windows.reach(axis)) as i64
        };
        let unread = axes.clone().map(unread).collect();
        e.emit("ConvTranspose", &[dy, w], &dims, |node| {
            set_int(node, "group", group as i64);
            set_ints(node, "pads", pads);
            set_ints(node, "output_padding", unread);
            windows.set_steps(node);
        })
    }
}

/// Weights with inputs and outputs exchanged inside of each group, and every kernel reversed.
fn turned(e: &mut GradientEmitter, group: usize, w: &ShapedTensor) -> ShapedTensor {
    let (outputs, inputs) = (w.dims[0] / group, w.dims[1]);
    let kernel = &w.dims[2..];
    let grouped = e.reshape(w, &[&[group, outputs, inputs], kernel].concat());
    let mut order: Vec<usize> = (0..grouped.rank()).collect();
    order.swap(1, 2);
    let exchanged = e.transpose(&grouped, &order);
    let dims = [&[group * inputs, outputs], kernel].concat();
    let flat = e.reshape(&exchanged, &dims);
    let axes: Vec<usize> = (2..flat.rank()).filter(|axis| flat.dims[*axis] > 1).collect();
    e.reversed(&flat, &axes)
}
