//! Axis constraints of one node while its family's rule collects them.

use super::axis_constraint::{AxisConstraint, TensorAxis, TensorEntry};
use crate::graph::{Graph, Node, TensorFacts, int, ints};
use paring_agent::engine::onnx;

/// A node, the shapes around it, and the constraints found so far.
pub(super) struct AxisRules<'a> {
    pub(super) graph: &'a Graph,
    pub(super) facts: &'a TensorFacts,
    pub(super) node: &'a Node,
    constraints: Vec<AxisConstraint<'a>>,
}

/// An axis counted from the end where it is negative; `None` beyond the rank.
pub(super) fn positive(axis: i64, rank: usize) -> Option<usize> {
    let axis = if axis < 0 { axis + rank as i64 } else { axis };
    usize::try_from(axis).ok().filter(|a| *a < rank.max(1))
}

impl<'a> AxisRules<'a> {
    pub(super) fn new(graph: &'a Graph, facts: &'a TensorFacts, node: &'a Node) -> Self {
        AxisRules { graph, facts, node, constraints: Vec::new() }
    }

    pub(super) fn into_constraints(self) -> Vec<AxisConstraint<'a>> {
        self.constraints
    }

    /// The first input and the first output.
    pub(super) fn ends(&self) -> Option<(&'a str, &'a str)> {
        Some((self.node.input.first()?, self.node.output.first()?))
    }

    pub(super) fn shape(&self, tensor: &str) -> Option<&'a [usize]> {
        self.facts.shapes.get(tensor).map(Vec::as_slice)
    }

    pub(super) fn rank(&self, tensor: &str) -> usize {
        self.shape(tensor).map_or(0, <[usize]>::len)
    }

    /// Integers that the node takes as an input or, in older operator sets, as an attribute.
    pub(super) fn numbers(&self, slot: usize, attribute: &str) -> Option<Vec<i64>> {
        match self.node.input.get(slot).filter(|i| !i.is_empty()) {
            Some(input) => self.facts.integers.get(input).cloned(),
            None => ints(self.node, attribute),
        }
    }

    /// The axis in the attribute `axis` of a tensor of this rank.
    pub(super) fn axis(&self, default: i64, rank: usize) -> Option<usize> {
        positive(int(self.node, "axis").unwrap_or(default), rank)
    }

    pub(super) fn tie(&mut self, first: TensorAxis<'a>, second: TensorAxis<'a>) {
        self.constraints.push(AxisConstraint::TieAxes { first, second });
    }

    pub(super) fn tie_entry(&mut self, first: TensorEntry<'a>, second: TensorEntry<'a>) {
        self.tie_run(first, second, 1);
    }

    pub(super) fn tie_run(
        &mut self,
        first: TensorEntry<'a>,
        second: TensorEntry<'a>,
        count: usize,
    ) {
        self.constraints.push(AxisConstraint::TieEntries { first, second, count });
    }

    /// Ties all axes of the first input and the first output; further inputs must not depend on them.
    pub(super) fn tie_same_shape(&mut self) {
        let Some((x, y)) = self.ends() else { return };
        (0..self.rank(x)).for_each(|axis| self.tie((x, axis), (y, axis)));
    }

    /// Ties the first `operands` inputs to the output that they are broadcast to.
    pub(super) fn tie_broadcast(&mut self, operands: usize) {
        let node = self.node;
        let y = &node.output[0];
        let Some(ys) = self.shape(y) else { return self.pin_unknown("the shape") };
        for x in &node.input[..operands] {
            let Some(xs) = self.shape(x) else { continue };
            for (axis, size) in xs.iter().enumerate() {
                let target = axis + ys.len() - xs.len();
                // A size of 1 serves all entries of the other side, whichever remain.
                if *size != 1 || ys[target] == 1 {
                    self.tie((x, axis), (y, target));
                }
            }
        }
    }

    pub(super) fn pin_axis(&mut self, tensor: &'a str, axis: usize, reason: &str) {
        let reason = reason.to_string();
        self.constraints.push(AxisConstraint::Pin { axis: (tensor, axis), reason });
    }

    pub(super) fn pin_axes(
        &mut self,
        tensor: &'a str,
        axes: impl IntoIterator<Item = usize>,
        reason: &str,
    ) {
        axes.into_iter().for_each(|axis| self.pin_axis(tensor, axis, reason));
    }

    /// Keeps all axes of a tensor.
    pub(super) fn pin(&mut self, tensor: &'a str, reason: &str) {
        self.pin_axes(tensor, 0..self.rank(tensor), reason);
    }

    /// Keeps everything that the node reads and gives, also what its bodies read.
    pub(super) fn pin_all(&mut self, reason: &str) {
        let node = self.node;
        node.input.iter().chain(&node.output).for_each(|tensor| self.pin(tensor, reason));
        // What a body reads from outside is read by this node.
        onnx::captured(node).into_iter().for_each(|tensor| self.pin(tensor, reason));
    }

    /// Keeps everything, because the file does not tell `what`.
    pub(super) fn pin_unknown(&mut self, what: &str) {
        let Node { name, op_type, .. } = self.node;
        self.pin_all(&format!("{what} of node `{name}` ({op_type}) is unknown"));
    }

    /// Keeps everything, because the operator has no rule.
    pub(super) fn pin_without_rule(&mut self) {
        let Node { name, op_type, .. } = self.node;
        self.pin_all(&format!("operator {op_type} (node `{name}`) has no rule"));
    }

    pub(super) fn lossy(&mut self, tensor: &'a str, axis: usize, reason: &str) {
        let reason = reason.to_string();
        self.constraints.push(AxisConstraint::Lossy { axis: (tensor, axis), reason });
    }

    pub(super) fn factor(
        &mut self,
        whole: TensorAxis<'a>,
        (tensor, factors): (&'a str, &[usize]),
        last: bool,
    ) {
        let reason = format!("node `{}` folds it together with another axis", self.node.name);
        let factors = factors.to_vec();
        self.constraints.push(AxisConstraint::Factor { whole, tensor, factors, last, reason });
    }
}
