//! ONNX Runtime's fused attention operators, in which a head is a block of columns.

use super::Rules;
use paring_onnx::graph::{Node, int};

impl Rules<'_> {
    /// `Attention`: input `[batch, sequence, features]`, weights `[features, 3 · heads · size]`.
    pub(super) fn fused_attention(&mut self, node: &Node) {
        let [x, w, others @ ..] = node.input.as_slice() else { return };
        let y = &node.output[0];
        let heads = int(node, "num_heads").unwrap_or(0).max(0) as usize;
        let width = self.shape(w).and_then(|s| s.get(1).copied()).unwrap_or(0);
        let plain = heads > 0
            && width.is_multiple_of(3 * heads)
            && node.attribute.iter().all(|a| a.name != "qkv_hidden_sizes");
        if !plain || self.rank(x) != 3 {
            return self.unknown(node, "the layout");
        }
        let (bias, rest) = match others {
            [bias, rest @ ..] => (Some(bias).filter(|b| !b.is_empty()), rest),
            [] => (None, others),
        };
        let reason = format!("node `{}` reads it", node.name);
        rest.iter().chain(node.output.iter().skip(1)).for_each(|t| self.e.pin(t, &reason));
        self.tie_axis(node, (x, 0), (y, 0));
        self.tie_axis(node, (x, 1), (y, 1));
        self.tie_axis(node, (x, 2), (w, 0));
        let size = width / (3 * heads);
        for column in 0..width {
            let first = (y.as_str(), 2, column / size % heads * size);
            self.e.tie(first, (w, 1, column));
            if let Some(bias) = bias {
                self.e.tie(first, (bias, 0, column));
            }
        }
        (0..heads * size).for_each(|i| self.e.tie((y, 2, i / size * size), (y, 2, i)));
    }

    /// `MultiHeadAttention`: query, key and value `[batch, sequence, heads · size]`.
    pub(super) fn multi_head_attention(&mut self, node: &Node) {
        let y = &node.output[0];
        let heads = int(node, "num_heads").unwrap_or(0).max(0) as usize;
        let (three, others) = node.input.split_at(node.input.len().min(3));
        let widths: Vec<usize> = three
            .iter()
            .filter_map(|t| self.shape(t).filter(|s| s.len() == 3).map(|s| s[2]))
            .collect();
        if heads == 0 || widths.len() != 3 || widths.iter().any(|w| w % heads != 0) {
            return self.unknown(node, "the layout");
        }
        let (bias, rest) = match others {
            [bias, rest @ ..] => (Some(bias).filter(|b| !b.is_empty()), rest),
            [] => (None, others),
        };
        let reason = format!("node `{}` reads it", node.name);
        rest.iter().chain(node.output.iter().skip(1)).for_each(|t| self.e.pin(t, &reason));
        let value = widths[2] / heads;
        let mut offset = 0;
        for (tensor, width) in three.iter().zip(&widths) {
            self.pin_axes(tensor, 0..2, &reason);
            for column in 0..*width {
                let first = (y.as_str(), 2, column / (width / heads) * value);
                self.e.tie(first, (tensor, 2, column));
                if let Some(bias) = bias {
                    self.e.tie(first, (bias, 0, offset + column));
                }
            }
            offset += width;
        }
        self.pin_axes(y, 0..2, &reason);
        (0..heads * value).for_each(|i| self.e.tie((y, 2, i / value * value), (y, 2, i)));
    }
}
