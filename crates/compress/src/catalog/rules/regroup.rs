//! Reshapes: an axis that falls apart into factors, or factors that become one axis.
//!
//! Only one of the factors can carry components, because what remains must still be a box. Heads are
//! the first factor of a row of features, shuffled channels the last of an axis of channels; where
//! all but one factor are kept anyway, that one carries.

use super::Rules;
use paring_onnx::graph::Node;
use std::ops::Range;

impl Rules<'_> {
    pub(super) fn regroup(&mut self, node: &Node) {
        let (Some(x), Some(y)) = (node.input.first(), node.output.first()) else { return };
        let (Some(xs), Some(ys)) = (self.shape(x), self.shape(y)) else {
            return self.unknown(node, "a shape");
        };
        for (from, to) in groups(&xs, &ys) {
            let wide = |range: &Range<usize>, shape: &[usize]| -> Vec<usize> {
                range.clone().filter(|axis| shape[*axis] > 1).collect()
            };
            let (from, to) = (wide(&from, &xs), wide(&to, &ys));
            match (&from[..], &to[..]) {
                ([], _) | (_, []) => {}
                ([a], [b]) => self.tie_axis(node, (x, *a), (y, *b)),
                ([whole], factors) => self.factors(node, (x, *whole), (y, factors), xs.len() >= 4),
                (factors, [whole]) => self.factors(node, (y, *whole), (x, factors), false),
                _ => {
                    let reason = format!("node `{}` regroups several axes at once", node.name);
                    self.pin_axes(x, from, &reason);
                    self.pin_axes(y, to, &reason);
                }
            }
        }
    }

    fn factors(&mut self, node: &Node, whole: (&str, usize), parts: (&str, &[usize]), last: bool) {
        let shape = self.shape(parts.0).unwrap_or_default();
        let free: Vec<usize> = (0..parts.1.len())
            .filter(|place| self.e.pinned((parts.0, parts.1[*place], 0)).is_none())
            .collect();
        let carrier = match (free.first(), free.last()) {
            (Some(first), Some(end)) => *(if last { end } else { first }),
            // All are kept: so is the whole, and for the first one's reason.
            _ => 0,
        };
        let reason = format!("node `{}` folds it together with another axis", node.name);
        for (place, axis) in parts.1.iter().enumerate().filter(|(place, _)| *place != carrier) {
            debug_assert_ne!(place, carrier);
            self.e.pin_axis(parts.0, *axis, &reason);
        }
        let inner: usize = parts.1[carrier + 1..].iter().map(|axis| shape[*axis]).product();
        let width = shape[parts.1[carrier]];
        let total: usize = parts.1.iter().map(|axis| shape[*axis]).product();
        for index in 0..total {
            let component = index / inner % width;
            self.e.tie((whole.0, whole.1, index), (parts.0, parts.1[carrier], component));
        }
    }
}

/// Smallest runs of axes on both sides that hold the same number of elements.
fn groups(xs: &[usize], ys: &[usize]) -> Vec<(Range<usize>, Range<usize>)> {
    let (mut i, mut j, mut found) = (0, 0, Vec::new());
    while i < xs.len() && j < ys.len() {
        let (from, to) = (i, j);
        let (mut left, mut right) = (xs[i], ys[j]);
        (i, j) = (i + 1, j + 1);
        while left != right {
            if left < right && i < xs.len() {
                left *= xs[i];
                i += 1;
            } else if right < left && j < ys.len() {
                right *= ys[j];
                j += 1;
            } else {
                break;
            }
        }
        found.push((from..i, to..j));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(xs: &[usize], ys: &[usize], expected: &[(Range<usize>, Range<usize>)]) {
        assert_eq!(groups(xs, ys), expected);
    }

    #[test]
    fn axes_are_matched_by_what_they_hold() {
        is(&[1, 16, 48], &[1, 16, 3, 16], &[(0..1, 0..1), (1..2, 1..2), (2..3, 2..4)]);
        is(&[1, 4, 16, 8], &[4, 16, 8], &[(0..2, 0..1), (2..3, 1..2), (3..4, 2..3)]);
        is(&[2, 6, 5, 5], &[2, 150], &[(0..1, 0..1), (1..4, 1..2)]);
        is(&[1, 64, 1, 1], &[1, 64], &[(0..1, 0..1), (1..2, 1..2)]);
    }
}
