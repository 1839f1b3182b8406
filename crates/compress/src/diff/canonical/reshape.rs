//! Copies, reshapes, transpositions and slices in one form, by the shapes that the analysis found.
//!
//! A canonical Reshape has its target in an attribute `shape`, a canonical Slice has one axis with
//! `start` and `end` in attributes. Neither is ONNX.

use super::rewriter::GraphRewriter;
use paring_onnx::graph::{self, Node, set_int, set_ints};
use std::collections::BTreeMap;

/// Operands of more elements are not looked at for whether they do nothing.
const MOST_NEUTRAL: usize = 1 << 20;

/// Nodes in their new form, and under which names their outputs are read.
#[derive(Default)]
struct ReshapeSweep {
    nodes: Vec<Node>,
    producers: BTreeMap<String, usize>,
    renamed: BTreeMap<String, String>,
}

/// Rewrites all nodes in order.
pub(super) fn normalize(rewriter: &mut GraphRewriter) {
    let mut sweep = ReshapeSweep::default();
    for node in rewriter.graph.nodes().to_vec() {
        let mut node = node;
        for input in &mut node.input {
            while let Some(other) = sweep.renamed.get(input) {
                input.clone_from(other);
            }
        }
        // What is computed first, where the order does not matter.
        let commutes = ["Add", "Mul"].contains(&node.op_type.as_str()) && node.input.len() == 2;
        if commutes && rewriter.is_constant(&node.input[0]) {
            node.input.swap(0, 1);
        }
        let constant = node.input.first().is_some_and(|x| rewriter.is_constant(x));
        if !constant {
            match node.op_type.as_str() {
                "Split" => {
                    sweep.split(rewriter, &node);
                    continue;
                }
                "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => {
                    sweep.reshape(rewriter, &mut node)
                }
                "Transpose" => sweep.transpose(rewriter, &mut node),
                "Slice" => slice(rewriter, &mut node),
                _ => {}
            }
        }
        match constant {
            true => sweep.push(node),
            false => sweep.settle(rewriter, node),
        }
    }
    rewriter.graph.set_nodes(sweep.nodes);
    rewriter.renamed.extend(sweep.renamed);
}

/// True of a node that hands on what it reads.
fn is_copy(rewriter: &GraphRewriter, node: &Node) -> bool {
    let given = node.output.iter().filter(|o| !o.is_empty()).count();
    let (Some(x), Some(y)) = (node.input.first(), node.output.first()) else { return false };
    let same = || rewriter.shape(x).is_some_and(|shape| rewriter.shape(y) == Some(shape));
    let all = |by: &String, neutral: f32| {
        let small =
            rewriter.graph.dims(by).is_some_and(|d| d.iter().product::<usize>() < MOST_NEUTRAL);
        small && rewriter.floats(by).is_some_and(|(_, values)| values.iter().all(|v| *v == neutral))
    };
    let axes = |order: Vec<i64>| order.iter().enumerate().all(|(to, from)| to as i64 == *from);
    given == 1
        && match node.op_type.as_str() {
            "Identity" => true,
            "Cast" => {
                let type_of = |tensor| rewriter.facts.types.get(tensor);
                type_of(x).is_some() && type_of(x) == type_of(y)
            }
            "Dropout" => node.input.len() < 3,
            "Concat" => node.input.len() == 1,
            "Reshape" | "Expand" => same(),
            "Slice" => node.input.len() == 1 && same(),
            "Transpose" => graph::ints(node, "perm").is_some_and(axes),
            "Mul" | "Div" => node.input.get(1).is_some_and(|by| all(by, 1.0)) && same(),
            "Add" | "Sub" => node.input.get(1).is_some_and(|by| all(by, 0.0)) && same(),
            _ => false,
        }
}

impl ReshapeSweep {
    fn push(&mut self, node: Node) {
        for output in node.output.iter().filter(|o| !o.is_empty()) {
            self.producers.insert(output.clone(), self.nodes.len());
        }
        self.nodes.push(node);
    }

    /// Adds a node, unless it only hands on what it reads; behind a Transpose in front of it.
    fn settle(&mut self, rewriter: &mut GraphRewriter, node: Node) {
        let (node, turned) = match self.turned_round(rewriter, &node) {
            None => (node, None),
            Some((mut moved, turned)) => {
                if moved.op_type == "Reshape" {
                    self.skip_reshapes(&mut moved);
                }
                (moved, Some(turned))
            }
        };
        for mut node in std::iter::once(node).chain(turned) {
            for input in &mut node.input {
                while let Some(other) = self.renamed.get(input) {
                    input.clone_from(other);
                }
            }
            match is_copy(rewriter, &node) {
                true => self.copy(rewriter, node),
                false => self.push(node),
            }
        }
    }

    /// A node that picks from an axis, or adds and drops axes of one entry, reading what the Transpose
    /// or Reshape before it reads, and what of these then has to follow: exporters do the two in
    /// either order.
    fn turned_round(&self, rewriter: &mut GraphRewriter, node: &Node) -> Option<(Node, Node)> {
        let [y] = node.output.as_slice() else { return None };
        let Some(before) = self.producer(node.input.first()?, "Transpose") else {
            return self.before_reshape(rewriter, node, y);
        };
        let (x, order) = (before.input[0].clone(), graph::ints(before, "perm")?);
        let order: Vec<usize> =
            order.iter().map(|axis| usize::try_from(*axis).ok()).collect::<Option<_>>()?;
        let from = rewriter.shape(&x).filter(|shape| shape.len() == order.len())?.to_vec();
        let to = rewriter.shape(y)?.to_vec();
        let mut moved = node.clone();
        let (shape, order) = match node.op_type.as_str() {
            "Slice" | "Gather" => {
                let axis = picked_axis(rewriter, node, order.len())?;
                let source = *order.get(axis)?;
                set_int(&mut moved, "axis", source as i64);
                let shape = picked_shape(&from, source, &to, axis, &node.op_type);
                match node.op_type.as_str() {
                    "Slice" => (shape, order),
                    _ => {
                        let others = order.iter().filter(|a| **a != source);
                        (shape, others.map(|a| a - usize::from(*a > source)).collect())
                    }
                }
            }
            "Reshape" if node.input.len() == 1 => {
                let (shape, order) = around_units(&from, &order, &to)?;
                set_ints(&mut moved, "shape", shape.iter().map(|d| *d as i64).collect());
                (shape, order)
            }
            _ => return None,
        };
        let between = format!("{y}#before {}", before.name);
        moved.input[0] = x;
        moved.output[0].clone_from(&between);
        rewriter.facts.shapes.insert(between.clone(), shape);
        let mut turned = before.clone();
        (turned.input[0], turned.output[0]) = (between, y.clone());
        set_ints(&mut turned, "perm", order.iter().map(|a| *a as i64).collect());
        Some((moved, turned))
    }

    /// [`ReshapeSweep::turned_round`] for a Reshape that only adds and drops axes of one entry.
    fn before_reshape(
        &self,
        rewriter: &mut GraphRewriter,
        node: &Node,
        y: &String,
    ) -> Option<(Node, Node)> {
        let before = self.producer(&node.input[0], "Reshape").filter(|b| b.input.len() == 1)?;
        let x = before.input[0].clone();
        let from = rewriter.shape(&x)?.to_vec();
        let (flat, to) = (rewriter.shape(&node.input[0])?, rewriter.shape(y)?);
        let axis = picked_axis(rewriter, node, flat.len())?;
        let wide =
            |shape: &[usize]| (0..shape.len()).filter(|a| shape[*a] != 1).collect::<Vec<_>>();
        let (ours, theirs) = (wide(&from), wide(flat));
        let same = ours.iter().map(|a| from[*a]).eq(theirs.iter().map(|a| flat[*a]));
        let source = *ours.get(theirs.iter().position(|a| *a == axis)?).filter(|_| same)?;
        let shape = picked_shape(&from, source, to, axis, &node.op_type);
        let (mut moved, mut turned) = (node.clone(), before.clone());
        set_int(&mut moved, "axis", source as i64);
        set_ints(&mut turned, "shape", to.iter().map(|d| *d as i64).collect());
        let between = format!("{y}#before {}", before.name);
        moved.input[0] = x;
        moved.output[0].clone_from(&between);
        (turned.input[0], turned.output[0]) = (between.clone(), y.clone());
        rewriter.facts.shapes.insert(between, shape);
        Some((moved, turned))
    }

    /// The node behind a tensor where it has this operator.
    fn producer(&self, tensor: &str, op: &str) -> Option<&Node> {
        let node = self.nodes.get(*self.producers.get(tensor)?)?;
        (node.op_type == op).then_some(node)
    }

    /// Reads through a copy. The name of an output of the model goes to whoever makes its values.
    fn copy(&mut self, rewriter: &GraphRewriter, node: Node) {
        let (x, y) = (node.input[0].clone(), node.output[0].clone());
        if !rewriter.is_fixed(&y) {
            self.renamed.insert(y, x);
            return;
        }
        match self.producers.get(&x).copied().filter(|_| !rewriter.is_fixed(&x)) {
            None => self.push(node),
            Some(producer) => {
                for earlier in &mut self.nodes {
                    let names = earlier.input.iter_mut().chain(&mut earlier.output);
                    names.filter(|name| **name == x).for_each(|name| name.clone_from(&y));
                }
                self.producers.insert(y.clone(), producer);
                self.renamed.insert(x, y);
            }
        }
    }

    fn reshape(&self, rewriter: &GraphRewriter, node: &mut Node) {
        let Some(shape) = node.output.first().and_then(|y| rewriter.shape(y)) else { return };
        let shape: Vec<i64> = shape.iter().map(|d| *d as i64).collect();
        node.op_type = "Reshape".into();
        node.attribute.clear();
        node.input.truncate(1);
        set_ints(node, "shape", shape);
        self.skip_reshapes(node);
    }

    /// A Reshape reads what the Reshape before it reads.
    fn skip_reshapes(&self, node: &mut Node) {
        while let Some(before) = self.producer(&node.input[0], "Reshape")
            && before.input.len() == 1
        {
            node.input[0].clone_from(&before.input[0]);
        }
    }

    fn transpose(&self, rewriter: &GraphRewriter, node: &mut Node) {
        let rank = node.output.first().and_then(|y| rewriter.shape(y)).map(<[usize]>::len);
        let order = graph::ints(node, "perm")
            .or_else(|| rank.map(|rank| (0..rank as i64).rev().collect::<Vec<i64>>()));
        let Some(order) = order else { return };
        let before = self.producer(&node.input[0], "Transpose");
        let earlier = before.and_then(|b| Some((b.input[0].clone(), graph::ints(b, "perm")?)));
        let order = match &earlier {
            None => Some(order),
            Some((_, first)) => {
                let at = |axis: &i64| first.get(usize::try_from(*axis).ok()?).copied();
                order.iter().map(at).collect()
            }
        };
        let Some(order) = order else { return };
        set_ints(node, "perm", order.clone());
        if let Some((x, _)) = earlier {
            node.input[0] = x;
        }
        let wide = |axis: &&i64| {
            let shape = rewriter.shape(&node.input[0]);
            let axis = usize::try_from(**axis).ok();
            shape.zip(axis).and_then(|(shape, axis)| shape.get(axis)).is_none_or(|n| *n != 1)
        };
        // Only axes of one entry move.
        if order.iter().filter(wide).is_sorted() {
            self.reshape(rewriter, node);
        }
    }

    /// One Slice for each part.
    fn split(&mut self, rewriter: &mut GraphRewriter, node: &Node) {
        let axis = graph::int(node, "axis").unwrap_or(0);
        let rank = rewriter.shape(&node.input[0]).map_or(0, <[usize]>::len) as i64;
        let axis = usize::try_from(if axis < 0 { axis + rank } else { axis }).unwrap_or(0);
        let lengths: Option<Vec<usize>> =
            node.output.iter().map(|y| rewriter.shape(y)?.get(axis).copied()).collect();
        let Some(lengths) = lengths else { return self.push(node.clone()) };
        let mut start = 0;
        for (part, length) in node.output.iter().zip(lengths) {
            let mut own = Node {
                name: format!("{}/{part}", node.name),
                op_type: "Slice".into(),
                input: vec![node.input[0].clone()],
                output: vec![part.clone()],
                ..Node::default()
            };
            place(&mut own, axis, start, start + length);
            start += length;
            self.settle(rewriter, own);
        }
    }
}

/// The axis of a canonical Slice, or of a Gather of one entry, of a tensor of `rank` axes.
fn picked_axis(rewriter: &GraphRewriter, node: &Node, rank: usize) -> Option<usize> {
    let one = match node.op_type.as_str() {
        "Slice" => node.input.len() == 1,
        "Gather" => rewriter.graph.dims(node.input.get(1)?)?.is_empty(),
        _ => false,
    };
    let axis = graph::int(node, "axis").unwrap_or(0);
    let axis = usize::try_from(if axis < 0 { axis + rank as i64 } else { axis }).ok()?;
    (one && axis < rank).then_some(axis)
}

/// The rest of a shape where a Slice along axis `source`, or a Gather of one entry, is what one
/// along `axis` with the shape `to` was.
fn picked_shape(from: &[usize], source: usize, to: &[usize], axis: usize, op: &str) -> Vec<usize> {
    let mut shape = from.to_vec();
    match op {
        "Slice" => shape[source] = to[axis],
        _ => drop(shape.remove(source)),
    }
    shape
}

/// A tensor of shape `from` is transposed by `order` and then reshaped to `to`. Where that only adds and
/// drops axes of one entry: the shape and the order with which it can be reshaped first.
fn around_units(from: &[usize], order: &[usize], to: &[usize]) -> Option<(Vec<usize>, Vec<usize>)> {
    let wide: Vec<usize> = (0..from.len()).filter(|axis| from[*axis] != 1).collect();
    let places: Vec<usize> = (0..to.len()).filter(|axis| to[*axis] != 1).collect();
    let read: Vec<usize> = order.iter().copied().filter(|axis| from[*axis] != 1).collect();
    let same = read.iter().map(|axis| from[*axis]).eq(places.iter().map(|axis| to[*axis]));
    if !same {
        return None;
    }
    let (mut shape, mut turned) = (vec![1; to.len()], (0..to.len()).collect::<Vec<usize>>());
    for (place, axis) in places.iter().zip(&wide) {
        shape[*place] = from[*axis];
    }
    for (place, axis) in places.iter().zip(&read) {
        turned[*place] = places[wide.iter().position(|w| w == axis)?];
    }
    Some((shape, turned))
}

fn place(node: &mut Node, axis: usize, start: usize, end: usize) {
    node.attribute.clear();
    node.input.truncate(1);
    set_int(node, "axis", axis as i64);
    set_int(node, "start", start as i64);
    set_int(node, "end", end as i64);
}

/// A slice along one axis by ones, with stored bounds.
fn slice(rewriter: &GraphRewriter, node: &mut Node) {
    let one = |slot: usize| -> Option<i64> {
        match rewriter.graph.integers(node.input.get(slot)?)?.as_slice() {
            [value] => Some(*value),
            _ => None,
        }
    };
    let stepped = node.input.get(4).is_some_and(|s| !s.is_empty()) && one(4) != Some(1);
    let (Some(start), Some(axis), false) = (one(1), one(3), stepped) else { return };
    let (Some(from), Some(to)) = (rewriter.shape(&node.input[0]), rewriter.shape(&node.output[0]))
    else {
        return;
    };
    let axis = if axis < 0 { axis + from.len() as i64 } else { axis };
    let Ok(axis) = usize::try_from(axis) else { return };
    let (Some(from), Some(length)) = (from.get(axis), to.get(axis)) else { return };
    let start = if start < 0 { start + *from as i64 } else { start.min(*from as i64) };
    let start = usize::try_from(start).unwrap_or(0);
    let length = *length;
    place(node, axis, start, start + length);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_of_one_entry_are_added_and_dropped_before_or_behind_a_transposition() {
        // [1, 17, 3, 16] turned to [3, 1, 17, 16], the axis of one dropped: [3, 17, 16].
        let found = around_units(&[1, 17, 3, 16], &[2, 0, 1, 3], &[3, 17, 16]);
        assert_eq!(found, Some((vec![17, 3, 16], vec![1, 0, 2])));
        // Added in front and behind.
        let found = around_units(&[4, 5], &[1, 0], &[1, 5, 4, 1]);
        assert_eq!(found, Some((vec![1, 4, 5, 1], vec![0, 2, 1, 3])));
        assert_eq!(around_units(&[4, 6], &[1, 0], &[3, 8]), None);
        assert_eq!(around_units(&[4, 6], &[1, 0], &[4, 6]), None);
    }
}
