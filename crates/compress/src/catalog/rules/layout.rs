//! Operators that move entries about without changing them.

use super::{Rules, positive};
use paring_onnx::graph::{Node, int, ints};

impl Rules<'_> {
    pub(super) fn concat(&mut self, node: &Node) {
        let y = &node.output[0];
        let rank = self.rank(y);
        let Some(along) = int(node, "axis").and_then(|a| positive(a, rank)) else {
            return self.unknown(node, "the axis");
        };
        let mut offset = 0;
        for x in &node.input {
            let Some(xs) = self.shape(x).filter(|xs| xs.len() == rank) else {
                return self.unknown(node, "a shape");
            };
            self.shift(node, (x, 0), (y, offset), along);
            offset += xs[along];
        }
    }

    pub(super) fn split(&mut self, node: &Node) {
        let Some(x) = node.input.first() else { return };
        let rank = self.rank(x);
        let Some(along) = self.axis(node, 0, rank) else { return self.unknown(node, "the axis") };
        let mut offset = 0;
        for y in &node.output {
            let Some(ys) = self.shape(y).filter(|ys| ys.len() == rank) else {
                return self.unknown(node, "a shape");
            };
            self.shift(node, (y, 0), (x, offset), along);
            offset += ys[along];
        }
    }

    /// Ties all of `part` to `whole` from an index on along one axis, and the other axes as they are.
    fn shift(&mut self, node: &Node, part: (&str, usize), whole: (&str, usize), along: usize) {
        for (axis, size) in self.shape(part.0).unwrap_or_default().into_iter().enumerate() {
            match axis == along {
                true => (0..size).for_each(|i| {
                    self.e.tie((part.0, axis, part.1 + i), (whole.0, axis, whole.1 + i));
                }),
                false => self.tie_axis(node, (part.0, axis), (whole.0, axis)),
            }
        }
    }

    pub(super) fn slice(&mut self, node: &Node) {
        let (Some(x), Some(y)) = (node.input.first(), node.output.first()) else { return };
        let (Some(xs), Some(ys)) = (self.shape(x), self.shape(y)) else {
            return self.unknown(node, "a shape");
        };
        let Some(starts) = self.numbers(node, 1, "starts") else {
            return self.unknown(node, "the start");
        };
        let every: Vec<i64> = (0..xs.len() as i64).collect();
        let axes = self.numbers(node, 3, "axes").unwrap_or(every);
        let steps = self.numbers(node, 4, "steps").unwrap_or_else(|| vec![1; starts.len()]);
        for axis in 0..xs.len() {
            let place = axes.iter().position(|a| positive(*a, xs.len()) == Some(axis));
            let Some(place) = place else {
                self.tie_axis(node, (x, axis), (y, axis));
                continue;
            };
            let (Some(start), Some(1)) = (starts.get(place), steps.get(place)) else {
                let reason = format!("node `{}` takes steps over it", node.name);
                [x, y].into_iter().for_each(|tensor| self.e.pin_axis(tensor, axis, &reason));
                continue;
            };
            let size = xs[axis] as i64;
            let start = if *start < 0 { start + size } else { *start }.clamp(0, size) as usize;
            (0..ys[axis]).for_each(|i| self.e.tie((x, axis, start + i), (y, axis, i)));
        }
    }

    pub(super) fn pad(&mut self, node: &Node) {
        let (Some(x), Some(y)) = (node.input.first(), node.output.first()) else { return };
        let (Some(xs), Some(ys)) = (self.shape(x), self.shape(y)) else {
            return self.unknown(node, "a shape");
        };
        let Some(pads) = self.numbers(node, 1, "pads") else {
            return self.unknown(node, "the padding");
        };
        let every: Vec<i64> = (0..xs.len() as i64).collect();
        let axes = self.numbers(node, 3, "axes").unwrap_or(every);
        for axis in 0..xs.len() {
            let place = axes.iter().position(|a| positive(*a, xs.len()) == Some(axis));
            let before = place.and_then(|p| pads.get(p)).copied().unwrap_or(0);
            if xs[axis] == ys[axis] && before == 0 {
                self.tie_axis(node, (x, axis), (y, axis));
                continue;
            }
            let reason = format!("node `{}` pads it", node.name);
            [x, y].into_iter().for_each(|tensor| self.e.pin_axis(tensor, axis, &reason));
        }
    }

    /// Constant positions along an axis, or a table that is read by computed ones.
    pub(super) fn gather(&mut self, node: &Node) {
        let [x, indices] = node.input.as_slice() else { return };
        let y = &node.output[0];
        let (Some(xs), Some(chosen)) = (self.shape(x), self.shape(indices)) else {
            return self.unknown(node, "a shape");
        };
        let Some(along) = self.axis(node, 0, xs.len()) else {
            return self.unknown(node, "the axis");
        };
        for axis in 0..xs.len() {
            let target = if axis > along { axis + chosen.len() - 1 } else { axis };
            if axis != along {
                self.tie_axis(node, (x, axis), (y, target));
            }
        }
        let known = self.facts.integers.get(indices).filter(|_| chosen.len() == 1).cloned();
        let stored = self.graph.dims(indices).is_some();
        match known.filter(|_| stored) {
            Some(values) => {
                for (place, value) in values.iter().enumerate() {
                    if let Some(index) = positive(*value, xs[along]) {
                        self.e.tie((x, along, index), (y, along, place));
                    }
                }
            }
            None => {
                let reason = format!("node `{}` reads it by position", node.name);
                self.e.pin_axis(x, along, &reason);
                self.e.pin(indices, &reason);
                self.pin_axes(y, along..along + chosen.len(), &reason);
            }
        }
    }

    pub(super) fn transpose(&mut self, node: &Node) {
        let (Some(x), Some(y)) = (node.input.first(), node.output.first()) else { return };
        let rank = self.rank(x);
        let order = ints(node, "perm").unwrap_or_else(|| (0..rank as i64).rev().collect());
        for (to, from) in order.iter().enumerate() {
            if let Some(from) = positive(*from, rank) {
                self.tie_axis(node, (x, from), (y, to));
            }
        }
    }

    /// Axes of size 1 come or go, the others keep their order.
    pub(super) fn squeeze(&mut self, node: &Node) {
        let (Some(x), Some(y)) = (node.input.first(), node.output.first()) else { return };
        let squeezes = node.op_type == "Squeeze";
        let (wide, narrow) = if squeezes { (x, y) } else { (y, x) };
        let Some(shape) = self.shape(wide) else { return self.unknown(node, "a shape") };
        let ones = || (0..shape.len()).filter(|a| shape[*a] == 1).collect::<Vec<usize>>();
        let axes = match self.numbers(node, 1, "axes") {
            Some(axes) => axes.iter().filter_map(|a| positive(*a, shape.len())).collect(),
            None if squeezes && node.input.len() < 2 => ones(),
            None => return self.unknown(node, "the axis"),
        };
        let rest = (0..shape.len()).filter(|axis| !axes.contains(axis));
        for (to, from) in rest.enumerate() {
            self.tie_axis(node, (wide, from), (narrow, to));
        }
        self.pin_axes(wide, axes, &format!("node `{}` adds or drops it", node.name));
    }

    pub(super) fn resize(&mut self, node: &Node) {
        let (Some(x), Some(y)) = (node.input.first(), node.output.first()) else { return };
        let (Some(xs), Some(ys)) = (self.shape(x), self.shape(y)) else {
            return self.unknown(node, "a shape");
        };
        let reason = format!("node `{}` resamples it", node.name);
        for axis in 0..xs.len().min(ys.len()) {
            // Channels stand at axis 1, or at the end; what keeps its size is not resampled.
            if xs[axis] == ys[axis] && (axis < 2 || axis + 1 == xs.len()) {
                self.tie_axis(node, (x, axis), (y, axis));
            } else {
                [x, y].into_iter().for_each(|tensor| self.e.pin_axis(tensor, axis, &reason));
            }
        }
    }
}
