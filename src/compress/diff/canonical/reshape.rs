//! Copies, reshapes, transpositions and slices in one form, by the shapes that the analysis found.
//!
//! A canonical Reshape has its target in an attribute `shape`, a canonical Slice has one axis with
//! `start` and `end` in attributes. Neither is ONNX.

use super::affine::is_product;
use super::rewriter::Rewriter;
use crate::graph::{self, Index, Node, set_int, set_ints};
use std::collections::BTreeMap;

/// Nodes in their new form, and under which names their outputs are read.
#[derive(Default)]
struct Sweep {
    nodes: Vec<Node>,
    producers: BTreeMap<String, usize>,
    renamed: BTreeMap<String, String>,
}

/// Rewrites all nodes in order.
pub(super) fn normalize(rewriter: &mut Rewriter) {
    let mut sweep = Sweep::default();
    for node in rewriter.graph.nodes().to_vec() {
        let mut node = node;
        for input in &mut node.input {
            while let Some(other) = sweep.renamed.get(input) {
                input.clone_from(other);
            }
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
        if !constant && is_copy(rewriter, &node) {
            sweep.copy(rewriter, node);
        } else {
            sweep.push(node);
        }
    }
    rewriter.graph.set_nodes(sweep.nodes);
    rewriter.renamed.extend(sweep.renamed);
}

/// Whether a node hands on what it reads.
fn is_copy(rewriter: &Rewriter, node: &Node) -> bool {
    let given = node.output.iter().filter(|o| !o.is_empty()).count();
    let (Some(x), Some(y)) = (node.input.first(), node.output.first()) else { return false };
    let same = || rewriter.shape(x).is_some_and(|shape| rewriter.shape(y) == Some(shape));
    let axes = |order: Vec<i64>| order.iter().enumerate().all(|(to, from)| to as i64 == *from);
    given == 1
        && match node.op_type.as_str() {
            "Identity" => true,
            "Dropout" => node.input.len() < 3,
            "Concat" => node.input.len() == 1,
            "Reshape" | "Expand" => same(),
            "Slice" => node.input.len() == 1 && same(),
            "Transpose" => graph::ints(node, "perm").is_some_and(axes),
            _ => false,
        }
}

impl Sweep {
    fn push(&mut self, node: Node) {
        for output in node.output.iter().filter(|o| !o.is_empty()) {
            self.producers.insert(output.clone(), self.nodes.len());
        }
        self.nodes.push(node);
    }

    /// The node behind a tensor where it has this operator.
    fn producer(&self, tensor: &str, op: &str) -> Option<&Node> {
        let node = self.nodes.get(*self.producers.get(tensor)?)?;
        (node.op_type == op).then_some(node)
    }

    /// Reads through a copy. The name of an output of the model goes to whoever makes its values.
    fn copy(&mut self, rewriter: &Rewriter, node: Node) {
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

    fn reshape(&self, rewriter: &Rewriter, node: &mut Node) {
        let Some(shape) = node.output.first().and_then(|y| rewriter.shape(y)) else { return };
        let shape: Vec<i64> = shape.iter().map(|d| *d as i64).collect();
        node.op_type = "Reshape".into();
        node.attribute.clear();
        node.input.truncate(1);
        set_ints(node, "shape", shape);
        while let Some(before) = self.producer(&node.input[0], "Reshape")
            && before.input.len() == 1
        {
            node.input[0].clone_from(&before.input[0]);
        }
    }

    fn transpose(&self, rewriter: &Rewriter, node: &mut Node) {
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
        set_ints(node, "perm", order);
        if let Some((x, _)) = earlier {
            node.input[0] = x;
        }
    }

    /// One Slice for each part.
    fn split(&mut self, rewriter: &Rewriter, node: &Node) {
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
            self.push(own);
        }
    }
}

fn place(node: &mut Node, axis: usize, start: usize, end: usize) {
    node.attribute.clear();
    node.input.truncate(1);
    set_int(node, "axis", axis as i64);
    set_int(node, "start", start as i64);
    set_int(node, "end", end as i64);
}

/// A slice along one axis by ones, with stored bounds.
fn slice(rewriter: &Rewriter, node: &mut Node) {
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

/// Products read what a reshape of leading axes read, where only reshapes read them.
pub(super) fn unwrap_products(rewriter: &mut Rewriter) {
    let index = Index::new(&rewriter.graph);
    let mut changes: Vec<(usize, String, Vec<usize>)> = Vec::new();
    for (position, node) in rewriter.graph.nodes().iter().enumerate() {
        let matrix = ["MatMul", "Gemm"].contains(&node.op_type.as_str());
        if !matrix || !is_product(rewriter, node) {
            continue;
        }
        let before = index.producer(&node.input[0]).and_then(|p| rewriter.graph.nodes().get(p));
        let Some(before) = before.filter(|b| b.op_type == "Reshape" && b.input.len() == 1) else {
            continue;
        };
        let y = &node.output[0];
        let readers = index.consumers(y);
        let reshaped = |(p, _): &(usize, usize)| rewriter.graph.nodes()[*p].op_type == "Reshape";
        let (Some(x), Some(flat), Some(out)) = (
            rewriter.shape(&before.input[0]),
            rewriter.shape(&node.input[0]),
            rewriter.shape(y).and_then(<[usize]>::last),
        ) else {
            continue;
        };
        if x.last() != flat.last() || rewriter.is_fixed(y) || !readers.iter().all(reshaped) {
            continue;
        }
        let mut shape = x.to_vec();
        shape.pop();
        shape.push(*out);
        changes.push((position, before.input[0].clone(), shape));
    }
    for (position, x, shape) in changes {
        if let Some(node) = rewriter.graph.node_mut(position) {
            node.input[0] = x;
            let y = node.output[0].clone();
            rewriter.facts.shapes.insert(y, shape);
        }
    }
}
