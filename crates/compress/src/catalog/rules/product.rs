//! Convolutions, matrix products and recurrent operators: inputs against weights against outputs.

use super::Rules;
use paring_onnx::graph::{Node, int};

impl Rules<'_> {
    fn keep_spatial(&mut self, node: &Node, tensor: &str) {
        let reason = format!("node `{}` slides over it", node.name);
        self.pin_axes(tensor, 2..self.rank(tensor), &reason);
    }

    /// `weights` and `bias` are the slots of both.
    pub(super) fn conv(&mut self, node: &Node, weights: usize, bias: Option<usize>) {
        let (Some(x), Some(w)) = (node.input.first(), node.input.get(weights)) else { return };
        let y = &node.output[0];
        let group = int(node, "group").unwrap_or(1).max(1) as usize;
        let (Some(xs), Some(ws)) = (self.shape(x), self.shape(w)) else {
            return self.unknown(node, "a shape");
        };
        let (&[_, inputs, ..], &[outputs, each, ..]) = (&xs[..], &ws[..]) else {
            return self.unknown(node, "the number of channels");
        };
        self.tie_axis(node, (x, 0), (y, 0));
        [x, w, y].into_iter().for_each(|tensor| self.keep_spatial(node, tensor));
        let bias = bias.and_then(|slot| node.input.get(slot)).filter(|b| !b.is_empty());
        if let Some(bias) = bias {
            self.tie_axis(node, (bias, 0), (w, 0));
        }
        self.tie_axis(node, (w, 0), (y, 1));
        if group == 1 {
            return self.tie_axis(node, (x, 1), (w, 1));
        }
        if each * group != inputs || outputs % group != 0 {
            return self.unknown(node, "the size of the groups");
        }
        if each == 1 {
            self.e.pin_axis(w, 1, "a depthwise filter has one input channel");
            let multiplier = outputs / group;
            (0..outputs).for_each(|out| self.e.tie((x, 1, out / multiplier), (w, 0, out)));
            return;
        }
        // The same number from every group: the first of each, the second of each …
        (0..inputs).for_each(|i| self.e.tie((x, 1, i), (w, 1, i % each)));
        let own = outputs / group;
        (own..outputs).for_each(|out| self.e.tie((w, 0, out), (w, 0, out % own)));
    }

    /// Convolutions of integers; `vectors` are the slots of scales and zero points that may have an
    /// entry an output.
    pub(super) fn conv_of_bytes(
        &mut self,
        node: &Node,
        (weights, bias): (usize, Option<usize>),
        vectors: &[usize],
    ) {
        self.conv(node, weights, bias);
        let Some(w) = node.input.get(weights) else { return };
        for vector in vectors.iter().filter_map(|slot| node.input.get(*slot)) {
            if self.shape(vector).is_some_and(|s| s.len() == 1 && s[0] > 1) {
                self.tie_axis(node, (vector, 0), (w, 0));
            }
        }
    }

    /// ONNX Runtime's convolution with an activation, and a fourth input that is added to the sums.
    pub(super) fn fused_conv(&mut self, node: &Node) {
        self.conv(node, 1, Some(2));
        let (Some(y), Some(z)) = (node.output.first(), node.input.get(3)) else { return };
        (0..self.rank(z)).for_each(|axis| self.tie_axis(node, (z, axis), (y, axis)));
    }

    pub(super) fn conv_transpose(&mut self, node: &Node) {
        let [x, w, ..] = node.input.as_slice() else { return };
        let y = &node.output[0];
        self.tie_axis(node, (x, 0), (y, 0));
        [x, w, y].into_iter().for_each(|tensor| self.keep_spatial(node, tensor));
        if int(node, "group").unwrap_or(1) > 1 {
            let reason = format!("node `{}` is a grouped transposed convolution", node.name);
            [(x, 1), (y, 1), (w, 0), (w, 1)]
                .into_iter()
                .for_each(|(tensor, axis)| self.e.pin_axis(tensor, axis, &reason));
        }
        if let Some(bias) = node.input.get(2).filter(|b| !b.is_empty()) {
            self.tie_axis(node, (bias, 0), (y, 1));
        }
        if int(node, "group").unwrap_or(1) <= 1 {
            self.tie_axis(node, (x, 1), (w, 0));
            self.tie_axis(node, (w, 1), (y, 1));
        }
    }

    pub(super) fn gemm(&mut self, node: &Node) {
        let [a, b, ..] = node.input.as_slice() else { return };
        let y = &node.output[0];
        let flipped = |name| int(node, name) == Some(1);
        let (a_rows, a_depth) = if flipped("transA") { (1, 0) } else { (0, 1) };
        let (b_depth, b_columns) = if flipped("transB") { (1, 0) } else { (0, 1) };
        self.tie_axis(node, (a, a_rows), (y, 0));
        self.tie_axis(node, (a, a_depth), (b, b_depth));
        self.tie_axis(node, (b, b_columns), (y, 1));
        if let Some(c) = node.input.get(2).filter(|c| !c.is_empty()) {
            let dims = self.shape(c).unwrap_or_default();
            for (axis, size) in dims.iter().enumerate() {
                if *size != 1 {
                    self.tie_axis(node, (c, axis), (y, axis + 2 - dims.len()));
                }
            }
        }
    }

    /// The last two axes multiply, those before them broadcast; `second` is the slot of the second
    /// factor.
    pub(super) fn matmul(&mut self, node: &Node, second: usize) {
        let (Some(a), Some(b)) = (node.input.first(), node.input.get(second)) else { return };
        let y = &node.output[0];
        let (Some(xs), Some(ws), Some(ys)) = (self.shape(a), self.shape(b), self.shape(y)) else {
            return self.unknown(node, "a shape");
        };
        if xs.len() < 2 || ws.len() < 2 || ys.len() < 2 {
            return self.keep_all(node, &format!("node `{}` multiplies vectors", node.name));
        }
        for (factor, shape) in [(a, &xs), (b, &ws)] {
            for (axis, size) in shape[..shape.len() - 2].iter().enumerate() {
                if *size != 1 {
                    self.tie_axis(node, (factor, axis), (y, axis + ys.len() - shape.len()));
                }
            }
        }
        self.tie_axis(node, (a, xs.len() - 2), (y, ys.len() - 2));
        self.tie_axis(node, (a, xs.len() - 1), (b, ws.len() - 2));
        self.tie_axis(node, (b, ws.len() - 1), (y, ys.len() - 1));
        // Zero points and scales of the integer forms that have one for each output.
        let vectors: &[usize] = match node.op_type.as_str() {
            "MatMulInteger" => &[3],
            "QLinearMatMul" => &[4, 5],
            _ => &[],
        };
        for vector in vectors.iter().filter_map(|slot| node.input.get(*slot)) {
            if self.shape(vector).is_some_and(|s| s.len() == 1 && s[0] > 1) {
                self.tie_axis(node, (vector, 0), (b, ws.len() - 1));
            }
        }
    }

    /// Its inputs may become fewer, its state may not.
    pub(super) fn recurrent(&mut self, node: &Node) {
        let [x, w, others @ ..] = node.input.as_slice() else { return };
        let reason = format!("{} (node `{}`) keeps a state", node.op_type, node.name);
        others.iter().chain(&node.output).for_each(|tensor| self.e.pin(tensor, &reason));
        [x, w].into_iter().for_each(|tensor| self.pin_axes(tensor, 0..2, &reason));
        self.tie_axis(node, (x, 2), (w, 2));
    }
}
