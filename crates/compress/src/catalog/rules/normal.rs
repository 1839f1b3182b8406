//! Normalisations, reductions, pooling, and scales of quantization.

use super::{Rules, positive};
use paring_onnx::graph::{Node, int};

impl Rules<'_> {
    /// Parameters with one entry a channel (axis 1).
    pub(super) fn per_channel(&mut self, node: &Node) {
        let Some(x) = node.input.first() else { return };
        self.same_shape(node);
        for parameter in node.input.iter().skip(1) {
            self.tie_axis(node, (x, 1), (parameter, 0));
        }
        node.output.iter().skip(1).for_each(|extra| self.e.pin(extra, "it is a training output"));
        if node.op_type == "InstanceNormalization" {
            let reason = format!("node `{}` normalises over it", node.name);
            self.pin_axes(x, 2..self.rank(x), &reason);
        }
    }

    /// Removing an entry changes the statistics of the others: possible, but not exact.
    pub(super) fn layer_normalization(&mut self, node: &Node) {
        let (Some(x), Some(y)) = (node.input.first(), node.output.first()) else { return };
        let rank = self.rank(x);
        let Some(first) = self.axis(node, -1, rank) else { return self.unknown(node, "the axis") };
        self.same_shape(node);
        for other in node.input.iter().skip(1).filter(|i| !i.is_empty()) {
            let shape = self.shape(other).unwrap_or_default();
            let lead = rank.saturating_sub(shape.len());
            for (axis, size) in shape.iter().enumerate().filter(|(_, size)| **size != 1) {
                debug_assert!(*size > 1);
                self.tie_axis(node, (other, axis), (y, axis + lead));
            }
        }
        let skips = node.op_type.starts_with("Skip");
        for (slot, extra) in node.output.iter().enumerate().skip(1).filter(|(_, o)| !o.is_empty()) {
            // The sum of both inputs is as wide as they are; the others are statistics.
            match skips && slot == 3 {
                true => {
                    (0..rank).for_each(|axis| self.tie_axis(node, (extra, axis), (y, axis)));
                }
                false => self.e.pin(extra, "it is a statistic"),
            }
        }
        let reason = format!("node `{}` normalises over it: its statistics change", node.name);
        (first..rank).for_each(|axis| self.e.lossy_axis(x, axis, &reason));
    }

    /// ONNX Runtime's fused embedding: three tables, scale, shift.
    pub(super) fn embedding(&mut self, node: &Node) {
        let Some(y) = node.output.first() else { return };
        let last = self.rank(y).saturating_sub(1);
        for (slot, table) in node.input.iter().enumerate().filter(|(_, i)| !i.is_empty()) {
            match slot {
                2..=4 => {
                    self.e.pin_axis(table, 0, "a table is read by position");
                    self.tie_axis(node, (table, 1), (y, last));
                }
                5 | 6 => self.tie_axis(node, (table, 0), (y, last)),
                _ => self.e.pin(table, "it is an input of an embedding"),
            }
        }
        self.pin_axes(y, 0..last, "a table is read by position");
        node.output.iter().skip(1).for_each(|extra| self.e.pin(extra, "it is a mask"));
        let reason = format!("node `{}` normalises over it: its statistics change", node.name);
        self.e.lossy_axis(y, last, &reason);
    }

    pub(super) fn quantize(&mut self, node: &Node) {
        self.same_shape(node);
        let Some(x) = node.input.first() else { return };
        let Some(axis) = self.axis(node, 1, self.rank(x)) else { return };
        for parameter in node.input.iter().skip(1).filter(|i| !i.is_empty()) {
            match self.shape(parameter).as_deref() {
                Some([_]) if self.shape(parameter) != Some(vec![1]) => {
                    self.tie_axis(node, (parameter, 0), (x, axis));
                }
                Some([_, _, ..]) => self.unknown(node, "the rule for blocks of scales"),
                _ => {}
            }
        }
    }

    pub(super) fn softmax(&mut self, node: &Node) {
        let Some(x) = node.input.first() else { return };
        let rank = self.rank(x);
        let old = self.graph.opset() < 13;
        let Some(first) = self.axis(node, if old { 1 } else { -1 }, rank) else {
            return self.unknown(node, "the axis");
        };
        self.same_shape(node);
        // Before operator set 13 the axis and all behind it are normalised together.
        let last = if old { rank } else { first + 1 };
        self.pin_axes(x, first..last, &format!("node `{}` normalises over it", node.name));
    }

    pub(super) fn pool(&mut self, node: &Node) {
        let (Some(x), Some(y)) = (node.input.first(), node.output.first()) else { return };
        let reason = format!("node `{}` slides over it", node.name);
        for tensor in [x, y] {
            self.pin_axes(tensor, 2..self.rank(tensor), &reason);
        }
        (0..2).for_each(|axis| self.tie_axis(node, (x, axis), (y, axis)));
        node.output.iter().skip(1).for_each(|indices| self.e.pin(indices, "it holds positions"));
    }

    /// A mean over an axis is another mean without one of its entries; other reductions keep it.
    pub(super) fn reduce(&mut self, node: &Node) {
        let (Some(x), Some(y)) = (node.input.first(), node.output.first()) else { return };
        let rank = self.rank(x);
        let given = self.numbers(node, 1, "axes");
        if given.is_none() && node.input.get(1).is_some_and(|i| !i.is_empty()) {
            return self.unknown(node, "the axis");
        }
        let axes: Vec<usize> = match given.as_deref() {
            None | Some([]) => (0..rank).collect(),
            Some(axes) => axes.iter().filter_map(|a| positive(*a, rank)).collect(),
        };
        let keeps = int(node, "keepdims").unwrap_or(1) == 1;
        let mut target = 0;
        for axis in 0..rank {
            let reduced = axes.contains(&axis);
            if !reduced {
                self.tie_axis(node, (x, axis), (y, target));
            } else if node.op_type == "ReduceMean" {
                let reason =
                    format!("node `{}` takes the mean over it: its statistics change", node.name);
                self.e.lossy_axis(x, axis, &reason);
            } else {
                self.e.pin_axis(x, axis, &format!("node `{}` reduces it", node.name));
            }
            target += usize::from(!reduced || keeps);
        }
    }
}
